//! The well-known way by hand in one lab, ours in another, and the end states side by side. The table is shown by
//! `cargo test --release --test guide -- --nocapture`.

#[path = "../support/mod.rs"]
mod support;

mod difference;
mod end_state;

use difference::Difference;
use end_state::EndState;
use support::Lab;
use support::bridges::{script, sysctls};
use support::programs::program;

const GUEST: &str = "52:54:00:00:00:31";
const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guide");

/// A way to get there.
#[derive(Clone, Copy)]
struct Way {
    commands: &'static str,
    udev_program: &'static str,
    udev_rules: &'static str,
}

const BY_HAND: Way = Way {
    commands: "by-hand.sh",
    // Its rule names sysctl by its path, and a path stays what it is.
    udev_program: "/usr/sbin/sysctl",
    udev_rules: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guide/99-bridge.rules"),
};

const BY_US: Way = Way {
    commands: "by-us.sh",
    udev_program: "virt-bridge-udev",
    udev_rules: concat!(env!("CARGO_MANIFEST_DIR"), "/udev/90-virt-bridge.rules"),
};

/// The end states of one way: at once, after a restart of libvirtd, and after br_netfilter's event.
fn end_states(way: Way) -> [EndState; 3] {
    let lab = Lab::start(["--no-ra"]);
    // From it udevd makes up MACs of links that have none of their own.
    lab.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    // Which of a tap's it would do before libvirt sets that, or after it.
    lab.write("/etc/systemd/network/10-tap.link", "[Match]\nOriginalName=vnet*\n\n[Link]\nMACAddressPolicy=none\n");
    lab.host(["udev", "start", &program(way.udev_program), way.udev_rules]);
    // The host of somebody who has Docker: its containers on docker0, and what is forwarded is dropped.
    lab.host(["joined", "make", "docker0"]);
    script(&lab, "iptables -P FORWARD DROP; ip6tables -P FORWARD DROP; ping -qc1 192.0.2.1; ping -qc1 2001:db8:0:1::1");
    lab.host([&format!("{DIRECTORY}/{}", way.commands), &format!("{DIRECTORY}/bridge-network.xml")]);
    let neighbours = script(&lab, "ip neighbour show dev br0 | awk '/lladdr/ { print $1 }' | sort | xargs");
    lab.host(["lan-dhcp", "start"]);
    lab.host(["install-guest", "web", "bridge-network", GUEST]);
    let end_state = || {
        settle(&lab);
        end_state::of(&lab, GUEST)
    };
    let mut at_once = end_state();
    at_once.insert("neighbours br0 knew before it sent anything".into(), neighbours.trim().into());
    lab.host(["daemon", "restart"]);
    let after_restart = end_state();
    // What the module's start does, and its event: here it is built in.
    script(&lab, "sysctl -q net.bridge.bridge-nf-call-{ip,ip6,arp}tables=1");
    lab.host(["udev", "module", "br_netfilter"]);
    lab.wait_until("the sysctls are 0 again", || sysctls(&lab) == "000");
    [at_once, after_restart, end_state()]
}

/// Waits until events are worked through and IPv6 addresses are known to be nobody else's.
fn settle(lab: &Lab) {
    lab.host(["udevadm", "settle", "--timeout=20"]);
    lab.wait_until("no address is tentative", || lab.host(["ip", "-6", "address", "show", "tentative"]).is_empty());
}

#[test]
fn each_difference_from_the_hand_made_bridge_has_its_reason() {
    let (by_hand, by_us) = std::thread::scope(|scope| {
        let by_hand = scope.spawn(|| end_states(BY_HAND));
        let by_us = end_states(BY_US);
        (by_hand.join().unwrap(), by_us)
    });
    let mut unexplained = Vec::new();
    let mut names = Vec::new();
    let moments = ["at once", "after a restart of libvirtd", "after br_netfilter's event"];
    for ((moment, by_hand), by_us) in moments.into_iter().zip(&by_hand).zip(&by_us) {
        let differences = difference::between(by_hand, by_us);
        println!("\n{moment}: {} values by hand, {} differ from ours", by_hand.len(), differences.len());
        let unknown = print_table(&differences);
        unexplained.extend(unknown.iter().map(|name| format!("{moment}: {name}")));
        names.extend(differences.iter().map(|difference| difference.name.to_owned()));
    }
    assert!(unexplained.is_empty(), "without a reason:\n{}", unexplained.join("\n"));
    for pattern in difference::reasons().flat_map(|(_, patterns)| patterns) {
        let differs = names.iter().any(|name| virt_bridge::glob::matches(pattern, name));
        assert!(differs, "nothing differs any longer in {pattern}");
    }
}

/// Prints the differences below their reasons, and answers with the names of those that have none.
fn print_table<'a>(differences: &[Difference<'a>]) -> Vec<&'a str> {
    let (mut explained, mut unexplained) = (Vec::new(), Vec::new());
    for difference in differences {
        match difference::reasons().position(|(_, patterns)| difference::is_among(difference, patterns)) {
            Some(place) => explained.push((place, difference)),
            None => unexplained.push(difference),
        }
    }
    for (place, (reason, _)) in difference::reasons().enumerate() {
        println!("  {reason}:");
        explained.iter().filter(|(other, _)| *other == place).for_each(|(_, difference)| print(difference));
    }
    println!("  without a reason:");
    unexplained.iter().for_each(|difference| print(difference));
    unexplained.iter().map(|difference| difference.name).collect()
}

fn print(difference: &Difference) {
    println!(
        "    {:46} {:24} → {}",
        difference.name,
        difference.by_hand.unwrap_or("-"),
        difference.by_us.unwrap_or("-")
    );
}
