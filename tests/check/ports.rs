//! Guests' ports.

use super::*;

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
    assert!(told(&output).contains("it has VLANs, and br0 keeps none apart: set vlan-filtering"), "{}", told(&output));
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

/// What the kernel does while no querier is there, seen from the router: a bridge that snoops floods, but not everywhere.
#[test]
fn a_port_that_gets_no_multicast_because_no_querier_is_there() {
    let lab = healthy();
    let guest = "ip netns add guest; ip link add vnet0 type veth peer name eth0 netns guest
        ip link set vnet0 master br0 up; ip -n guest address add 2001:db8:0:1::30/64 dev eth0 nodad
        ip -n guest link set eth0 up";
    lab.host(["sh", "-ec", guest]);
    assert_eq!(lab.read("/sys/class/net/br0/bridge/multicast_snooping"), "1\n");
    let is_found = || {
        lab.router(["ip", "neighbour", "flush", "dev", "lan"]);
        lab.attempt(["router", "ping", "-c1", "-W2", "2001:db8:0:1::30"]).status.success()
    };
    lab.wait_until("IPv6 finds the guest", is_found);
    assert_quiet(&lab);
    let trap = "bridge link set dev vnet0 mcast_flood off";
    lab.host(["sh", "-ec", trap]);
    assert!(!is_found(), "multicast reaches the guest");
    // A querier that lets members say again that they are.
    // Members have ten seconds for their answer otherwise.
    lab.host(["ip", "link", "set", "br0", "type", "bridge", "mcast_query_response_interval", "100"]);
    lab.host(["ip", "link", "set", "br0", "type", "bridge", "mcast_querier", "1"]);
    assert_quiet(&lab);
    lab.wait_until("the querier has found the guest", is_found);
    lab.host(["ip", "link", "set", "br0", "type", "bridge", "mcast_querier", "0"]);
    falls_into(&lab, "true", "multicast-snooping", PROBLEM, "vnet0 gets no multicast");
    assert!(is_found());
}
