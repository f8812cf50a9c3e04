//! The doctor: each trap is set on purpose, `check` names it, its mend is run, and `check` is quiet.

mod support;

use serde_json::Value;
use support::{Lab, told};

/// A healthy host: br0 is configured and has taken over eth0, and libvirt's files know a network on it.
fn healthy() -> Lab {
    healthy_with(&[])
}

fn healthy_with(options: &[&str]) -> Lab {
    let lab = Lab::start(["--no-libvirt", "--no-ra"].iter().chain(options).copied());
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\n");
    let network = "<network><name>lan</name><forward mode='bridge'/><bridge name='br0'/></network>";
    lab.host(["mkdir", "-p", "/run/libvirt/qemu", "/run/libvirt/network", "/etc/libvirt/qemu/networks/autostart"]);
    for place in ["/etc/libvirt/qemu/networks/lan.xml", "/etc/libvirt/qemu/networks/autostart/lan.xml"] {
        lab.write(place, network);
    }
    lab.write("/run/libvirt/network/lan.xml", &format!("<networkstatus>{network}</networkstatus>"));
    lab.host(["virt-bridge", "netfilter", "apply"]);
    lab.host(["virt-bridge", "up", "br0"]);
    assert_quiet(&lab);
    lab
}

fn assert_quiet(lab: &Lab) {
    let output = lab.attempt(["virt-bridge", "check"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
}

/// The only finding of a host on which the trap of this check is set; the exit code tells how bad it is.
fn finding(lab: &Lab, check: &str, code: i32) -> Value {
    let output = lab.attempt(["virt-bridge", "check", "--json"]);
    assert_eq!(output.status.code(), Some(code), "{}", told(&output));
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found: Vec<&Value> = results.as_array().unwrap().iter().filter(|result| result["verdict"] != "ok").collect();
    assert_eq!(found.iter().map(|result| result["name"].as_str().unwrap()).collect::<Vec<_>>(), [check]);
    assert_eq!(found[0]["findings"].as_array().unwrap().len(), 1, "{}", found[0]);
    found[0]["findings"][0].clone()
}

fn mend(lab: &Lab, finding: &Value) {
    // The lab's host runs no systemd, and here its libvirtd does not run either.
    let command = finding["mend"].as_str().unwrap().replace(" && systemctl restart libvirtd", "");
    lab.host(["sh", "-ec", &command]);
}

const WARNING: i32 = 1;
const PROBLEM: i32 = 2;

/// Sets the trap, finds it, and mends it as the finding says.
fn falls_into(lab: &Lab, trap: &str, check: &str, code: i32, sentence: &str) {
    lab.host(["sh", "-ec", trap]);
    let finding = finding(lab, check, code);
    assert!(finding["sentence"].as_str().unwrap().contains(sentence), "{finding}");
    let text = lab.attempt(["virt-bridge", "check", check]);
    assert!(told(&text).contains("mend: ") && told(&text).contains(sentence), "{}", told(&text));
    mend(lab, &finding);
    assert_quiet(lab);
}

#[test]
fn a_hook_that_is_not_installed() {
    let trap = "rm /etc/libvirt/hooks/network";
    falls_into(&healthy(), trap, "hook-installed", PROBLEM, "libvirt has no hook of virt-bridge");
}

#[test]
fn a_hook_beside_somebody_elses() {
    let trap = "rm /etc/libvirt/hooks/network; printf '#!/bin/sh\\n' >/etc/libvirt/hooks/network";
    let lab = healthy();
    falls_into(&lab, trap, "hook-installed", PROBLEM, "libvirt has no hook of virt-bridge");
    assert_eq!(lab.read("/etc/libvirt/hooks/network"), "#!/bin/sh\n");
}

#[test]
fn a_hook_that_cannot_be_executed() {
    let trap = "chmod 644 /usr/lib/libvirt/virt-bridge-network";
    falls_into(&healthy(), trap, "hook-executable", PROBLEM, "skips it in silence");
}

#[test]
fn a_backup_copy_among_the_hooks() {
    let trap = "mkdir -p /etc/libvirt/hooks/network.d; cp /bin/true /etc/libvirt/hooks/network.d/50-mine.dpkg-old";
    falls_into(&healthy(), trap, "hook-leftovers", WARNING, "libvirt runs it as well");
}

#[test]
fn a_bridge_that_was_deleted_under_a_network() {
    let trap = "ip link delete br0";
    falls_into(&healthy(), trap, "bridge-present", PROBLEM, "br0 is missing, though network lan is active");
}

#[test]
fn an_uplink_that_fell_off() {
    let trap = "ip link set eth0 nomaster";
    falls_into(&healthy(), trap, "uplink-in-bridge", PROBLEM, "eth0 is not a port of br0");
}

#[test]
fn a_bridge_that_is_down() {
    falls_into(&healthy(), "ip link set br0 down", "bridge-up", PROBLEM, "br0 is down");
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
    lab.host(["sh", "-ec", "ip address flush dev br0 scope global"]);
    let finding = finding(&lab, "bridge-address", WARNING);
    assert!(finding["sentence"].as_str().unwrap().contains("br0 has no address"), "{finding}");
    lab.host(["ip", "address", "add", "192.0.2.10/24", "dev", "br0"]);
    assert_quiet(&lab);
}

#[test]
fn forwarding_that_somebody_turned_off() {
    let lab = healthy();
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\n[host]\nip-forward = true\n");
    lab.host(["virt-bridge", "host", "apply"]);
    assert_quiet(&lab);
    let trap = "mkdir -p /etc/sysctl.d; echo net.ipv4.ip_forward=0 >/etc/sysctl.d/router.conf
        sysctl -q -p /etc/sysctl.d/router.conf";
    falls_into(&lab, trap, "ip-forwarding", WARNING, "/etc/sysctl.d/router.conf:1");
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
fn a_firewall_that_drops_what_guests_send() {
    let lab = healthy();
    let policy = "printf '[bridge.br0]\\nuplink = \"eth0\"\\n[netfilter]\\npolicy = \"on\"\\n' >/etc/virt-bridge.toml
        virt-bridge netfilter apply; iptables -P FORWARD DROP";
    falls_into(&lab, policy, "host-firewall", PROBLEM, "drops what guests send through br0");
    // What is not met drops nothing.
    lab.host(["iptables", "-F", "FORWARD"]);
    finding(&lab, "host-firewall", PROBLEM);
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\n");
    lab.host(["virt-bridge", "netfilter", "apply"]);
    assert_quiet(&lab);
}

#[test]
fn a_denial_of_apparmor() {
    let lab = healthy();
    // The kernel's own log is every host's.
    let up = lab.read("/proc/uptime");
    let record = "audit: apparmor=\"DENIED\" operation=\"exec\" profile=\"libvirtd\" name=\"/opt/virt-bridge-network\"";
    lab.write("/dev/kmsg", &format!("5,1,{}000000,-;{record} pid=7\n", up.split('.').next().unwrap()));
    let finding = finding(&lab, "apparmor-denial", WARNING);
    assert_eq!(finding["sentence"], "AppArmor has denied exec of /opt/virt-bridge-network by the profile libvirtd");
    lab.host(["rm", "/dev/kmsg"]);
    assert_quiet(&lab);
}

#[test]
fn a_strict_reverse_path_filter_with_two_ways_out() {
    let lab = healthy_with(&["--second-nic"]);
    let trap = "sysctl -q -w net.ipv4.conf.all.rp_filter=1";
    falls_into(&lab, trap, "reverse-path-filter", WARNING, "br0 drops answers");
}

#[test]
fn a_tap_that_fell_off_when_its_bridge_was_made_anew() {
    let lab = healthy();
    lab.write(
        "/run/libvirt/qemu/web.xml",
        "<domstatus><domain><devices><interface type='network'><mac address='52:54:00:00:00:30'/>\
         <source network='lan' bridge='br0'/><target dev='vnet0'/><port isolated='yes'/></interface></devices></domain>\
         </domstatus>",
    );
    let trap = "ip tuntap add vnet0 mode tap; ip link set vnet0 up";
    falls_into(&lab, trap, "tap-fallen", PROBLEM, "vnet0 of guest web has fallen off br0");
    let port = lab.host(["bridge", "-d", "link", "show", "dev", "vnet0"]);
    assert!(port.contains("master br0") && port.contains("isolated on"), "{port}");
    assert_eq!(lab.host(["virt-bridge", "heal"]), "nothing to do\n");
}

#[test]
fn a_tap_with_vlans_is_not_healed_into_the_wrong_network() {
    let lab = healthy();
    lab.write(
        "/run/libvirt/qemu/web.xml",
        "<domstatus><domain><devices><interface type='network'><source network='lan' bridge='br0'/>\
         <vlan><tag id='7'/></vlan><target dev='vnet0'/></interface></devices></domain></domstatus>",
    );
    lab.host(["ip", "tuntap", "add", "vnet0", "mode", "tap"]);
    let output = lab.attempt(["virt-bridge", "heal"]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("it has VLANs: restart guest web"), "{}", told(&output));
    assert!(!lab.host(["ip", "link", "show", "vnet0"]).contains("master"));
}

#[test]
fn a_tap_with_another_mtu() {
    let trap = "ip tuntap add vnet0 mode tap; ip link set vnet0 master br0 mtu 1600";
    falls_into(&healthy(), trap, "tap-mtu", WARNING, "vnet0 has MTU 1600 on br0 with 1500");
}

#[test]
fn an_address_on_a_port() {
    let trap = "ip address add 192.0.2.99/24 dev eth0";
    falls_into(&healthy(), trap, "address-on-port", PROBLEM, "eth0 has the address 192.0.2.99/24");
}

#[test]
fn a_dhcp_client_that_still_works_on_the_uplink() {
    let lab = healthy();
    lab.host(["sh", "-c", "udhcpc -f -i eth0 -s /bin/true >/dev/null 2>&1 & echo $! >/run/lab/udhcpc.pid"]);
    lab.wait_until("udhcpc runs", || told(&lab.attempt(["pgrep", "udhcpc"])).contains("exit status: 0"));
    let finding = finding(&lab, "uplink-owner", PROBLEM);
    assert!(finding["sentence"].as_str().unwrap().contains("udhcpc still works on it"), "{finding}");
    lab.host(["sh", "-c", "kill -9 $(cat /run/lab/udhcpc.pid)"]);
    lab.wait_until("udhcpc has ended", || !told(&lab.attempt(["pgrep", "udhcpc"])).contains("exit status: 0"));
    assert_quiet(&lab);
}

#[test]
fn a_bridge_netfilter_that_somebody_turned_on() {
    let trap = "sysctl -q -w net.bridge.bridge-nf-call-iptables=1";
    falls_into(&healthy(), trap, "bridge-netfilter", PROBLEM, "somebody has changed bridge netfilter");
}

#[test]
fn a_takeover_that_waits_for_its_confirmation() {
    let lab = healthy();
    lab.host(["virt-bridge", "undo", "br0"]);
    let trap = "virt-bridge up br0 --confirm 100s --detach";
    falls_into(&lab, trap, "takeover-unfinished", WARNING, "br0 goes back unless somebody confirms it");
}

#[test]
fn a_receipt_from_before_the_boot() {
    let trap = "jq '.time = 1' /run/virt-bridge/br0.json >/run/lab/old; cp /run/lab/old /run/virt-bridge/br0.json";
    falls_into(&healthy(), trap, "receipt-stale", WARNING, "older than the last boot");
}

/// Two files of an owner, `/etc/a` that is changed and `/etc/b` that is new, and the backup of a run that wrote them.
const WRITTEN: &str = r#"mkdir -p /var/lib/virt-bridge; echo new >/etc/a; echo new >/etc/b
    printf %s '{"owner":"networkd","edits":[{"path":"/etc/a","old":"old\n","new":"new\n","mode":420},
        {"path":"/etc/b","old":null,"new":"new\n","mode":420}]}' >/var/lib/virt-bridge/br9.json"#;

#[test]
fn files_of_an_owner_that_a_killed_run_left_half_written() {
    let lab = healthy();
    let half = format!("{WRITTEN}; rm /etc/b");
    falls_into(&lab, &half, "files-unfinished", PROBLEM, "of br9: /etc/a with it, /etc/b without it");
    assert_eq!(lab.read("/etc/a"), "old\n");
    let none = format!("{WRITTEN}; rm /etc/b; echo old >/etc/a");
    falls_into(&lab, &none, "files-unfinished", WARNING, "br9 into the files of systemd-networkd, which are as before");
    lab.host(["mkdir", "-p", "/run/image"]);
    lab.host(["sh", "-ec", &format!("{half}; cp -a --parents /etc/a /var/lib/virt-bridge /run/image")]);
    let image = lab.attempt(["virt-bridge", "check", "--root", "/run/image", "files-unfinished"]);
    assert!(told(&image).contains("/etc/a with it"), "{}", told(&image));
}

#[test]
fn a_bridge_that_was_written_to_last_and_is_not_there() {
    falls_into(
        &healthy(),
        WRITTEN,
        "files-unused",
        WARNING,
        "the files of systemd-networkd have br9, which is not there",
    );
}

#[test]
fn networks_and_hooks_as_a_real_daemon_has_them() {
    let lab = Lab::start(["--no-ra"]);
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\n");
    lab.write(
        "/run/lab/network.xml",
        "<network><name>lan</name><forward mode='bridge'/><bridge name='br0'/></network>",
    );
    lab.virsh(["net-define", "/run/lab/network.xml"]);
    lab.virsh(["net-start", "lan"]);
    lab.virsh(["net-autostart", "lan"]);
    assert_quiet(&lab);
    falls_into(&lab, "virsh net-autostart --disable lan", "network-autostart", WARNING, "lan does not start at boot");
    falls_into(&lab, "virsh net-destroy lan", "network-active", WARNING, "network lan does not run");
    let sentence = "libvirt starts it by itself at the next boot only";
    falls_into(&lab, "virsh net-destroy lan", "network-active", WARNING, sentence);
    lab.host(["sh", "-ec", "sleep 3; ln -sfn /usr/lib/libvirt/virt-bridge-network /etc/libvirt/hooks/network"]);
    let finding = finding(&lab, "hook-seen", PROBLEM);
    assert_eq!(finding["mend"], "systemctl restart libvirtd");
    lab.host(["daemon", "restart"]);
    assert_quiet(&lab);
}

#[test]
fn every_check_is_listed_and_can_be_run_alone() {
    let lab = healthy();
    let list = lab.host(["virt-bridge", "check", "--list"]);
    let names: Vec<&str> = list.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names.len(), 29, "{list}");
    for name in names {
        let text = lab.host(["virt-bridge", "check", name]);
        assert!(text.starts_with(&format!("ok       {name} ")) && text.lines().count() == 1, "{text}");
    }
    let unknown = lab.attempt(["virt-bridge", "check", "tap-falen"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(told(&unknown).contains("a similar value exists: 'tap-fallen'"), "{}", told(&unknown));
}

/// A host's files below another root, as those of an image are.
#[test]
fn the_files_of_a_host_that_does_not_run() {
    let lab = Lab::start(["--no-libvirt", "--no-ra"]);
    let network = "<network><name>lan</name><forward mode='bridge'/><bridge name='br0'/></network>";
    lab.host(["mkdir", "-p", "/run/image/etc/libvirt/hooks", "/run/image/etc/libvirt/qemu/networks/autostart"]);
    lab.host(["mkdir", "-p", "/run/image/usr/lib/libvirt"]);
    lab.write("/run/image/etc/libvirt/qemu/networks/lan.xml", network);
    let check = |code: i32| {
        let output = lab.attempt(["virt-bridge", "check", "--root", "/run/image"]);
        assert_eq!(output.status.code(), Some(code), "{}", told(&output));
        told(&output)
    };
    // The hook of the host that runs is none of the image's.
    assert!(check(PROBLEM).contains("libvirt has no hook of virt-bridge"));
    let link = "/usr/lib/libvirt/virt-bridge-network";
    lab.host(["ln", "-s", link, "/run/image/etc/libvirt/hooks/network"]);
    assert!(check(PROBLEM).contains("/etc/libvirt/hooks/network leads to nothing"));
    lab.host(["install", "-m", "755", "/bin/true", &format!("/run/image{link}")]);
    let text = check(WARNING);
    let mend = "ln -s ../lan.xml /etc/libvirt/qemu/networks/autostart/";
    assert!(text.contains("network lan does not start at boot") && text.contains(mend), "{text}");
    lab.host(["sh", "-ec", &mend.replace(" /", " /run/image/")]);
    assert_eq!(check(0).matches("ok       ").count(), 5);
    lab.write("/run/image/etc/virt-bridge.toml", "[bridge.br0]\nuplnk = \"eth0\"\n");
    let text = check(PROBLEM);
    assert!(text.contains("/run/image/etc/virt-bridge.toml:2") && text.contains("uplnk"), "{text}");
    let kernel = lab.attempt(["virt-bridge", "check", "--root", "/run/image", "tap-fallen"]);
    assert!(told(&kernel).contains("tap-fallen asks the kernel, and below --root are files only"), "{}", told(&kernel));
}
