//! Links that cannot be the uplink: refused before anything is changed, with what to do instead.

use std::process::Output;

use crate::host::Host;
use crate::support::{Lab, text};
use crate::uplink::host_with;

fn up(lab: &Lab, uplink: &str) -> Output {
    lab.attempt(["virt-bridge", "up", "br0", "--uplink", uplink])
}

/// Asserts that `up` is refused for each of `reasons` at once, without a change, and that `plan` says the same.
#[track_caller]
fn refused(lab: &Lab, uplink: &str, reasons: &[&str]) {
    let first = Host::of(lab);
    let refused = up(lab, uplink);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    for reason in reasons {
        assert!(said.contains(reason), "{reason:?} is not in: {said}");
    }
    assert_eq!(Host::of(lab).all_differences(&first), [""; 0]);
    assert_eq!(lab.read("/run/virt-bridge/br0.journal"), "", "a journal of nothing");
    let plan = lab.attempt(["virt-bridge", "plan", "br0", "--uplink", uplink]);
    assert_eq!((plan.status.code(), text(&plan.stderr)), (Some(1), said.clone()));
    let rehearsed = lab.attempt(["virt-bridge", "plan", "br0", "--uplink", uplink, "--rehearse"]);
    assert_eq!((rehearsed.status.code(), text(&rehearsed.stderr)), (Some(1), said));
}

/// A host on which `batch` makes links, or nothing where this kernel has none of the kind.
fn host_with_links(kind: &str, batch: &str) -> Option<Lab> {
    let lab = host_with(&["--no-ra"], "");
    lab.write("/run/lab/links", batch);
    let made = lab.attempt(["ip", "-batch", "/run/lab/links"]);
    if text(&made.stderr).contains("Unknown device type") {
        println!("skipped: this kernel makes no {kind}");
        return None;
    }
    assert!(made.status.success(), "{}", text(&made.stderr));
    Some(lab)
}

#[test]
fn a_link_that_is_not_there() {
    let lab = host_with(&["--no-ra"], "");
    refused(&lab, "eth7", &["no link eth7", "did you mean eth0?"]);
    refused(&lab, "enp3s0", &["no link enp3s0", "this host has eth0"]);
}

#[test]
fn the_loopback_link() {
    refused(&host_with(&["--no-ra"], ""), "lo", &["lo is the loopback link"]);
}

#[test]
fn a_bridge() {
    let lab = host_with(&["--no-ra"], "link add br7 type bridge");
    refused(&lab, "br7", &["br7 is a bridge", "<bridge name='br7'/>"]);
}

#[test]
fn the_bridge_itself() {
    let lab = host_with(&["--no-ra"], "link add br0 type bridge");
    refused(&lab, "br0", &["br0 is a bridge"]);
}

#[test]
fn a_port_of_another_bridge() {
    let lab = host_with(&["--no-ra"], "link add br7 type bridge\nlink set eth0 master br7");
    refused(&lab, "eth0", &["eth0 is a port of br7 (bridge)"]);
}

#[test]
fn a_port_of_a_bond_a_team_or_a_vrf() {
    for (kind, options, hint) in
        [("bond", "", "name m0 as the uplink"), ("team", "", "name m0 as the uplink"), ("vrf", "table 7", "nomaster")]
    {
        let batch = format!("link add m0 type {kind} {options}\nlink set eth0 down\nlink set eth0 master m0");
        if let Some(lab) = host_with_links(kind, &batch) {
            refused(&lab, "eth0", &[&format!("eth0 is a port of m0 ({kind})"), hint]);
        }
    }
}

#[test]
fn a_link_under_another() {
    for (kind, options) in [
        ("macvlan", "mode bridge"),
        ("macvtap", "mode vepa"),
        ("ipvlan", ""),
        ("vlan", "id 7"),
        ("vxlan", "id 7 dstport 4789 group 239.0.0.7 dev eth0"),
    ] {
        let link = if kind == "vxlan" { "" } else { "link eth0" };
        let batch = format!("link add above {link} type {kind} {options}");
        if let Some(lab) = host_with_links(kind, &batch) {
            refused(&lab, "eth0", &[&format!("above ({kind}) stands on eth0")]);
        }
    }
}

#[test]
fn a_link_that_carries_no_ethernet_frames() {
    let lab = host_with(&["--no-ra"], "tuntap add tun0 mode tun");
    refused(&lab, "tun0", &["tun0 carries no Ethernet frames"]);
}

#[test]
fn a_link_with_nexthop_objects() {
    let lab = host_with(&["--no-ra"], "nexthop add id 7 via 192.0.2.1 dev eth0\nroute add 198.18.0.0/24 nhid 7");
    refused(&lab, "eth0", &["nexthop object 7"]);
    // The kernel then no longer says of a route by which link it leaves.
    lab.host(["sysctl", "-q", "net.ipv4.nexthop_compat_mode=0"]);
    refused(&lab, "eth0", &["nexthop object 7"]);
}

#[test]
fn a_link_with_a_group_of_nexthop_objects() {
    let lab = host_with(
        &["--no-ra"],
        "nexthop add id 7 via 192.0.2.1 dev eth0\nnexthop add id 8 via 192.0.2.2 dev eth0\n\
         nexthop add id 9 group 7/8\nroute add 198.18.0.0/24 nhid 9",
    );
    refused(&lab, "eth0", &["nexthop object 7", "nexthop object 8"]);
}

#[test]
fn a_routers_nexthop_object_of_which_more_is_made_than_a_way() {
    let object =
        "route del ::/0\nnexthop add id 7 via fe80::1 dev eth0 protocol ra\nroute add ::/0 nhid 7 proto ra metric 1024";
    let lab = host_with(&["--no-ra"], object);
    lab.host(["sysctl", "-q", "net.ipv4.nexthop_compat_mode=0"]);
    refused(&lab, "eth0", &["nexthop object 7"]);
    let group = format!("{object}\nnexthop add id 8 group 7\nroute add 2001:db8:1::/64 nhid 8");
    refused(&host_with(&["--no-ra"], &group), "eth0", &["nexthop object 7"]);
}

#[test]
fn a_name_that_something_else_has() {
    let lab = host_with(&["--no-ra"], "link add br0 type veth peer name br0p");
    refused(&lab, "eth0", &["br0 exists but is no bridge: veth"]);
}

#[test]
fn every_reason_is_told_at_once() {
    let lab = host_with(
        &["--no-ra"],
        "link add br0 type veth peer name br0p\nlink add above link eth0 type macvlan\n\
         nexthop add id 7 via 192.0.2.1 dev eth0\nroute add 198.18.0.0/24 nhid 7",
    );
    refused(&lab, "eth0", &["br0 exists but is no bridge", "above (macvlan) stands on eth0", "nexthop object 7"]);
}

#[test]
fn a_second_uplink() {
    let lab = host_with(&["--no-ra", "--second-nic"], "");
    lab.host(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    refused(&lab, "eth1", &["eth0"]);
}
