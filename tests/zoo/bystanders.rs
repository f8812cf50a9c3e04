//! What a takeover and its undoing must not touch, or must keep beside addresses and routes: the other NIC and its
//! choice, links, settings, and rules.

use serde_json::{Value, json};

use crate::host::Host;
use crate::support::Lab;
use crate::uplink::{host_with, strict, there_and_back};

/// The NIC by which the kernel sends to `destination`, and from which address.
fn way(lab: &Lab, destination: &str) -> (String, String) {
    let route: Value = serde_json::from_str(&lab.host(["ip", "-json", "route", "get", destination])).unwrap();
    (route[0]["dev"].as_str().unwrap().replace("br0", "eth0"), route[0]["prefsrc"].to_string())
}

#[test]
fn of_two_nics_with_equal_routes_the_same_one_is_chosen_before_and_after() {
    let orders = [
        "",
        "route del default via 192.0.2.1\nroute append default via 192.0.2.1\n",
        "address add 192.0.2.150/24 dev eth1\n",
        "address del 192.0.2.10/24 dev eth0\naddress add 192.0.2.150/24 dev eth1\naddress add 192.0.2.10/24 dev eth0\n\
         route append default via 192.0.2.1 dev eth0\n",
    ];
    for order in orders {
        let lab = host_with(&["--no-ra", "--second-nic"], order);
        let ways = || ["203.0.113.9", "192.0.2.20", "192.0.2.255"].map(|destination| way(&lab, destination));
        let first = ways();
        lab.host(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
        assert_eq!(ways(), first, "on br0, with {order:?}");
        lab.host(["virt-bridge", "undo", "br0"]);
        assert_eq!(ways(), first, "after undo, with {order:?}");
    }
}

#[test]
fn the_bridge_has_the_uplink_s_mac_and_mtu_and_other_links_keep_theirs() {
    let lab = host_with(&["--no-ra", "--second-nic"], "link set eth0 mtu 1450\nlink set eth1 mtu 1400 promisc on\n");
    let first = Host::of(&lab);
    lab.host(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    let taken = Host::of(&lab);
    for name in ["lo", "eth1"] {
        assert_eq!(taken.link(name), first.link(name));
    }
    for key in ["address", "mtu"] {
        assert_eq!(taken.link("br0")[key], first.link("eth0")[key], "{key}");
        assert_eq!(taken.link("eth0")[key], first.link("eth0")[key], "{key}");
    }
    assert_eq!(taken.link("br0")["operstate"], json!("UP"));
    lab.host(["virt-bridge", "undo", "br0"]);
    assert_eq!(Host::of(&lab).all_differences(&first), [""; 0]);
}

/// The settings of a link in `/proc/sys`, by their file names.
fn settings(lab: &Lab, family: &str, link: &str) -> Vec<(String, String)> {
    let text = lab.host(["sh", "-c", &format!("cd /proc/sys/net/{family}/conf/{link} && grep -s '' *; true")]);
    text.lines().map(|line| line.split_once(':').unwrap()).map(|(name, value)| (name.into(), value.into())).collect()
}

#[test]
fn the_bridge_has_the_uplink_s_settings() {
    let lab = host_with(&["--no-ra"], "");
    lab.host(["sysctl", "-q"].iter().chain(&[
        "net.ipv4.conf.eth0.rp_filter=1",
        "net.ipv4.conf.eth0.promote_secondaries=1",
        "net.ipv4.conf.eth0.arp_ignore=1",
        "net.ipv4.conf.eth0.accept_redirects=0",
        "net.ipv4.conf.eth0.forwarding=1",
        "net.ipv6.conf.eth0.accept_ra=0",
        "net.ipv6.conf.eth0.autoconf=0",
        "net.ipv6.conf.eth0.proxy_ndp=1",
        "net.ipv6.conf.eth0.dad_transmits=2",
    ]));
    let uplink = [settings(&lab, "ipv4", "eth0"), settings(&lab, "ipv6", "eth0")];
    lab.host(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    for (family, expected) in ["ipv4", "ipv6"].into_iter().zip(&uplink) {
        let bridge = settings(&lab, family, "br0");
        let others: Vec<_> = bridge.iter().filter(|setting| !expected.contains(setting)).collect();
        assert!(others.is_empty(), "{family}: {others:?}");
    }
    lab.host(["virt-bridge", "undo", "br0"]);
    assert_eq!([settings(&lab, "ipv4", "eth0"), settings(&lab, "ipv6", "eth0")], uplink);
}

#[test]
fn rules_stay_as_they_are_and_those_that_name_the_uplink_are_told_of() {
    let rules = "rule add iif eth0 lookup 100 priority 1003\nrule add oif eth0 lookup 100 priority 1004\n\
                 rule add fwmark 7 lookup 100 priority 1005\n";
    let lab = host_with(&["--no-ra"], rules);
    let first = Host::of(&lab);
    let up = lab.attempt(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    let warnings = crate::support::text(&up.stderr);
    for (rule, told) in [("1003", true), ("1004", true), ("1005", false)] {
        assert_eq!(warnings.contains(rule), told, "rule {rule}: {warnings}");
    }
    assert_eq!(Host::of(&lab).rules, first.rules);
}

#[test]
fn an_uplink_that_is_down_or_bare_or_without_carrier_goes_to_the_bridge_and_back() {
    let states = [
        ("down", "link set eth0 down\n"),
        ("without addresses", "address flush dev eth0\n"),
        ("bare", "route del default via 2001:db8:0:1::1\naddress flush dev eth0\n"),
        ("bare and down", "route del default via 2001:db8:0:1::1\naddress flush dev eth0\nlink set eth0 down\n"),
    ];
    for (name, batch) in states {
        let lab = host_with(&["--no-ra", "--second-nic"], batch);
        let mut differences = there_and_back(&lab, strict);
        // A link that comes up gets its own address and prefix routes from the kernel.
        // Without IPv6 addresses a link's hop of the default route leads nowhere and is given up.
        let hop = r#"IPv6 route {"dst":"default""#;
        let other_hop = r#"IPv6 route {"dev":"eth1","dst":"default""#;
        differences.retain(|text| {
            !text.starts_with("on br0: ")
                && !(["down", "without addresses"].contains(&name) && (text.contains(hop) || text.contains(other_hop)))
        });
        assert!(differences.is_empty(), "{name}: {}", differences.join("\n"));
    }
    let lab = host_with(&["--no-ra", "--second-nic"], "");
    lab.host(["ip", "-netns", "switch", "link", "set", "host", "down"]);
    lab.wait_until("eth0 has no carrier", || Host::of(&lab).link("eth0")["operstate"] == "DOWN");
    let differences = there_and_back(&lab, strict);
    assert!(differences.is_empty(), "without carrier: {}", differences.join("\n"));
}

#[test]
fn an_advertised_default_route_is_back_with_the_next_advertisement() {
    let lab = host_with(&[], "");
    let advertised = |link: &str| {
        let routes = lab.host(["ip", "-6", "route", "show", "default", "proto", "ra", "dev", link]);
        routes.contains("via fe80::1") && routes.contains("metric 1024")
    };
    lab.host(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    lab.wait_until("br0 has the advertised default route", || advertised("br0"));
    lab.host(["virt-bridge", "undo", "br0"]);
    lab.wait_until("eth0 has the advertised default route", || advertised("eth0"));
}
