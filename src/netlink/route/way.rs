//! Where a route stands and where it leads: what tells whether two routes are the same one, moved.

use std::net::IpAddr;

use nix::libc;

use super::{RTA_DST, RTA_METRICS, RTA_OIF, Route};
use crate::netlink::hop::{Hop, RTNH_F_ONLINK, gateway};

/// Family, table, destination and its length, type of service, metric.
pub type Slot = (u8, u32, u8, Option<Vec<u8>>, u8, u32);

/// One way out of a route, as it must be the same on another link.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Way {
    slot: Slot,
    kind: (u8, u8, u8),
    preferred_source: Option<IpAddr>,
    metrics: Option<Vec<u8>>,
    gateway: Option<IpAddr>,
    is_onlink: bool,
}

impl Way {
    /// Whether the kernel made the route by itself, see [`Route::is_kernels`].
    pub fn is_kernels(&self) -> bool {
        let (_, _, protocol) = self.kind;
        protocol == libc::RTPROT_KERNEL && self.gateway.is_none()
    }
}

impl Route {
    /// What decides which routes stand in one list, of which the kernel takes the first (IPv4) or the best (IPv6).
    pub fn slot(&self) -> Slot {
        let destination = self.attributes.get(RTA_DST).map(<[u8]>::to_vec);
        (self.family, self.table(), self.destination_length, destination, self.tos, self.priority())
    }

    /// Where the route leads, whichever link it leaves by: two routes with the same place are the same one, moved.
    pub fn place(&self) -> (Slot, u8, u8, u8, Option<IpAddr>, Vec<IpAddr>) {
        let gateways = match self.hops() {
            hops if hops.is_empty() => gateway(&self.attributes).into_iter().collect(),
            hops => hops.iter().filter_map(Hop::gateway).collect(),
        };
        (self.slot(), self.route_type, self.scope, self.protocol, self.preferred_source(), gateways)
    }

    /// Each way that the route leaves by this link: what must be found on the new link for the move to be complete.
    /// The kernel joins IPv6 routes of equal metric into one of several ways, so ways are compared, not routes.
    pub fn ways_by(&self, index: u32) -> Vec<Way> {
        if self.attributes.u32(RTA_OIF) == Some(index) {
            return vec![self.way(gateway(&self.attributes), self.flags)];
        }
        self.hops().iter().filter(|hop| hop.index == index).map(|hop| self.way_of(hop)).collect()
    }

    /// Each way of the route, by whatever link.
    pub fn ways(&self) -> Vec<Way> {
        self.ways_and_links().into_iter().map(|(way, _)| way).collect()
    }

    /// Each way of the route, and the link that it leaves by; 0 is none.
    pub fn ways_and_links(&self) -> Vec<(Way, u32)> {
        match self.hops() {
            hops if hops.is_empty() => {
                let link = self.attributes.u32(RTA_OIF).unwrap_or(0);
                vec![(self.way(gateway(&self.attributes), self.flags), link)]
            }
            hops => hops.iter().map(|hop| (self.way_of(hop), hop.index)).collect(),
        }
    }

    fn way_of(&self, hop: &Hop) -> Way {
        self.way(hop.gateway(), u32::from(hop.flags))
    }

    fn way(&self, gateway: Option<IpAddr>, flags: u32) -> Way {
        Way {
            slot: self.slot(),
            kind: (self.route_type, self.scope, self.protocol),
            preferred_source: self.preferred_source(),
            metrics: self.attributes.get(RTA_METRICS).map(<[u8]>::to_vec),
            gateway,
            // IPv6 takes routes that differ in this only for the same (rt6_duplicate_nexthop in net/ipv6/ip6_fib.c).
            is_onlink: !self.is_ipv6() && flags & u32::from(RTNH_F_ONLINK) != 0,
        }
    }
}
