//! IP forwarding, where `[host]` asks for it. A bridge itself needs none: it passes frames on by their MAC addresses.
//!
//! IPv6 forwarding makes a router of the host, and the kernel takes a router's advertisements into account only with
//! accept_ra = 2: with 1 it drops the advertised default routes the moment forwarding is turned on (rt6_purge_dflt_routers
//! in net/ipv6/route.c) and learns no new ones (ipv6_accept_ra in include/net/ipv6.h). So 2 is written before.

mod setters;

pub use setters::{Report, report};

use crate::bridge::{Snapshot, is_meant};
use crate::config::{Bridge, Config, Forwarding};
use crate::log::Log;
use crate::netlink::{self, Link, Socket};
use crate::sysctl;

const IPV4: [&str; 3] = ["net", "ipv4", "ip_forward"];
const IPV6: [&str; 5] = ["net", "ipv6", "conf", "all", "forwarding"];

fn accept_ra(link: &str) -> [&str; 5] {
    ["net", "ipv6", "conf", link, "accept_ra"]
}

/// What was done, and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// `net.ipv4.ip_forward 0 → 1` and the like.
    pub done: Vec<String>,
    /// One line each.
    pub failures: Vec<String>,
}

impl Outcome {
    /// Says it in the log; nothing where nothing was to be done.
    pub fn tell(&self, log: &Log) {
        if !self.done.is_empty() {
            log.info(&format!("IP forwarding: {}", self.done.join("; ")));
        }
        self.failures.iter().for_each(|failure| log.warning(&format!("IP forwarding: {failure}")));
    }

    fn write(&mut self, sysctl: &[&str], from: u8, to: u8) -> bool {
        let name = sysctl.join(".");
        match sysctl::write(sysctl, &to.to_string()) {
            Ok(()) => self.done.push(format!("{name} {from} → {to}")),
            Err(error) => self.failures.push(format!("cannot set {name}: {error}")),
        }
        self.failures.is_empty()
    }
}

/// Lets advertisements count on a configured bridge that has just appeared on a host that forwards.
pub fn apply_to_bridge(config: &Config, bridge: &str) -> Outcome {
    let mut outcome = Outcome::default();
    if config.host.ip6_forward == Forwarding::On && ignores_advertisements(config, bridge) {
        outcome.write(&accept_ra(bridge), 1, 2);
    }
    outcome
}

/// Whether it is a configured bridge on which a host that forwards ignores advertisements.
fn ignores_advertisements(config: &Config, bridge: &str) -> bool {
    config.bridges.get(bridge).is_some_and(Bridge::is_ours) && sysctl::read_digit(&accept_ra(bridge)) == Some(1)
}

/// Whether there is something to do after a bridge has come up; what is left alone is not read.
pub fn has_drifted(config: &Config, bridge: &str) -> bool {
    let is_off = |sysctl: &[&str]| sysctl::read_digit(sysctl) == Some(0);
    config.host.ip_forward == Forwarding::On && is_off(&IPV4)
        || config.host.ip6_forward == Forwarding::On && (is_off(&IPV6) || ignores_advertisements(config, bridge))
}

/// Turns on what the configuration asks for. What is right already is not written: a write of ip_forward, whatever its
/// value was, resets other settings (Documentation/networking/ip-sysctl.rst).
///
/// # Errors
/// When the kernel cannot be asked; what it refuses is in the outcome.
pub fn apply(config: &Config) -> Result<Outcome, netlink::Error> {
    let mut outcome = Outcome::default();
    if config.host.ip6_forward == Forwarding::On {
        let snapshot = Socket::open().and_then(|mut socket| Snapshot::take(&mut socket))?;
        let keep_default = snapshot.links.iter().filter(|link| may_be_advertised_to(&snapshot, config, link));
        let names: Vec<String> = keep_default.map(Link::name).collect();
        let mut wrong = names.iter().filter(|name| sysctl::read_digit(&accept_ra(name)) == Some(1));
        if wrong.all(|name| outcome.write(&accept_ra(name), 1, 2)) && sysctl::read_digit(&IPV6) == Some(0) {
            outcome.write(&IPV6, 0, 1);
        }
    }
    if config.host.ip_forward == Forwarding::On && sysctl::read_digit(&IPV4) == Some(0) {
        outcome.write(&IPV4, 0, 1);
    }
    Ok(outcome)
}

/// Whether the host's default route comes from advertisements on this link, or may: on a configured bridge or its uplink,
/// where at boot none has arrived yet, and on the port to which an undo gives the route back.
fn may_be_advertised_to(snapshot: &Snapshot, config: &Config, link: &Link) -> bool {
    let has_default = |index| {
        let advertised = |route: &&netlink::Route| route.is_ipv6() && route.is_default() && route.is_advertised();
        snapshot.routes.iter().filter(advertised).any(|route| route.uses(index))
    };
    let is_meant = |(name, bridge): (&String, &Bridge)| {
        bridge.is_ours() && (*name == link.name() || is_meant(link, &bridge.uplink, None))
    };
    has_default(link.index)
        || link.master().is_some_and(|master| !link.is_tap() && has_default(master))
        || config.bridges.iter().any(is_meant)
}
