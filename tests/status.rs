//! What `status` and `receipt` show of a host, and how they refuse.

mod support;

use support::{Lab, told};

/// A lab with br0 on eth0, a libvirt network and a guest of libvirt's files, and a tap of nobody.
fn lab() -> Lab {
    let lab = Lab::start(["--no-libvirt", "--no-ra"]);
    lab.host(["virt-bridge", "up", "br0", "--uplink", "eth0", "--no-confirm"]);
    for (tap, mac) in [("vnet0", "fe:54:00:00:00:30"), ("tap9", "fe:54:00:00:00:99")] {
        lab.host(["ip", "tuntap", "add", tap, "mode", "tap"]);
        lab.host(["ip", "link", "set", tap, "address", mac, "master", "br0"]);
    }
    lab.host(["ip", "link", "set", "vnet0", "up"]);
    lab.host(["mkdir", "-p", "/run/libvirt/qemu", "/run/libvirt/network", "/etc/libvirt/qemu/networks/autostart"]);
    lab.write(
        "/run/libvirt/qemu/web.xml",
        "<domstatus><domain><devices><interface type='network'><mac address='52:54:00:00:00:30'/>\
         <vlan><tag id='7'/></vlan><target dev='vnet0'/></interface></devices></domain></domstatus>",
    );
    for (place, text) in [
        ("/etc/libvirt/qemu/networks/lan.xml", "<network><name>lan</name><bridge name='br0'/></network>"),
        ("/run/libvirt/network/lan.xml", "<networkstatus><network><bridge name='br0'/></network></networkstatus>"),
    ] {
        lab.write(place, text);
    }
    lab
}

#[test]
fn the_host_is_a_tree_from_the_lan_to_the_guests() {
    let lab = lab();
    lab.host(["ping", "-c1", "-W2", "192.0.2.1"]);
    lab.host(["ping", "-c1", "-W2", "2001:db8:0:1::1"]);
    let text = lab.host(["virt-bridge", "status", "br0"]);
    let traffic = without_counts(&text);
    let expected = "\
LAN  gateway 192.0.2.1 (52:54:00:00:00:01, reachable), 2001:db8:0:1::1 (52:54:00:00:00:01, reachable)
└─ eth0  up, veth, ↓ N, ↑ N
   └─ br0  up, 192.0.2.10/24, 2001:db8:0:1::10/64
      │  52:54:00:00:00:10, MTU 1500, STP off, VLAN filtering off
      │  packets between ports pass the host's iptables, ip6tables, arptables
      ├─ vnet0  web    52:54:00:00:00:30  VLAN 7  ↓ N  ↑ N  no carrier
      ├─ tap9   (tun)  fe:54:00:00:00:99          ↓ N  ↑ N  down
      └─ network lan  active, no autostart
";
    assert_eq!(traffic, expected, "{text}");
    assert!(!text.contains('\x1b'), "colours into a pipe");
    assert!(without_counts(&lab.host(["virt-bridge"])).starts_with(expected), "`virt-bridge` alone is `status`");
}

/// The text with `N` for what the counters say, which differs from run to run.
fn without_counts(text: &str) -> String {
    let mut shown = String::new();
    for line in text.lines() {
        let mut words = line.split(' ').peekable();
        let mut line = Vec::new();
        while let Some(word) = words.next() {
            line.push(word.to_owned());
            if ["↓", "↑"].contains(&word) {
                let number = words.by_ref().find(|word| !word.is_empty()).unwrap();
                assert!(number.parse::<f64>().is_ok(), "{number}");
                let unit = words.next().unwrap();
                line.push(format!("N{}", if unit.ends_with(',') { "," } else { "" }));
            }
        }
        shown += &(line.join(" ") + "\n");
    }
    shown
}

#[test]
fn a_terminal_has_colours_unless_no_color_is_set() {
    let lab = lab();
    for (variable, colours) in [("A=b", true), ("NO_COLOR=1", false), ("NO_COLOR=", true), ("TERM=dumb", false)] {
        let command = ["env", variable, "virt-bridge", "status"];
        let mut terminal = support::terminal::Terminal::run(&lab, &command, "");
        assert!(terminal.end().success());
        assert_eq!(terminal.screen().contains("\x1b[1mbr0\x1b[0m"), colours, "{variable}: {}", terminal.screen());
    }
}

#[test]
fn a_terminal_gets_only_letters_that_its_locale_has() {
    let lab = lab();
    for (locale, branch) in [("C.UTF-8", "└─ "), ("C", "`- ")] {
        let locale = format!("LC_ALL={locale}");
        let mut terminal = support::terminal::Terminal::run(&lab, &["env", &locale, "virt-bridge", "status"], "");
        assert!(terminal.end().success());
        let screen = terminal.screen();
        assert!(screen.contains(&format!("\r\n{branch}")), "{locale}: {screen}");
        assert_eq!(screen.is_ascii(), locale == "LC_ALL=C", "{screen}");
    }
}

/// The kernel lets links be called so, and a file of libvirt.
#[test]
fn no_name_can_move_the_cursor() {
    let lab = lab();
    let bad = "\x1b[2J\u{9b}m";
    lab.host(["ip", "link", "add", &format!("a{bad}"), "type", "veth", "peer", "name", &format!("b{bad}")]);
    lab.host(["ip", "link", "set", &format!("a{bad}"), "master", "br0"]);
    lab.host(["ip", "address", "add", "198.18.1.1/24", "dev", &format!("a{bad}")]);
    lab.host(["ip", "link", "add", &format!("c{bad}"), "type", "bridge"]);
    lab.host(["mv", "/run/libvirt/qemu/web.xml", &format!("/run/libvirt/qemu/w{bad}.xml")]);
    lab.host(["mkdir", "-p", "/run/network"]);
    lab.write("/run/network/ifstate", "eth0=eth0\n");
    lab.write("/etc/network/interfaces", &format!("auto eth0\niface eth0 inet dhcp\n\t# {bad}\n"));
    for command in [
        &["status"][..],
        &["check"],
        &["netfilter", "show"],
        &["netfilter", "apply", "--dry-run"],
        &["undo", "br0"],
        &["why", bad],
        &["receipt"],
        &["plan", "br0", "--uplink", "eth0", "--persist"],
        &["status", bad],
        &["status", "--json"],
        &["check", "--json"],
        &["up", "br0", "--uplink", "eth0", "--persist", "--no-confirm"],
    ] {
        let output = lab.attempt(std::iter::once("virt-bridge").chain(command.iter().copied()));
        let moves = |letter: char| letter.is_control() && !['\n', '\t'].contains(&letter);
        assert!(!told(&output).contains(moves), "{command:?}: {:?}", told(&output));
    }
    assert!(lab.host(["virt-bridge", "status"]).contains("a\\u{1b}[2J\\u{9b}m"));
}

/// Whatever bytes a shell hands over.
#[test]
fn an_argument_that_is_no_text_is_a_wrong_one() {
    let output = Lab::start(["--no-libvirt", "--no-ra"]).attempt(["bash", "-c", "virt-bridge $'\\xff'"]);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
}

#[test]
fn watching_begins_at_once() {
    let lab = lab();
    let seen = lab.attempt(["timeout", "2", "virt-bridge", "status", "--watch", "3600"]);
    assert!(told(&seen).contains("br0"), "{}", told(&seen));
}

#[test]
fn a_picture_for_which_there_is_no_room_leaves_the_earlier_one() {
    let lab = lab();
    let script = "mkdir /run/small; mount -t tmpfs -o size=4k tmpfs /run/small; echo earlier >/run/small/a.svg
        ! virt-bridge status --svg /run/small/a.svg 2>/run/said; head -n1 /run/said; ls /run/small; cat /run/small/a.svg";
    let said = lab.host(["bash", "-ec", script]);
    let expected =
        "virt-bridge: cannot write /run/small/a.svg: No space left on device (os error 28)\na.svg\nearlier\n";
    assert!(said.ends_with(expected), "{said}");
}

/// Directories that everybody may list have files that not everybody may read.
#[test]
fn who_may_not_read_what_runs_is_told_so() {
    let lab = lab();
    lab.host(["sh", "-ec", "chmod 755 /run/libvirt/qemu; chmod 600 /run/libvirt/qemu/*"]);
    for command in ["check", "status", "heal --dry-run"] {
        let said = lab.attempt(["sh", "-c", &format!("setpriv --reuid 65534 --clear-groups virt-bridge {command}")]);
        assert!(
            told(&said).contains("CAP_DAC_READ_SEARCH") && told(&said).contains("/run/libvirt/qemu"),
            "{}",
            told(&said)
        );
    }
}

#[test]
fn a_reader_that_has_gone_is_no_failure_but_a_full_disk_is() {
    let lab = lab();
    for verb in ["status", "status --json", "netfilter show --json", "receipt --json", "check --list"] {
        // A pipe whose reader has ended before anything is written.
        let gone = format!("exec 4> >(exit); wait $!; virt-bridge {verb} 2>&1 >&4; echo $?");
        assert_eq!(lab.host(["bash", "-c", &gone]), "0\n", "{verb}");
        let full = lab.attempt(["sh", "-c", &format!("virt-bridge {verb} >/dev/full")]);
        assert_ne!(full.status.code(), Some(0), "{verb}");
        assert!(told(&full).contains("virt-bridge: cannot write to stdout: No space left"), "{verb}: {}", told(&full));
    }
}

#[test]
fn what_would_cut_guests_off_is_asked_on_a_terminal_only() {
    let lab = lab();
    let refused = lab.attempt(["virt-bridge", "undo", "br0"]);
    assert_eq!(refused.status.code(), Some(1), "{}", told(&refused));
    for (answer, code) in [("\n", 1), ("n\n", 1), ("y\n", 0)] {
        let mut terminal = support::terminal::Terminal::run(&lab, &["virt-bridge", "undo", "br0"], "y\n");
        terminal.wait_for("br0 still has the ports vnet0, tap9: undo it all the same");
        assert!(lab.read("/run/virt-bridge/br0.json").contains("eth0"), "what was typed ahead has answered");
        terminal.press(answer);
        assert_eq!(terminal.end().code(), Some(code), "{answer:?}: {}", terminal.screen());
    }
    lab.host(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    lab.host(["ip", "link", "set", "vnet0", "master", "br0"]);
    lab.host(["virt-bridge", "undo", "br0", "--yes"]);
}

#[test]
fn scripts_read_everything_as_json() {
    let lab = lab();
    let picked = "virt-bridge status --json | jq -c '.bridges[0] | [.name, .uplink, (.ports[0] | .role, .name), \
                  (.ports[] | select(.name == \"vnet0\") | .domain, .vlans, .guest_mac, .role), .networks, \
                  .unconfirmed_ms, .made_by_virt_bridge, .interrupted]'";
    let expected = r#"["br0","eth0","uplink","eth0","web",[7],"52:54:00:00:00:30","guest",[{"name":"lan","active":true,"autostart":false}],null,true,false]"#;
    assert_eq!(lab.host(["sh", "-c", picked]).trim(), expected);
    let keys = lab.host(["sh", "-c", "virt-bridge status --json | jq -c '.bridges[0] | keys, (.ports[0] | keys)'"]);
    assert_eq!(
        keys,
        "[\"addresses\",\"carrier\",\"filtered\",\"forward_delay_ms\",\"gateways\",\"interrupted\",\"lacking\",\"mac\",\
         \"made_by_virt_bridge\",\"mtu\",\"name\",\"networks\",\"ports\",\"routes\",\"stp\",\"unconfirmed_ms\",\"up\",\
         \"uplink\",\"vlan_filtering\"]\n\
         [\"addresses\",\"carrier\",\"domain\",\"driver\",\"guest_mac\",\"kind\",\"mac\",\"mtu\",\"name\",\"owners\",\
         \"role\",\"speed_mbps\",\"traffic\",\"up\",\"vlans\"]\n"
    );
}

#[test]
fn watching_shows_what_passes_in_a_second() {
    let lab = lab();
    lab.host(["sh", "-c", "ping -q -i 0.05 -s 1000 -w 6 192.0.2.1 >/dev/null 2>&1 & echo"]);
    let seen = lab.host(["sh", "-c", "timeout 4 virt-bridge status --watch | grep -m1 'eth0.*kB/s'"]);
    assert!(seen.contains("↓ ") && seen.contains("/s, ↑ "), "{seen}");
}

#[test]
fn a_takeover_that_waits_is_shown() {
    let lab = Lab::start(["--no-libvirt", "--no-ra"]);
    lab.host(["virt-bridge", "up", "br0", "--uplink", "eth0", "--confirm", "50s", "--detach"]);
    let text = lab.host(["virt-bridge"]);
    assert!(text.contains("s unless: virt-bridge confirm br0"), "{text}");
    lab.host(["virt-bridge", "confirm"]);
    assert!(!lab.host(["virt-bridge"]).contains("virt-bridge confirm"));
}

#[test]
fn the_receipt_says_what_was_moved_and_what_it_cost() {
    let lab = lab();
    let text = lab.host(["virt-bridge", "receipt"]);
    for part in ["br0 took over eth0 on 2", "  address 192.0.2.10/24", "outage: at most ", "  switch ", "steps:\n"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(lab.host(["sh", "-c", "virt-bridge receipt br0 --json | jq -r .uplink.name"]), "eth0\n");
    lab.host(["virt-bridge", "undo", "br0", "--force"]);
    let none = lab.attempt(["virt-bridge", "receipt", "br0"]);
    assert_eq!(none.status.code(), Some(1), "{}", told(&none));
    assert!(told(&none).contains("there is no receipt of br0"), "{}", told(&none));
}

#[test]
fn misspelt_links_and_verbs_are_answered_with_what_was_meant() {
    let lab = lab();
    for (command, code, said) in [
        (&["status", "br1"][..], 1, "virt-bridge: there is no bridge br1\nhint: did you mean br0?"),
        (&["plan", "br7", "--uplink", "eht0"], 1, "hint: did you mean eth0?"),
        (&["plan", "br7", "--uplink", "enp3s0"], 1, "hint: this host has "),
        (&["staus"], 2, "virt-bridge: unrecognized subcommand 'staus'\nhint: a similar subcommand exists: 'status'\n"),
        (
            &["up"],
            2,
            "virt-bridge: the following required arguments were not provided: <BRIDGE>\nhint: usage: virt-bridge",
        ),
        (&["check", "--root", "/nowhere"], 2, "'--root <DIRECTORY>': it is no directory"),
        (&["undo", "br1"], 0, "hint: br0 has taken over; to undo that: virt-bridge undo br0"),
        (&["up", "br0", "--confirm", "1h"], 2, "this is no length of time such as 60s"),
        (&["up", "br0", "--confirm", "500ms"], 2, "it has to be between 1s and 86400s"),
        (&["up", "br0", "--detach"], 2, "--confirm <DURATION>"),
    ] {
        let output = lab.attempt(std::iter::once("virt-bridge").chain(command.iter().copied()));
        assert_eq!(output.status.code(), Some(code), "{command:?}: {}", told(&output));
        assert!(told(&output).contains(said), "{command:?}: {}", told(&output));
    }
}

#[test]
fn who_may_not_change_the_network_is_told_what_works() {
    let lab = lab();
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "virt-bridge"];
    let as_nobody = |verb: &[&'static str]| lab.attempt(nobody.iter().chain(verb));
    for verb in [&["up", "br0"][..], &["undo", "br0"], &["confirm"], &["netfilter", "apply"]] {
        let output = as_nobody(verb);
        assert_eq!(output.status.code(), Some(1), "{verb:?}: {}", told(&output));
        let said = "lacks the capability CAP_NET_ADMIN\nhint: run it as root; status, plan, check";
        assert!(told(&output).contains(said), "{verb:?}: {}", told(&output));
    }
    lab.host(["chmod", "700", "/run/libvirt/qemu"]);
    for verb in ["status", "check"] {
        let told = told(&as_nobody(&[verb]));
        assert!(told.contains("warning: without the capability CAP_DAC_READ_SEARCH /run/libvirt/qemu"), "{told}");
    }
    for verb in [&["status"][..], &["plan", "br0"], &["netfilter", "show"], &["receipt"]] {
        let output = as_nobody(verb);
        assert!(output.status.success(), "{verb:?}: {}", told(&output));
    }
}
