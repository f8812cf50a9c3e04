//! An uplink that is down, without carrier or without address is brought up and made a port, and what it lacks is told.

mod support;

use support::Lab;
use support::bridges::script;

const NO_ADDRESS: &str = "eth0 has no address, so there is none to move";
const NO_CARRIER: &str = "eth0 has no carrier";

/// A lab whose host has eth0 configured as the uplink of `br0`, and a network on it.
fn lab(change: &str) -> Lab {
    let lab = Lab::start(["--no-ra"]);
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\n");
    lab.write("/run/lan.xml", "<network><name>lan</name><forward mode='bridge'/><bridge name='br0'/></network>");
    lab.virsh(["net-define", "/run/lan.xml"]);
    script(&lab, change);
    lab
}

fn is_active(lab: &Lab) -> bool {
    lab.virsh(["net-list", "--name"]).lines().any(|line| line.trim() == "lan")
}

/// The flags of eth0, a port of br0.
fn flags_of_port(lab: &Lab) -> String {
    let port = lab.host(["ip", "-o", "link", "show", "master", "br0"]);
    assert!(port.contains(" eth0@"), "eth0 is no port of br0: {port}");
    port.split(['<', '>']).nth(1).unwrap().to_owned()
}

#[test]
fn a_nic_that_is_down_and_bare_is_brought_up_and_carries_guests() {
    let lab = lab("ip address flush dev eth0; ip link set eth0 down");
    lab.virsh(["net-start", "lan"]);
    assert!(is_active(&lab));
    assert!(flags_of_port(&lab).contains("LOWER_UP"));
    let log = lab.log();
    assert!(log.contains(NO_ADDRESS) && !log.contains(NO_CARRIER), "{log}");
    let status = lab.host(["virt-bridge", "status"]);
    assert!(status.contains("br0 has no address: guests reach the LAN"), "{status}");
    // A guest's place on the bridge: its own namespace behind a port.
    script(
        &lab,
        "ip netns add guest; ip link add tap0 type veth peer name eth0 netns guest; ip link set tap0 master br0 up
         ip -n guest address add 192.0.2.30/24 dev eth0; ip -n guest link set eth0 up
         ip netns exec guest ping -c1 -W5 192.0.2.1",
    );
    lab.host(["virt-bridge", "undo", "br0", "--force"]);
    assert!(!lab.host(["ip", "-o", "link", "show", "eth0"]).contains(",UP"), "down, as it was");
}

#[test]
fn a_nic_without_carrier_becomes_a_port_and_its_cable_may_come_later() {
    let lab = lab("switch ip link set host down");
    lab.virsh(["net-start", "lan"]);
    assert!(is_active(&lab));
    assert!(flags_of_port(&lab).contains("NO-CARRIER"));
    let log = lab.log();
    assert!(log.contains(NO_CARRIER) && !log.contains(NO_ADDRESS), "{log}");
    let status = lab.host(["virt-bridge", "status"]);
    assert!(status.contains("└─ eth0  no carrier") && status.contains("192.0.2.10/24"), "{status}");
    assert!(status.contains(NO_CARRIER) && !status.contains("no address"), "{status}");
    script(&lab, "switch ip link set host up");
    let answers = || lab.attempt(["router", "ping", "-c1", "-W1", "192.0.2.10"]).status.success();
    lab.wait_until("the host answers", answers);
}

#[test]
fn a_nic_that_is_down_without_a_cable_has_no_carrier_yet() {
    let lab = lab("ip address flush dev eth0; ip link set eth0 down; switch ip link set host down");
    lab.virsh(["net-start", "lan"]);
    assert!(is_active(&lab));
    let log = lab.log();
    assert!(log.contains(&format!("{NO_CARRIER} yet")) && log.contains(NO_ADDRESS), "{log}");
    script(&lab, "switch ip link set host up");
    lab.wait_until("eth0 has its carrier", || flags_of_port(&lab).contains("LOWER_UP"));
}

#[test]
fn plan_says_that_there_is_no_address_and_a_second_start_says_nothing() {
    let lab = lab("ip address flush dev eth0");
    let plan = support::told(&lab.attempt(["virt-bridge", "plan", "br0"]));
    assert!(plan.contains(NO_ADDRESS), "{plan}");
    lab.virsh(["net-start", "lan"]);
    let log = lab.log();
    lab.virsh(["net-destroy", "lan"]);
    lab.virsh(["net-start", "lan"]);
    assert_eq!(lab.log(), log);
}
