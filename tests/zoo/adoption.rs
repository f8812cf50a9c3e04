//! A bridge that somebody made before: it receives the uplink and keeps what is its own; undo takes back what it received
//! and nothing else.

use serde_json::json;

use crate::host::Host;
use crate::support::{Lab, told};
use crate::uplink::{everything, host_with, settle, strict, there_and_back};

/// Somebody's bridge, with addresses, routes, a neighbour, and a port.
const BRIDGE: &str = "\
link add br0 type bridge forward_delay 400 ageing_time 12300 priority 4096
link add port type veth peer name elsewhere
link set port master br0 up
link set elsewhere up
link set br0 up
address add 198.18.90.1/24 dev br0
address add 198.18.90.2/24 label br0:own dev br0
address add 2001:db8:90::1/64 nodad dev br0
route add 198.18.91.0/24 via 198.18.90.77
route add 2001:db8:91::/64 via 2001:db8:90::77
neighbour add 198.18.90.77 lladdr 52:54:00:00:00:77 nud permanent dev br0
";

fn host_with_bridge(batch: &str) -> Lab {
    host_with(&["--no-ra", "--second-nic"], &format!("{BRIDGE}{batch}"))
}

#[track_caller]
fn adopts(lab: &Lab) {
    adopts_but_for(lab, |_| false);
}

/// As [`adopts`], where `forgiven` differences are none.
#[track_caller]
fn adopts_but_for(lab: &Lab, forgiven: impl Fn(&str) -> bool) {
    let mut differences = there_and_back(lab, strict);
    differences.retain(|difference| !forgiven(difference));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn an_adopted_bridge_keeps_its_own_and_gives_back_what_it_received() {
    adopts(&host_with_bridge(""));
}

#[test]
fn an_adopted_bridge_that_is_down_is_brought_up_and_down_again() {
    // Up, it has its own prefix routes and link-local address from the kernel.
    let kernels = ["on br0: unexpected address", "on br0: unexpected IPv4 route"];
    adopts_but_for(&host_with_bridge("link set br0 down\n"), |text| {
        kernels.iter().any(|start| text.starts_with(start)) && !text.contains("192.0.2.")
    });
}

#[test]
fn an_adopted_bridge_keeps_a_route_that_the_uplink_has_too() {
    // Whose route comes first is forgotten while the two are one.
    let lab = host_with_bridge(
        "route append default via 198.18.90.77 dev br0\n\
         route append 198.18.93.0/24 dev br0\n\
         route append 198.18.93.0/24 dev eth0\n",
    );
    adopts_but_for(&lab, |text| text.starts_with("after undo: IPv4 route") && text.contains("198.18.93.0/24"));
}

#[test]
fn an_adopted_bridge_keeps_an_address_that_the_uplink_has_too() {
    let lab = host_with_bridge("address add 192.0.2.10/24 broadcast + dev br0\n");
    // The kernel's local routes to the one address of two links stand in the order in which they were made.
    adopts_but_for(&lab, |text| text.starts_with("after undo: IPv4 route") && text.contains(r#""table":"local""#));
}

#[test]
fn an_adopted_bridge_with_spanning_tree_is_left_with_it() {
    let lab = host_with_bridge("link set br0 type bridge stp_state 1 forward_delay 200\n");
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\ngateway-check = \"8s\"\n");
    // Its own port listens and learns for 2 s each, and the bridge has no carrier until then.
    lab.wait_until("the port forwards", || Host::of(&lab).link("br0")["operstate"] == "UP");
    settle(&lab);
    // The neighbours' spanning tree has changed: forwarding tables age faster for a while.
    adopts_but_for(&lab, |text| text.contains(" topology_change") || text.contains(" ageing_time: "));
}

#[test]
fn what_is_told_of_an_adopted_bridge_is_set_and_set_back() {
    let lab = host_with_bridge("link set br0 type bridge stp_state 1 forward_delay 1500\n");
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\nstp = false\nforward-delay = 0\n");
    // What spanning tree has come to meanwhile, and with it the bridge's carrier, is another matter.
    let parameters = || {
        let host = Host::of(&lab);
        let data = &host.link("br0")["linkinfo"]["info_data"];
        ["stp_state", "forward_delay", "max_age", "hello_time", "priority"].map(|name| data[name].clone())
    };
    let first = parameters();
    assert_eq!((&first[0], &first[1]), (&json!(1), &json!(1500)));
    lab.host(["virt-bridge", "up", "br0"]);
    let taken = parameters();
    assert_eq!((&taken[0], &taken[1]), (&json!(0), &json!(0)));
    assert_eq!(taken[2..], first[2..], "nobody told of these");
    lab.host(["virt-bridge", "undo", "br0"]);
    assert_eq!(parameters(), first);
}

#[test]
fn a_parameter_that_the_kernel_lacks_leaves_an_existing_bridge_as_it_was() {
    let lab = host_with_bridge("");
    let filters = |value| lab.attempt(["ip", "link", "set", "br0", "type", "bridge", "vlan_filtering", value]);
    let is_known = filters("1").status.success() && filters("0").status.success();
    let delay = || Host::of(&lab).link("br0")["linkinfo"]["info_data"]["forward_delay"].clone();
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\nvlan-filtering = true\nforward-delay = 0\n");
    let up = lab.attempt(["virt-bridge", "up", "br0"]);
    let (code, expected) = if is_known { (0, 0) } else { (3, 400) };
    assert_eq!((up.status.code(), delay()), (Some(code), json!(expected)), "{}", told(&up));
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\n");
    lab.host(["virt-bridge", "up", "br0"]);
}

#[test]
fn everything_at_once_goes_to_an_adopted_bridge_and_back() {
    adopts(&host_with_bridge(&everything()));
}
