//! What a rehearsal says of a host is what the real takeover then does, and the host does not notice it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::host::Host;
use crate::support::{Lab, text, told};
use crate::uplink::{everything, host_with};

const PLAN: [&str; 6] = ["virt-bridge", "plan", "br0", "--uplink", "eth0", "--rehearse"];

/// What `plan --rehearse` says.
pub struct Rehearsal {
    /// The exit code of `up`, as foretold: 0 or 3.
    pub foretold: i32,
    /// What is known to be wrong with it, a line each.
    pub shortcomings: Vec<String>,
    /// What it foretells of the way back that is not as before.
    pub undo_differences: Vec<String>,
    /// All of it.
    pub json: Value,
}

/// Rehearses the takeover of `eth0` by `br0`, and compares the host before and after.
pub fn rehearse(lab: &Lab) -> Rehearsal {
    let first = Host::of(lab);
    let plan = lab.attempt(PLAN.iter().chain(&["--json"]));
    let json: Value = serde_json::from_slice(&plan.stdout).unwrap_or_else(|_| panic!("{}", told(&plan)));
    let rehearsal = &json["rehearsal"];
    let foretold = match rehearsal["takeover"]["ending"].as_str() {
        Some("done") => 0,
        Some("rolled-back") => 3,
        _ => panic!("{rehearsal}"),
    };
    let mut shortcomings = Host::of(lab).all_differences(&first);
    shortcomings.extend(lines("differs", &rehearsal["takeover"]["differences"]));
    if (foretold == 0) != plan.status.success() {
        shortcomings.push(format!("it ends with {}: {}", plan.status, text(&plan.stderr)));
    }
    // The LAN and packet filters never are.
    let usual = ["the LAN: ", "packet filters, "];
    let unusual = lines("not rehearsed", &rehearsal["not_rehearsed"])
        .filter(|line| !usual.iter().any(|usual| line.starts_with(&format!("not rehearsed: {usual}"))));
    shortcomings.extend(unusual);
    let undo_differences = lines("differs behind undo", &rehearsal["undo"]["differences"]).collect();
    Rehearsal { foretold, shortcomings, undo_differences, json }
}

fn lines<'a>(title: &'a str, list: &'a Value) -> impl Iterator<Item = String> + 'a {
    list.as_array().into_iter().flatten().map(move |line| format!("{title}: {}", line.as_str().unwrap()))
}

/// Asserts that the takeover of `eth0` fails, and that it was foretold in the same words.
#[track_caller]
fn fails_as_foretold(lab: &Lab, words: &str) {
    let rehearsal = rehearse(lab);
    let error = rehearsal.json["rehearsal"]["takeover"]["error"].as_str().unwrap_or_default().to_owned();
    assert!(error.contains(words), "{}", rehearsal.json["rehearsal"]["takeover"]);
    assert_eq!(rehearsal.shortcomings, [""; 0]);
    let first = Host::of(lab);
    let stopped = lab.attempt(["virt-bridge", "up", "br0", "--uplink", "eth0", "--rehearse"]);
    assert_eq!(stopped.status.code(), Some(1), "{}", told(&stopped));
    assert!(text(&stopped.stderr).contains(&error), "{}", told(&stopped));
    assert_eq!(lab.read("/run/virt-bridge/br0.journal"), "", "it was begun");
    let up = lab.attempt(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    assert_eq!(up.status.code(), Some(rehearsal.foretold), "{}", told(&up));
    assert!(text(&up.stderr).contains(&error), "{error} is not in {}", told(&up));
    // A bridge that has had a port may have another carrier.
    assert_eq!(Host::of(lab).differences(&first), [""; 0]);
}

#[test]
fn a_route_that_the_kernel_will_refuse_is_refused_in_the_rehearsal() {
    // Each has outlived the route to its gateway.
    let ipv4 = "route add 198.18.40.1 dev eth0\nroute add 198.18.41.0/24 via 198.18.40.1 dev eth0\n\
                route del 198.18.40.1 dev eth0\n";
    fails_as_foretold(&host_with(&["--no-ra"], ipv4), "add route 198.18.41.0/24 via 198.18.40.1 by br0: Nexthop has");
    let lab = host_with(&["--no-ra"], ipv4);
    let rehearsal = rehearse(&lab);
    let steps = rehearsal.json["rehearsal"]["steps"].as_array().unwrap().clone();
    let refused: Vec<&Value> = steps.iter().filter(|step| step.get("error").is_some()).collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
}

#[test]
fn a_bridge_whose_mtu_is_too_small_for_ipv6_is_seen_in_the_rehearsal() {
    let lab = host_with(
        &["--no-ra"],
        "link add br0 address 52:54:00:00:00:b0 type bridge\nlink set br0 mtu 1200\nlink set br0 up\n",
    );
    // A router that is slow to answer would be a neighbour by then, who is refused before the addresses are.
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\ngateway-check = 0\n");
    fails_as_foretold(&lab, "add address fe80::");
}

#[test]
fn a_limit_that_the_host_has_reached_is_reached_in_the_rehearsal() {
    let lab = host_with(&["--no-ra"], "address add 239.1.1.1/32 autojoin dev eth0\n");
    lab.host(["sysctl", "-q", "net.ipv4.igmp_max_memberships=1"]);
    fails_as_foretold(&lab, "add address 239.1.1.1/32 to br0: ipv4: Multicast auto join failed");
}

#[test]
fn a_bridge_that_has_all_the_ports_that_it_can_have_takes_none_in_the_rehearsal() {
    // BR_MAX_PORTS of net/bridge/br_private.h is 1024, and no port has number 0.
    let mut batch = String::from("link add br0 type bridge\nlink set br0 up\n");
    for number in 1..=512 {
        batch += &format!("link add a{number} type veth peer name b{number}\nlink set a{number} master br0\n");
        if number < 512 {
            batch += &format!("link set b{number} master br0\n");
        }
    }
    // Not fails_as_foretold, which looks at a thousand links again and again.
    let lab = host_with(&["--no-ra"], &batch);
    let [rehearsed, up] =
        [&PLAN[..], &["virt-bridge", "up", "br0", "--uplink", "eth0"]].map(|words| lab.attempt(words));
    assert_eq!((rehearsed.status.code(), up.status.code()), (Some(1), Some(3)), "{}\n{}", told(&rehearsed), told(&up));
    for output in [rehearsed, up] {
        let said = text(&output.stderr);
        assert!(said.contains("make eth0 a port of br0: Exchange full"), "{said}");
    }
}

#[test]
fn of_many_neighbours_only_those_are_copied_that_matter() {
    let mut batch = String::from("neighbour add 192.0.2.77 lladdr 52:54:00:00:00:77 nud permanent dev eth0\n");
    for number in 1..=180 {
        batch += &format!("neighbour add 198.18.77.{number} lladdr 52:54:00:00:77:01 nud reachable dev eth0\n");
    }
    let lab = host_with(&["--no-ra"], &batch);
    let Rehearsal { json, foretold, .. } = rehearse(&lab);
    assert_eq!(foretold, 0, "{json}");
    let told = lines("", &json["rehearsal"]["not_rehearsed"]).find(|line| line.contains("neighbours: the kernel has"));
    assert!(told.is_some(), "{json}");
    let steps = json["rehearsal"]["steps"].to_string();
    assert!(steps.contains("192.0.2.77") && !steps.contains("198.18.77."), "{steps}");
}

/// What stands beside the uplink of a host that does more.
const NEIGHBOURHOOD: &str = "\
address replace ::1/128 noprefixroute dev lo
nexthop add id 7 via 198.51.100.1 dev eth1
nexthop add id 8 blackhole
nexthop add id 9 via 198.51.100.2 dev eth1
nexthop add id 10 group 7,3/9,5
route add 198.18.60.0/24 nhid 7
route add 198.18.61.0/24 nhid 8
route add 198.18.62.0/24 nhid 10
link add mv1 link eth1 address 52:54:00:00:00:61 type macvlan mode bridge
link set mv1 mtu 1400 up
address add 198.18.63.1/24 dev mv1
link add va type veth peer name vb
link add br7 address 52:54:00:00:00:67 type bridge priority 4096 ageing_time 12300 group_fwd_mask 0x8
link set vb master br7 up
link set va mtu 9000 up
link set br7 up
address add 198.18.64.1/24 dev br7
address add 198.18.64.2/24 dev va
route add 198.18.65.0/24 via 198.18.64.77 dev br7
route add unreachable 198.18.66.0/24 table 77 metric 5
rule add fwmark 7/0xf lookup 77 priority 1000
rule add iif eth1 oif va lookup 77 priority 1001
rule add not from 198.18.64.0/24 to 198.18.65.0/24 tos 0x10 lookup 77 priority 1002
rule add ipproto tcp sport 80 dport 1000-2000 uidrange 10-20 lookup main suppress_prefixlength 0 priority 1003
rule add prohibit priority 1005 from 198.18.67.0/24
rule add goto 1005 priority 1004 from 198.18.68.0/24
rule del priority 32767
neighbour add 198.18.64.78 lladdr 52:54:00:00:00:78 nud permanent dev br7
";

#[test]
fn what_stands_beside_the_uplink_is_copied_too() {
    let lab = host_with(&["--no-ra", "--second-nic"], NEIGHBOURHOOD);
    let rehearsal = rehearse(&lab);
    assert_eq!((rehearsal.shortcomings, rehearsal.foretold), (Vec::new(), 0));
    assert_eq!(rehearsal.undo_differences, [""; 0]);
    assert!(rehearsal.json["rehearsal"]["takeover"]["outage"]["sent"].as_u64().unwrap() > 0, "{}", rehearsal.json);
}

/// Trees as the owners' own programs leave them (`tests/owner`), with a lab's processes: what of them counts then is in files.
#[test]
fn a_rehearsal_is_right_about_the_hosts_of_every_owner() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/owner");
    let mut trees: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(trees.len() >= 17, "{trees:?}");
    let per_thread = trees.len().div_ceil(4);
    std::thread::scope(|scope| {
        for trees in trees.chunks_mut(per_thread) {
            scope.spawn(|| trees.iter().for_each(|tree| is_right_about(&tree.join("root").to_string_lossy())));
        }
    });
}

fn is_right_about(tree: &str) {
    let lab = host_with(&["--no-ra"], "");
    let copy = "for directory in etc run; do [ ! -d $0/$directory ] || cp -a $0/$directory/. /$directory/; done";
    lab.host(["sh", "-c", copy, tree]);
    let plan = lab.attempt(PLAN);
    let up = lab.attempt(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    assert_eq!(plan.status.code(), up.status.code(), "{tree}: {}\n{}", told(&plan), told(&up));
    assert_eq!(plan.status.success(), text(&plan.stdout).contains("takeover: done"), "{tree}: {}", told(&plan));
}

/// The network namespaces of all threads of the lab.
fn namespaces(lab: &Lab) -> BTreeSet<String> {
    let found = lab.host(["sh", "-c", "readlink /proc/[0-9]*/task/*/ns/net; true"]);
    found.lines().map(str::to_owned).collect()
}

#[test]
fn a_rehearsal_that_is_killed_in_the_middle_leaves_nothing() {
    let lab = host_with(&["--no-ra", "--second-nic"], &everything());
    let files = || lab.host(["sh", "-c", "find /run -path /run/lab -prune -o -print | sort; cat /proc/mounts"]);
    let (first, spaces, first_files) = (Host::of(&lab), namespaces(&lab), files());
    // The thread that rehearses sends most messages: while the copy is built, and while the plan is carried out there.
    for (signal, message) in [("KILL", 20), ("KILL", 45), ("INT", 45)] {
        let fault = format!("inject=sendmsg:signal={signal}:when={message}");
        // A shell that runs tests in the background ignores SIGINT, and all that it starts with it.
        let strace = ["env", "--default-signal=INT", "strace", "-f", "-o", "/run/lab/strace"];
        let strace = [&strace[..], &["-e", "trace=unshare,sendmsg", "-e", &fault]].concat();
        assert!(!lab.attempt([&strace[..], &PLAN[..]].concat()).status.success());
        let trace = lab.read("/run/lab/strace");
        assert!(trace.contains("unshare(CLONE_NEWNET") && trace.contains(&format!("killed by SIG{signal}")), "{trace}");
        assert_eq!(namespaces(&lab), spaces);
        assert_eq!(files(), first_files);
        assert_eq!(Host::of(&lab).all_differences(&first), [""; 0]);
    }
}

#[test]
fn who_may_not_make_namespaces_is_told_so_in_one_line() {
    let lab = host_with(&["--no-ra"], "");
    let without = |words: &[&str]| {
        let output = lab.attempt(words.iter().chain(&PLAN));
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), String::new()), "{}", told(&output));
        text(&output.stderr)
    };
    let capability = without(&["setpriv", "--bounding-set", "-sys_admin", "--"]);
    assert!(capability.contains("lacks the capability CAP_SYS_ADMIN\nhint: "), "{capability}");
    let limit = "echo 0 >/proc/sys/user/max_net_namespaces; exec \"$@\"";
    let limit = without(&["unshare", "--user", "--map-root-user", "--", "sh", "-c", limit, "sh"]);
    assert!(limit.contains("user.max_net_namespaces is reached"), "{limit}");
}

#[test]
fn a_rehearsal_with_nothing_to_do_or_a_refusal_does_not_begin() {
    let lab = host_with(&["--no-ra"], "link add above link eth0 type macvlan\n");
    let refused = lab.attempt(PLAN.iter().chain(&["--json"]));
    assert_eq!(refused.status.code(), Some(1));
    let json: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert!(json.get("rehearsal").is_none() && !json["refusals"].as_array().unwrap().is_empty(), "{json}");
    lab.host(["ip", "link", "del", "above"]);
    let up = lab.attempt(["virt-bridge", "up", "br0", "--uplink", "eth0", "--rehearse"]);
    assert!(up.status.success() && text(&up.stderr).contains("rehearsal, on a copy of this host"), "{}", told(&up));
    let again = lab.attempt(PLAN);
    assert!(again.status.success() && !text(&again.stdout).contains("rehearsal"), "{}", told(&again));
}
