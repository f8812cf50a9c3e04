//! Rules that drop what one guest sends: those that speak of its tap or its MAC address, and chains at its tap alone.

use super::{FAMILIES, Firewall};
use crate::netlink::{FirewallChain, FirewallRule};

/// `NFPROTO_NETDEV` of linux/netfilter.h.
const NETDEV: u8 = 5;
/// `NFPROTO_BRIDGE` there.
const BRIDGE: u8 = 7;

/// A rule in the way of a guest's frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// Where it is: `chain ingress of table netdev guests`.
    pub place: String,
    /// The command that takes it away.
    pub removal: String,
}

impl Firewall {
    /// The rules that drop frames of a guest with this tap and MAC address, some at least, on their way into its bridge.
    pub fn obstacles(&self, tap: &str, mac: &[u8]) -> Vec<Obstacle> {
        let at_tap = |(family, table, name): &(u8, String, String)| {
            let is_it = |chain: &FirewallChain| {
                (chain.family(), &chain.table(), &chain.name()) == (*family, table, name) && chain.is_at(tap)
            };
            *family == NETDEV && self.chains.iter().any(is_it)
        };
        let is_meant = |rule: &&FirewallRule| {
            let place = rule.place();
            // libvirt's own, of a filter of the guest, are told of as that filter.
            let is_libvirts = place.2.contains(tap);
            let is_in_the_way = matches!(place.0, NETDEV | BRIDGE) && !is_libvirts;
            is_in_the_way && rule.drops() && (rule.asks_for(tap.as_bytes()) || rule.asks_for(mac) || at_tap(&place))
        };
        self.rules.iter().filter(is_meant).map(obstacle).collect()
    }
}

fn obstacle(rule: &FirewallRule) -> Obstacle {
    let (number, table, chain) = rule.place();
    let family = FAMILIES.iter().find(|(known, _)| *known == number).map_or("netdev", |(_, name)| name);
    Obstacle {
        place: format!("chain {chain} of table {family} {table}"),
        removal: format!("nft delete rule {family} {table} {chain} handle {}", rule.handle()),
    }
}
