//! What events do: a module, a bridge or an uplink appears, and a real systemd-udevd starts our program.

mod support;

use support::bridges::{flags, lab, make_bridge, script, sysctls};
use support::programs::program;
use support::{Lab, text, told};

const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/udev/90-virt-bridge.rules");

/// A lab whose udevd has our rules and program.
fn lab_with_udev() -> Lab {
    let lab = lab();
    start_udev(&lab);
    lab
}

fn start_udev(lab: &Lab) {
    lab.host(["udev", "start", &program("virt-bridge-udev"), RULES]);
}

/// How often udevd has started our program, after it has worked through every event.
fn starts(lab: &Lab) -> usize {
    lab.host(["udevadm", "settle", "--timeout=20"]);
    lab.read("/run/lab/udevd.log").lines().filter(|line| line.contains("Starting 'virt-bridge-udev'")).count()
}

fn has_port(lab: &Lab, port: &str) -> bool {
    text(&lab.attempt(["ip", "-o", "link", "show", "master", "br0"]).stdout).contains(&format!(" {port}@"))
}

#[test]
fn when_the_module_is_loaded_the_policy_holds_at_once() {
    let lab = lab();
    for bridge in ["br0", "docker0", "br-0123456789ab"] {
        make_bridge(&lab, bridge);
    }
    assert_eq!((sysctls(&lab).as_str(), flags(&lab, "docker0").as_str()), ("111", "000"), "the kernel's own values");
    start_udev(&lab);
    lab.host(["udev", "module", "bridge"]);
    assert_eq!(starts(&lab), 0, "another module");
    lab.host(["udev", "module", "br_netfilter"]);
    lab.wait_until("the sysctls are 0", || sysctls(&lab) == "000");
    assert_eq!(starts(&lab), 1);
    assert_eq!([flags(&lab, "br0"), flags(&lab, "docker0"), flags(&lab, "br-0123456789ab")], ["000", "111", "111"]);
    assert!(lab.log().contains("bridge-nf-call-iptables 1 → 0"), "{}", lab.log());
}

#[test]
fn a_container_engines_bridge_has_its_flags_when_it_appears_or_gets_its_name() {
    let lab = lab_with_udev();
    make_bridge(&lab, "docker0");
    make_bridge(&lab, "br0");
    make_bridge(&lab, "new");
    assert_eq!(starts(&lab), 3);
    assert_eq!([flags(&lab, "docker0"), flags(&lab, "br0"), flags(&lab, "new")], ["111", "000", "000"]);
    lab.host(["ip", "link", "set", "new", "name", "podman1"]);
    assert_eq!((starts(&lab), flags(&lab, "podman1")), (4, "111".into()));
    assert_eq!(sysctls(&lab), "111", "a bridge's event is about that bridge alone");

    lab.host(["ip", "link", "set", "docker0", "type", "bridge", "nf_call_iptables", "0"]);
    lab.host(["udevadm", "trigger", "--action=add", "/sys/class/net/docker0"]);
    assert_eq!((starts(&lab), flags(&lab, "docker0")), (5, "111".into()), "a synthetic event");
    lab.host(["udevadm", "trigger", "--action=change", "/sys/class/net/docker0"]);
    assert_eq!(starts(&lab), 5);
}

#[test]
fn a_configured_bridge_takes_advertisements_from_the_start_on_a_host_that_forwards() {
    let lab = lab_with_udev();
    lab.write("/etc/virt-bridge.toml", "host.ip6-forward = true\nbridge.br0.uplink = 'eth0'");
    lab.host(["virt-bridge", "host", "apply"]);
    make_bridge(&lab, "br0");
    make_bridge(&lab, "br1");
    assert_eq!(starts(&lab), 2);
    let accept_ra = script(&lab, "cat /proc/sys/net/ipv6/conf/br{0,1}/accept_ra");
    assert_eq!(accept_ra, "2\n1\n", "and a bridge that is not configured is left alone");
}

#[test]
fn a_bridge_that_libvirt_uses_is_no_container_engines_whatever_its_name() {
    let lab = lab_with_udev();
    script(&lab, "mkdir -p /etc/libvirt/qemu/networks");
    lab.write("/etc/libvirt/qemu/networks/lan.xml", "<network><name>lan</name><bridge name='cni0'/></network>");
    make_bridge(&lab, "cni0");
    make_bridge(&lab, "cbr0");
    assert_eq!(starts(&lab), 2);
    assert_eq!([flags(&lab, "cni0"), flags(&lab, "cbr0")], ["000", "111"]);
}

#[test]
fn a_guests_tap_or_a_containers_veth_starts_nothing() {
    let lab = lab_with_udev();
    script(
        &lab,
        "ip link add left type veth peer name right; ip tuntap add tap9 mode tap; ip link set left name l2
         ip link add link eth0 name mv0 type macvlan; ip link set tap9 up",
    );
    assert_eq!(starts(&lab), 0);
    make_bridge(&lab, "br9");
    script(&lab, "ip link set l2 master br9; ip link set tap9 master br9");
    assert_eq!(starts(&lab), 1, "only for the bridge");
}

#[test]
fn the_rules_are_ones_that_udev_understands() {
    let lab = lab_with_udev();
    make_bridge(&lab, "docker0");
    // Debian 12's udevadm says what it would run in the first way, 13's in the second.
    let runs = |said: &str| {
        let ways = ["run: 'virt-bridge-udev'", "RUN{program} : virt-bridge-udev"];
        said.lines().any(|line| ways.contains(&line.trim()))
    };
    let test = |link| told(&lab.attempt(["udevadm", "test", "--action=add", link]));
    let said = test("/sys/class/net/docker0");
    assert!(runs(&said), "{said}");
    let complaint = said.lines().find(|line| line.contains("90-virt-bridge.rules:") && line.contains("nvalid"));
    assert_eq!(complaint, None, "{said}");
    let eth0 = test("/sys/class/net/eth0");
    assert!(eth0.contains("90-virt-bridge.rules"), "the rules were read: {eth0}");
    assert!(!runs(&eth0), "{eth0}");
}

/// The lab's NIC is a veth, so an administrator's rule has to name it an uplink.
fn lab_with_uplink(uplink: &str) -> Lab {
    let lab = lab_with_udev();
    let rule = "SUBSYSTEM==\"net\", KERNEL==\"eth0|nic7\", ENV{VIRT_BRIDGE_UPLINK}=\"1\"\n";
    script(&lab, "mkdir -p /etc/udev/rules.d");
    lab.write("/etc/udev/rules.d/50-uplink.rules", rule);
    lab.host(["udevadm", "control", "--reload"]);
    lab.write("/etc/virt-bridge.toml", &format!("[bridge.br0]\nuplink = \"{uplink}\"\n"));
    lab
}

#[test]
fn an_uplink_that_comes_back_is_a_port_of_its_bridge_again() {
    let lab = lab_with_uplink("eth0");
    lab.host(["virt-bridge", "up", "br0"]);
    assert!(has_port(&lab, "eth0"));
    script(&lab, "ip netns add away; ip link set eth0 netns away");
    assert!(!has_port(&lab, "eth0"));
    script(&lab, "ip -n away link set eth0 netns 1");
    lab.wait_until("eth0 is a port of br0", || has_port(&lab, "eth0"));
    lab.router(["ping", "-c1", "-W5", "192.0.2.10"]);
}

#[test]
fn an_uplink_with_another_name_is_found_by_its_mac() {
    let lab = lab_with_uplink("eth0");
    let mac = script(&lab, "cat /sys/class/net/eth0/address");
    lab.write("/etc/virt-bridge.toml", &format!("[bridge.br0]\nuplink = \"mac:{}\"\n", mac.trim()));
    lab.host(["virt-bridge", "up", "br0"]);
    script(&lab, "ip link set eth0 nomaster");
    lab.host(["udevadm", "settle"]);
    assert!(!has_port(&lab, "eth0"));
    script(&lab, "ip link set eth0 name nic7");
    lab.wait_until("nic7 is a port of br0", || has_port(&lab, "nic7"));
}

#[test]
fn before_its_bridge_exists_an_uplink_is_left_alone() {
    let lab = lab_with_uplink("eth0");
    let before = lab.state();
    lab.host(["udevadm", "trigger", "--action=add", "/sys/class/net/eth0"]);
    assert_eq!(starts(&lab), 1);
    assert_eq!(lab.state(), before);
}
