//! What is done is what was planned, and where nothing is to be done nothing is.

use serde_json::Value;

use crate::host::Host;
use crate::support::bridges::script;
use crate::support::{Lab, text, told};
use crate::uplink::{everything, host_with};

/// The messages that `command` sends to change something, by their types, in order.
fn changes_sent(lab: &Lab, command: &[&str]) -> Vec<String> {
    let strace = ["strace", "-f", "-s", "9999999", "-e", "trace=sendmsg", "-o", "/run/lab/strace"];
    lab.host(strace.iter().chain(command));
    let sent = lab.read("/run/lab/strace");
    let kinds = sent.split("nlmsg_type=").skip(1).map(|message| message.split(',').next().unwrap().to_owned());
    kinds.filter(|kind| ["RTM_NEW", "RTM_DEL", "RTM_SET"].iter().any(|change| kind.starts_with(change))).collect()
}

/// How many steps of a plan make each kind of change.
fn planned(plan: &Value) -> usize {
    ["prepare", "switch", "commit", "finish"].iter().map(|phase| plan[phase].as_array().unwrap().len()).sum()
}

#[test]
fn a_second_run_changes_nothing_and_says_so() {
    let lab = host_with(&["--no-ra", "--second-nic"], &everything());
    lab.host(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    let first = Host::of(&lab);
    assert_eq!(changes_sent(&lab, &["virt-bridge", "up", "br0", "--uplink", "eth0"]), [""; 0]);
    assert_eq!(lab.host(["virt-bridge", "up", "br0", "--uplink", "eth0"]), "br0: nothing to do\n");
    assert_eq!(Host::of(&lab).all_differences(&first), [""; 0]);
    let plan: Value =
        serde_json::from_str(&lab.host(["virt-bridge", "plan", "br0", "--uplink", "eth0", "--json"])).unwrap();
    assert_eq!(planned(&plan["plan"]), 0, "{plan}");
    lab.host(["virt-bridge", "undo", "br0"]);
    assert!(lab.host(["virt-bridge", "undo", "br0"]).starts_with("br0: nothing to undo"));
    assert_eq!(changes_sent(&lab, &["virt-bridge", "undo", "br0"]), [""; 0]);
}

#[test]
fn a_repair_keeps_the_way_back() {
    let repairs = ["ip link set eth0 nomaster", "ip link set eth0 down", "ip link set br0 type bridge stp_state 1"];
    for damage in repairs {
        let lab = host_with(&["--no-ra", "--second-nic"], "");
        lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\nstp = false\n");
        let first = Host::of(&lab);
        lab.host(["virt-bridge", "up", "br0"]);
        lab.host(damage.split(' '));
        lab.host(["virt-bridge", "up", "br0"]);
        lab.host(["virt-bridge", "undo", "br0"]);
        let differences = Host::of(&lab).all_differences(&first);
        assert!(differences.is_empty(), "{damage}: {}", differences.join("\n"));
    }
}

/// The kernel makes a link-local address for a port that comes up, and searches for its duplicates for at least a
/// second (addrconf_dad_kick in net/ipv6/addrconf.c), while IPv6 routers are asked from none.
#[test]
fn undo_needs_no_search_for_duplicates_on_a_port_that_has_just_come_up() {
    let lab = host_with(&["--no-ra", "--second-nic"], "");
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\ngateway-check = \"900ms\"\n");
    let first = Host::of(&lab);
    lab.host(["virt-bridge", "up", "br0"]);
    lab.host(["ip", "link", "set", "eth0", "down"]);
    lab.host(["virt-bridge", "up", "br0"]);
    let of_the_port = || text(&lab.attempt(["ip", "-brief", "-6", "address", "show", "dev", "eth0"]).stdout);
    lab.wait_until("the kernel has made an address", || of_the_port().contains("fe80::"));
    let port = of_the_port();
    // What comes in by a port is heard by its bridge.
    let drop = "type filter hook input priority 0; iif eth0 icmpv6 type 136 drop;";
    script(&lab, &format!("nft 'table inet deaf {{ chain input {{ {drop} }}; }}'"));
    let silent = lab.attempt(["virt-bridge", "undo", "br0"]);
    assert_eq!(silent.status.code(), Some(3), "{}", told(&silent));
    assert!(told(&silent).contains("does not answer through eth0"), "{}", told(&silent));
    assert_eq!(of_the_port(), port, "as it was");
    script(&lab, "nft delete table inet deaf; ip link set eth0 down; ip link set eth0 up");
    lab.wait_until("eth0 has its address again", || of_the_port() == port);
    lab.host(["virt-bridge", "undo", "br0"]);
    assert_eq!(Host::of(&lab).all_differences(&first), [""; 0]);
}

#[test]
fn a_bridge_that_was_down_gives_back_what_the_kernel_has_left() {
    let lab = host_with(&["--no-ra", "--second-nic"], "");
    let ipv4 = || Host::of(&lab).ipv4_routes;
    let first = ipv4();
    lab.host(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    lab.host(["ip", "link", "set", "br0", "down"]);
    lab.host(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    lab.host(["ip", "route", "prepend", "default", "via", "192.0.2.1"]);
    lab.host(["virt-bridge", "undo", "br0"]);
    assert_eq!(ipv4(), first);
}

#[test]
fn what_a_plan_prints_is_what_is_done() {
    let lab = host_with(&["--no-ra", "--second-nic"], &everything());
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\ngateway-check = 0\n");
    let first = Host::of(&lab);
    let survey: Value = serde_json::from_str(&lab.host(["virt-bridge", "plan", "br0", "--json"])).unwrap();
    assert_eq!(Host::of(&lab).all_differences(&first), [""; 0], "a plan is only a plan");
    let sent = changes_sent(&lab, &["virt-bridge", "up", "br0"]);
    assert_eq!(sent.len(), planned(&survey["plan"]), "{sent:?}");
    let receipt: Value = serde_json::from_str(&lab.read("/run/virt-bridge/br0.json")).unwrap();
    let steps: Vec<&Value> = ["prepare", "switch", "commit", "finish"]
        .iter()
        .flat_map(|phase| survey["plan"][phase].as_array().unwrap())
        .collect();
    assert_eq!(receipt["steps"].as_array().unwrap().iter().collect::<Vec<_>>(), steps);
}
