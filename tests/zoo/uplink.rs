//! An uplink with everything that Linux lets an administrator put on it, each thing alone and all at once: after a
//! takeover the bridge has it, after undo the uplink has it again, and the rest of the host is untouched.

use std::sync::Mutex;

use serde_json::{Map, Value};

use crate::host::Host;
use crate::rehearsals::rehearse;
use crate::support::{Lab, told};

/// The cases: what each is about, and the lines that make it.
fn zoo() -> impl Iterator<Item = (&'static str, &'static str)> {
    include_str!("uplink.batch").split("\n## ").skip(1).map(|case| case.split_once('\n').unwrap())
}

/// A lab's host with `batch` done on it.
pub fn host_with(options: &[&str], batch: &str) -> Lab {
    let lab = Lab::start(["--no-libvirt", "--no-syslog"].iter().chain(options).copied());
    lab.write("/run/lab/batch", batch);
    lab.host(["ip", "-batch", "/run/lab/batch"]);
    settle(&lab);
    lab
}

/// Waits until the kernel has looked for duplicates of every IPv6 address.
pub fn settle(lab: &Lab) {
    lab.wait_until("no address is tentative", || lab.host(["ip", "-6", "address", "show", "tentative"]).is_empty());
}

/// Takes over `eth0` and goes back; the differences to what is expected, each with when it was seen. Before it is
/// compared, each state but the first passes `forgive`, which also gets the first one.
pub fn there_and_back(lab: &Lab, forgive: impl Fn(Host, &Host) -> Host) -> Vec<String> {
    let first = Host::of(lab);
    let expected = forgive(first.clone(), &first);
    let rehearsal = rehearse(lab);
    let up = lab.attempt(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    if !up.status.success() {
        return vec![format!("up: {}", told(&up))];
    }
    let mut differences = rehearsal.shortcomings;
    differences.extend((rehearsal.foretold != 0).then(|| format!("rehearsal: {}", rehearsal.json)));
    let taken = forgive(Host::of(lab), &first).differences(&expected.moved("eth0", "br0"));
    differences.extend(taken.into_iter().map(|text| format!("on br0: {text}")));
    let undo = lab.attempt(["virt-bridge", "undo", "br0"]);
    if !undo.status.success() {
        differences.push(format!("undo: {}", told(&undo)));
        return differences;
    }
    let last = Host::of(lab);
    // What the real way back does not bring back, the rehearsed one need not either.
    if last.all_differences(&first).is_empty() {
        differences.extend(rehearsal.undo_differences);
    }
    let back = forgive(last, &first).all_differences(&expected);
    differences.extend(back.into_iter().map(|text| format!("after undo: {text}")));
    differences
}

/// Forgives nothing.
pub fn strict(host: Host, _: &Host) -> Host {
    host
}

#[test]
fn each_thing_alone_goes_to_the_bridge_and_back() {
    let rest = Mutex::new(zoo());
    let failed = Mutex::new(Vec::new());
    let work = || {
        loop {
            let Some((name, batch)) = rest.lock().unwrap().next() else { break };
            let differences = there_and_back(&host_with(&["--no-ra", "--second-nic"], batch), strict);
            if !differences.is_empty() {
                failed.lock().unwrap().push(format!("{name}:\n  {}", differences.join("\n  ")));
            }
        }
    };
    // Most of the time the kernel waits for duplicates of addresses.
    std::thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(work))));
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), zoo().count(), failed.join("\n"));
}

/// All cases at once, but those that take away what others need, or have the same place as others.
pub fn everything() -> String {
    let lonely = ["a prefix route taken away", "a gateway's prefix route", "a prefix shared behind the other NIC's"];
    let batches = zoo().filter(|(name, _)| !lonely.contains(name)).map(|(_, batch)| batch);
    batches.collect::<Vec<_>>().join("\n")
}

/// Lets the router advertise itself to a host with temporary addresses. Then the router falls silent, so that the host
/// keeps still.
fn receive_advertisements(lab: &Lab) {
    lab.host(["sysctl", "-q", "net.ipv6.conf.eth0.use_tempaddr=2"]);
    advertise(lab, "eth0");
    // Killed, it has no time to say that it is no longer a router.
    lab.host(["bash", "-c", "kill -9 $(</run/lab/radvd.pid)"]);
    settle(lab);
}

/// Starts the router's advertisements and waits until `link` has a temporary address.
fn advertise(lab: &Lab, link: &str) {
    let network = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/network.sh");
    lab.host(["bash", "-c", &format!(". {network}; start_router_advertisements")]);
    lab.wait_until("there is a temporary address", || {
        lab.host(["ip", "-6", "address", "show", "dev", link, "temporary", "-tentative"]).contains("2001:db8:0:2:")
    });
}

/// As systemd-networkd 257 makes one of an advertisement.
const BY_OBJECT: &str = "route del ::/0\nnexthop add id 7 via fe80::1 dev eth0 protocol ra\n\
                         route add ::/0 nhid 7 proto ra metric 1024 expires 900";

#[test]
fn a_route_by_a_routers_nexthop_object_goes_to_the_bridge_and_back_by_a_way_of_its_own() {
    let lab = host_with(&["--no-ra"], BY_OBJECT);
    let differences = there_and_back(&lab, |mut host, _| {
        let by_router = |route: &&mut Map<String, Value>| route["protocol"] == "ra";
        for route in host.ipv6_routes.iter_mut().filter_map(Value::as_object_mut).filter(by_router) {
            // Right before the place that its maker gives it again.
            for key in ["nhid", "nh_info", "metric"] {
                route.remove(key);
            }
        }
        host
    });
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    // It stays, for whoever made it.
    assert!(lab.host(["ip", "nexthop", "show", "id", "7"]).contains("dev eth0"));
    lab.host(["ping", "-6", "-c1", "-W2", "2001:db8:0:1::1"]);
}

#[test]
fn a_route_by_a_routers_nexthop_object_stands_by_it_where_the_bridge_leads_nowhere() {
    let lab = host_with(&["--no-ra"], BY_OBJECT);
    let first = Host::of(&lab);
    // The router answers when it is asked by the uplink, and not again.
    let rules = "table ip6 t { chain c { type filter hook input priority 0; icmpv6 type nd-neighbor-solicit limit rate \
                 over 1/hour burst 1 packets drop; }; }";
    lab.router(["nft", rules]);
    let up = lab.attempt(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    assert!(up.status.code() == Some(3) && told(&up).contains("fe80::1 does not answer"), "{}", told(&up));
    let differences = Host::of(&lab).all_differences(&first);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn everything_at_once_goes_to_the_bridge_and_back() {
    let lab = host_with(&["--no-ra", "--second-nic"], &everything());
    lab.host(["sysctl", "-q", "net.ipv4.conf.all.rp_filter=1", "net.ipv4.conf.eth0.rp_filter=1"]);
    receive_advertisements(&lab);
    let differences = there_and_back(&lab, Host::but_for_the_kernels_own);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(lab.host(["sysctl", "-n", "net.ipv6.conf.eth0.use_tempaddr"]).trim(), "2");
}

#[test]
fn temporary_addresses_go_on_with_the_next_advertisement() {
    let lab = host_with(&["--no-ra"], "");
    receive_advertisements(&lab);
    lab.host(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    assert_eq!(lab.host(["sysctl", "-n", "net.ipv6.conf.br0.use_tempaddr"]).trim(), "2");
    advertise(&lab, "br0");
}
