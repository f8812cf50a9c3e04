//! Bridges and their uplinks.

use super::*;

#[test]
fn a_bridge_that_was_deleted_under_a_network() {
    let trap = "ip link delete br0";
    falls_into(&healthy(), trap, "bridge-present", PROBLEM, "br0 is missing, though network lan is active");
}

/// A host whose eth0 has an address of ifupdown's.
fn configured() -> Lab {
    let lab = Lab::start(["--no-libvirt", "--no-ra"]);
    lab.write("/etc/network/interfaces", "auto eth0\niface eth0 inet static\n    address 192.0.2.10/24\n");
    lab.host(["mkdir", "-p", "/run/network"]);
    lab
}

/// The configuration says nothing of it, and no network uses it.
#[test]
fn a_bridge_that_only_a_takeover_has_made() {
    let lab = configured();
    lab.host([
        "sh",
        "-ec",
        "virt-bridge netfilter apply; virt-bridge up br0 --uplink eth0; virt-bridge netfilter apply",
    ]);
    lab.host(["virt-bridge", "up", "br0", "--uplink", "eth0", "--persist"]);
    assert_quiet(&lab);
    falls_into(&lab, "ip link set eth0 nomaster", "uplink-in-bridge", PROBLEM, "eth0 is not a port of br0");
    falls_into(&lab, "ip link set br0 down", "bridge-up", PROBLEM, "br0 is down");
    lab.host(["virt-bridge", "undo", "br0"]);
    lab.host(["sh", "-ec", "virt-bridge up br0 --uplink eth0; ip link delete br0"]);
    let finding = finding(&lab, "bridge-present", PROBLEM);
    assert!(finding["sentence"].as_str().unwrap().starts_with("br0 is missing, which has taken over"), "{finding}");
    assert_eq!(finding["mend"], "virt-bridge up br0 --uplink eth0");
}

/// The journal says which it was, and with which uplink.
#[test]
fn a_run_that_was_killed_in_the_middle() {
    let lab = configured();
    lab.host(["virt-bridge", "netfilter", "apply"]);
    let killed = |verb: &str, rest: &[&str]| {
        // As soon as it has changed the first thing; each message is one call.
        for call in 1..60 {
            let kill = format!("inject=sendmsg:signal=SIGKILL:when={call}");
            let strace =
                ["strace", "-f", "-o", "/dev/null", "-e", "trace=sendmsg", "-e", &kill, "virt-bridge", verb, "br0"];
            let run = lab.attempt(strace.iter().chain(rest));
            if lab.attempt(["test", "-e", "/run/virt-bridge/br0.journal"]).status.success() {
                return;
            }
            assert!(!run.status.success(), "{verb} was not killed with a journal");
        }
    };
    killed("up", &["--uplink", "eth0"]);
    let text = told(&lab.attempt(["virt-bridge", "check", "takeover-unfinished"]));
    assert!(text.contains("a takeover by br0 was killed in the middle"), "{text}");
    assert!(text.contains("mend: virt-bridge up br0 --uplink eth0\n"), "{text}");
    lab.host(["virt-bridge", "up", "br0", "--uplink", "eth0", "--persist"]);
    lab.host(["virt-bridge", "netfilter", "apply"]);
    assert_quiet(&lab);
    killed("undo", &[]);
    let text = told(&lab.attempt(["virt-bridge", "check", "takeover-unfinished"]));
    assert!(
        text.contains("an undo of br0 was killed in the middle") && text.contains("mend: virt-bridge undo br0\n"),
        "{text}"
    );
    lab.host(["virt-bridge", "undo", "br0"]);
    assert!(lab.host(["ip", "address", "show", "eth0"]).contains("192.0.2.10/24"));
    assert_quiet(&lab);
}

#[test]
fn an_uplink_that_fell_off() {
    let trap = "ip link set eth0 nomaster";
    falls_into(&healthy(), trap, "uplink-in-bridge", PROBLEM, "eth0 is not a port of br0");
}

#[test]
fn a_bridge_that_is_down_or_was() {
    let lab = healthy();
    let before = lab.state();
    let is_as_before = || lab.wait_until("the host is as before", || lab.state() == before);
    falls_into(&lab, "ip link set br0 down", "bridge-up", PROBLEM, "br0 is down");
    is_as_before();
    let trap = "ip link set br0 down; ip link set br0 up";
    falls_into(&lab, trap, "bridge-belongings", PROBLEM, "br0 has lost what it took over");
    is_as_before();
    lab.host(["sh", "-ec", trap]);
    let up = told(&lab.attempt(["virt-bridge", "up", "br0"]));
    assert!(up.contains("nothing to do") && up.contains("warning: br0 has lost what it took over"), "{up}");
    lab.host(["virt-bridge", "heal"]);
    is_as_before();
    // Somebody leads the host's way out elsewhere: that is no loss.
    lab.host(["sh", "-ec", "ip route replace default via 192.0.2.254 dev br0; ip address add 198.51.100.9/32 dev br0"]);
    assert_quiet(&lab);
    assert!(!lab.host(["virt-bridge", "heal", "--dry-run"]).contains("again"));
}

#[test]
fn an_uplink_without_carrier() {
    let lab = healthy();
    lab.host(["switch", "ip", "link", "set", "host", "down"]);
    let finding = finding(&lab, "uplink-carrier", PROBLEM);
    assert!(finding["mend"].as_str().unwrap().contains("cable of eth0"), "{finding}");
    lab.host(["switch", "ip", "link", "set", "host", "up"]);
    lab.wait_until("eth0 has its carrier", || lab.read("/sys/class/net/eth0/carrier") == "1\n");
    assert_quiet(&lab);
}

#[test]
fn a_bridge_on_which_the_host_has_no_address() {
    let lab = healthy();
    let flush = "ip address flush dev br0 scope global";
    falls_into(&lab, flush, "bridge-belongings", PROBLEM, "br0 has lost what it took over");
    for (family, lost, kept) in [("-4", "192.0.2.10", "2001:db8"), ("-6", "2001:db8:0:1::10", "192.0.2")] {
        let flush = format!("ip {family} address flush dev br0 scope global");
        lab.host(["sh", "-ec", &flush]);
        let finding = finding(&lab, "bridge-belongings", PROBLEM);
        let sentence = finding["sentence"].as_str().unwrap();
        assert!(sentence.contains(&format!("address {lost}")) && !sentence.contains(kept), "{finding}");
        mend(&lab, &finding);
        assert_quiet(&lab);
    }
    // A takeover of another boot.
    lab.host(["sh", "-ec", &format!("rm /run/virt-bridge/br0.json; {flush}")]);
    let finding = finding(&lab, "bridge-address", WARNING);
    assert!(finding["sentence"].as_str().unwrap().contains("br0 has no address"), "{finding}");
    lab.host(["ip", "address", "add", "192.0.2.10/24", "dev", "br0"]);
    assert_quiet(&lab);
}

#[test]
fn a_wireless_uplink() {
    let lab = healthy();
    // What cfg80211 makes for a radio (net/wireless/core.c); the test's kernel has none.
    let device = "/sys/devices/virtual/net/eth0";
    lab.host(["sh", "-ec", &format!("mount -t tmpfs tmpfs {device}; mkdir {device}/phy80211")]);
    let finding = finding(&lab, "uplink-wireless", PROBLEM);
    assert!(finding["sentence"].as_str().unwrap().contains("eth0 is a Wi-Fi link"), "{finding}");
    lab.host(["umount", device]);
    assert_quiet(&lab);
}

#[test]
fn a_bridge_whose_mac_follows_its_ports() {
    let lab = healthy();
    lab.host([
        "sh",
        "-ec",
        "ip link add br1 type bridge forward_delay 0; ip address add 198.18.1.1/24 dev br1; ip link set br1 up",
    ]);
    lab.host(["sh", "-ec", "ip link add lan1 type veth peer name lan1-peer; ip link set lan1 master br1 up"]);
    lab.host([
        "sh",
        "-ec",
        "ip link set lan1-peer up; printf '[bridge.br1]\\nuplink = \"lan1\"\\n' >>/etc/virt-bridge.toml",
    ]);
    lab.host(["virt-bridge", "netfilter", "apply"]);
    falls_into(&lab, "true", "mac-pinned", WARNING, "br1 takes the lowest MAC of its ports");
}

#[test]
fn a_spanning_tree_that_nobody_asked_for() {
    let trap = "ip link set br0 type bridge stp_state 1 forward_delay 1500";
    falls_into(&healthy(), trap, "spanning-tree", WARNING, "hears nothing for 30 s");
}

#[test]
fn a_parameter_that_somebody_changed() {
    let lab = healthy();
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\nforward-delay = \"2s\"\n");
    falls_into(&lab, "true", "bridge-parameters", WARNING, "than [bridge.br0] has: forward-delay");
}

#[test]
fn a_strict_reverse_path_filter_with_two_ways_out() {
    let lab = healthy_with(&["--second-nic"]);
    let trap = "sysctl -q -w net.ipv4.conf.all.rp_filter=1";
    falls_into(&lab, trap, "reverse-path-filter", WARNING, "br0 drops answers");
}
