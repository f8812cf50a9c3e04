//! Routes of every table, with every attribute that the kernel tells.

use std::net::IpAddr;

use nix::libc;

use super::hop::{self, Hop, RTA_GATEWAY, RTA_VIA, RTNH_F_ONLINK, gateway};
use super::{Attributes, Malformed, Payload, ip, join_header, split_header};

const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_PRIORITY: u16 = 6;
const RTA_PREFSRC: u16 = 7;
const RTA_METRICS: u16 = 8;
const RTA_MULTIPATH: u16 = 9;
const RTA_CACHEINFO: u16 = 12;
const RTA_TABLE: u16 = 15;
const RTA_PREF: u16 = 20;
const RTA_EXPIRES: u16 = 23;
const RTA_NH_ID: u16 = 30;
/// Metrics inside of `RTA_METRICS` (linux/rtnetlink.h).
const RTAX_MTU: u16 = 2;
const RTAX_HOPLIMIT: u16 = 10;
/// `RTPROT_RA` of linux/rtnetlink.h.
const RTPROT_RA: u8 = 9;
/// Lifetimes of routes are counted in USER_HZ, 100 a second (linux/param.h).
const USER_HZ: u32 = 100;

/// A route: `struct rtmsg` and its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// `AF_INET` or `AF_INET6`
    pub family: u8,
    /// Length of the destination's prefix, in bits.
    pub destination_length: u8,
    source_length: u8,
    tos: u8,
    short_table: u8,
    /// `RTPROT_…`
    pub protocol: u8,
    /// `RT_SCOPE_…`
    pub scope: u8,
    /// `RTN_…`
    pub route_type: u8,
    flags: u32,
    /// Everything else that the kernel said.
    pub attributes: Attributes,
}

impl Payload for Route {
    const NEW: u16 = libc::RTM_NEWROUTE;
    const DELETE: u16 = libc::RTM_DELROUTE;
    const GET: u16 = libc::RTM_GETROUTE;

    fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let (
            [family, destination_length, source_length, tos, short_table, protocol, scope, route_type, f0, f1, f2, f3],
            attributes,
        ) = split_header::<12>(payload)?;
        let flags = u32::from_ne_bytes([f0, f1, f2, f3]);
        Ok(Route {
            family,
            destination_length,
            source_length,
            tos,
            short_table,
            protocol,
            scope,
            route_type,
            flags,
            attributes,
        })
    }

    fn encode(&self) -> Vec<u8> {
        let [f0, f1, f2, f3] = self.flags.to_ne_bytes();
        let header = [
            self.family,
            self.destination_length,
            self.source_length,
            self.tos,
            self.short_table,
            self.protocol,
            self.scope,
            self.route_type,
            f0,
            f1,
            f2,
            f3,
        ];
        join_header(&header, &self.attributes)
    }
}

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
    /// Whether the kernel made the route by itself.
    pub fn is_kernels(&self) -> bool {
        let (_, _, protocol) = self.kind;
        protocol == libc::RTPROT_KERNEL
    }
}

impl Route {
    /// The routing table's number.
    pub fn table(&self) -> u32 {
        self.attributes.u32(RTA_TABLE).unwrap_or(u32::from(self.short_table))
    }

    /// The metric: lower wins.
    pub fn priority(&self) -> u32 {
        self.attributes.u32(RTA_PRIORITY).unwrap_or(0)
    }

    /// The same route with another metric.
    pub fn with_priority(mut self, priority: u32) -> Route {
        self.attributes.set(RTA_PRIORITY, priority.to_ne_bytes());
        self
    }

    /// Whether the kernel made the route from a router's advertisement.
    pub fn is_advertised(&self) -> bool {
        self.protocol == RTPROT_RA
    }

    /// Whether the kernel made the route for an address's broadcast address.
    pub fn is_kernels_broadcast(&self) -> bool {
        self.protocol == libc::RTPROT_KERNEL && self.route_type == libc::RTN_BROADCAST
    }

    /// Whether the route is of IPv6.
    pub fn is_ipv6(&self) -> bool {
        i32::from(self.family) == libc::AF_INET6
    }

    /// Whether it is a default route.
    pub fn is_default(&self) -> bool {
        self.destination_length == 0 && self.source_length == 0 && self.route_type == libc::RTN_UNICAST
    }

    /// The destination's network address; nothing for a default route.
    pub fn destination(&self) -> Option<IpAddr> {
        ip(self.attributes.get(RTA_DST)?)
    }

    /// The key of the route that the kernel makes to an address's prefix.
    pub fn to_prefix(network: IpAddr, length: u8, index: u32) -> Route {
        let (family, bytes, scope) = match network {
            IpAddr::V4(v4) => (libc::AF_INET, v4.octets().to_vec(), libc::RT_SCOPE_LINK),
            IpAddr::V6(v6) => (libc::AF_INET6, v6.octets().to_vec(), libc::RT_SCOPE_UNIVERSE),
        };
        Route {
            family: family as u8,
            destination_length: length,
            source_length: 0,
            tos: 0,
            short_table: libc::RT_TABLE_MAIN,
            protocol: libc::RTPROT_KERNEL,
            scope,
            route_type: libc::RTN_UNICAST,
            flags: 0,
            attributes: Attributes::default().with(RTA_DST, bytes).with(RTA_OIF, index.to_ne_bytes()),
        }
    }

    /// The preferred source address.
    pub fn preferred_source(&self) -> Option<IpAddr> {
        ip(self.attributes.get(RTA_PREFSRC)?)
    }

    /// Whether the kernel lets the route end by itself.
    pub fn expires(&self) -> bool {
        self.lifetime().is_some()
    }

    /// The ways out of a multipath route.
    pub fn hops(&self) -> Vec<Hop> {
        hop::parse(self.attributes.get(RTA_MULTIPATH).unwrap_or_default())
    }

    /// Whether the route leaves by this link, if only with one of its hops.
    pub fn uses(&self, index: u32) -> bool {
        self.attributes.u32(RTA_OIF) == Some(index) || self.hops().iter().any(|hop| hop.index == index)
    }

    /// The gateways that the route reaches by this link.
    pub fn gateways_on(&self, index: u32) -> Vec<IpAddr> {
        if self.attributes.u32(RTA_OIF) == Some(index) {
            return gateway(&self.attributes).into_iter().collect();
        }
        self.hops().iter().filter(|hop| hop.index == index).filter_map(Hop::gateway).collect()
    }

    /// Whether a hop by this link waits for the link to come up.
    pub fn is_dead_by(&self, index: u32) -> bool {
        self.hops().iter().any(|hop| hop.index == index && hop.is_dead())
    }

    /// The gateways by this link to which another route must lead.
    pub fn gateways_to_reach(&self, index: u32) -> Vec<IpAddr> {
        let is_onlink = self.flags & u32::from(RTNH_F_ONLINK) != 0;
        let is_link_local = |gateway: &IpAddr| matches!(gateway, IpAddr::V6(v6) if v6.is_unicast_link_local());
        self.gateways_on(index).into_iter().filter(|gateway| !is_onlink && !is_link_local(gateway)).collect()
    }

    /// Whether a gateway stands between, on whatever link.
    pub fn has_gateway(&self) -> bool {
        gateway(&self.attributes).is_some() || self.hops().iter().any(|hop| hop.gateway().is_some())
    }

    /// What decides which routes stand in one list, of which the kernel takes the first (IPv4) or the best (IPv6).
    pub fn slot(&self) -> Slot {
        let destination = self.attributes.get(RTA_DST).map(<[u8]>::to_vec);
        (self.family, self.table(), self.destination_length, destination, self.tos, self.priority())
    }

    /// The request's form of this route: wishes instead of state, what is left of its lifetime, and each way out by
    /// `from` led to `to`.
    pub fn moved(&self, from: u32, to: u32) -> Route {
        let mut moved = self.requested();
        if moved.attributes.u32(RTA_OIF) == Some(from) {
            moved.attributes.set(RTA_OIF, to.to_ne_bytes());
        }
        let hops = self.hops();
        if !hops.is_empty() {
            let hops = hops.into_iter().map(|hop| if hop.index == from { Hop { index: to, ..hop } } else { hop });
            moved.attributes.set(RTA_MULTIPATH, hop::encode(hops));
        }
        moved
    }

    /// The same route of another namespace, where each link has another index.
    pub fn with_links(mut self, index_of: impl Fn(u32) -> u32) -> Route {
        if let Some(link) = self.attributes.u32(RTA_OIF) {
            self.attributes.set(RTA_OIF, index_of(link).to_ne_bytes());
        }
        let hops = self.hops();
        if !hops.is_empty() {
            let hops = hops.into_iter().map(|hop| Hop { index: index_of(hop.index), ..hop });
            self.attributes.set(RTA_MULTIPATH, hop::encode_with_state(hops));
        }
        self
    }

    /// The request's form of this route where it stands.
    pub fn requested(&self) -> Route {
        let mut requested = self.clone();
        requested.flags &= u32::from(RTNH_F_ONLINK);
        if let Some(seconds) = self.seconds_left() {
            requested.attributes.set(RTA_EXPIRES, seconds.to_ne_bytes());
        }
        requested.attributes.remove(RTA_CACHEINFO);
        let hops = self.hops();
        if !hops.is_empty() {
            requested.attributes.set(RTA_MULTIPATH, hop::encode(hops.into_iter()));
        }
        requested
    }

    /// What makes this route again in another namespace, and by what it is known there: the kernel takes a nexthop object
    /// or the ways that it stands for, not both, and lifetimes run down.
    pub fn copied(&self) -> Route {
        let mut copied = self.requested();
        if copied.attributes.get(RTA_NH_ID).is_some() {
            for kind in [RTA_OIF, RTA_GATEWAY, RTA_VIA, RTA_MULTIPATH] {
                copied.attributes.remove(kind);
            }
        }
        copied
    }

    /// The copy without what runs down.
    pub fn lasting(mut self) -> Route {
        self.attributes.remove(RTA_EXPIRES);
        self
    }

    /// A route to a gateway itself, so that the kernel takes routes by it; nothing where none is needed.
    pub fn crutches(&self) -> Vec<Route> {
        let ways = match self.hops() {
            hops if hops.is_empty() => vec![(self.attributes.u32(RTA_OIF), gateway(&self.attributes))],
            hops => hops.iter().map(|hop| (Some(hop.index), hop.gateway())).collect(),
        };
        let crutch = |(index, gateway): (Option<u32>, Option<IpAddr>)| {
            let length = if gateway?.is_ipv4() { 32 } else { 128 };
            Some(Route { protocol: libc::RTPROT_STATIC, ..Route::to_prefix(gateway?, length, index?) })
        };
        ways.into_iter().filter_map(crutch).collect()
    }

    /// The same multipath route with only the hops by this link, as one request adds them to, or takes them from, an
    /// IPv6 multipath set; a route of one way is left as it is.
    pub fn only_hops_by(&self, index: u32) -> Route {
        let mut only = self.clone();
        let hops = self.hops();
        if !hops.is_empty() {
            only.attributes.set(RTA_MULTIPATH, hop::encode(hops.into_iter().filter(|hop| hop.index == index)));
        }
        only
    }

    /// What a request to delete exactly this route must say: metrics, lifetime and preference are no part of it.
    pub fn key(&self) -> Route {
        let mut key = self.requested();
        for kind in [RTA_METRICS, RTA_EXPIRES, RTA_PREF] {
            key.attributes.remove(kind);
        }
        key
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

    /// What is left of the route's life, in seconds, where it ends by itself.
    pub fn seconds_left(&self) -> Option<u32> {
        self.lifetime().map(|ticks| (ticks / USER_HZ).max(1))
    }

    /// The hop limit of what is sent by the route, where it has one of its own.
    pub fn hop_limit(&self) -> Option<u32> {
        self.attributes.nested(RTA_METRICS)?.u32(RTAX_HOPLIMIT)
    }

    /// The largest packet that is sent by the route, in bytes, where the route says.
    pub fn mtu(&self) -> Option<u32> {
        self.attributes.nested(RTA_METRICS)?.u32(RTAX_MTU)
    }

    /// How much its router wants to be preferred: `ICMPV6_ROUTER_PREF_…` of linux/icmpv6.h.
    pub fn preference(&self) -> u8 {
        self.attributes.u8(RTA_PREF).unwrap_or(0)
    }

    /// What is left of the route's life, in USER_HZ ticks.
    fn lifetime(&self) -> Option<u32> {
        // struct rta_cacheinfo: clntref, lastuse, expires, …
        let expires = self.attributes.get(RTA_CACHEINFO)?.get(8..12)?;
        let ticks = i32::from_ne_bytes(expires.try_into().ok()?);
        u32::try_from(ticks).ok().filter(|ticks| *ticks > 0)
    }
}

/// Filter for all routes of all tables of one family.
pub fn all(family: u8) -> Vec<u8> {
    let mut payload = vec![0; 12];
    payload[0] = family;
    payload
}

/// Filter for the routes of one family that leave by one link, in all tables.
pub fn by_link(family: u8, index: u32) -> Vec<u8> {
    let mut payload = all(family);
    payload.extend(Attributes::default().with(RTA_OIF, index.to_ne_bytes()).encode());
    payload
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.destination() {
            Some(destination) => write!(f, "{destination}/{}", self.destination_length)?,
            None if self.is_ipv6() => write!(f, "default (IPv6)")?,
            None => write!(f, "default")?,
        }
        if let Some(gateway) = gateway(&self.attributes) {
            write!(f, " via {gateway}")?;
        }
        let hops = self.hops();
        if !hops.is_empty() {
            write!(f, " over {} hops", hops.len())?;
        }
        if let Some(source) = self.preferred_source() {
            write!(f, " src {source}")?;
        }
        if self.priority() != 0 {
            write!(f, " metric {}", self.priority())?;
        }
        if self.table() != u32::from(libc::RT_TABLE_MAIN) {
            write!(f, " table {}", self.table())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(attributes: Attributes) -> Route {
        Route {
            family: 2,
            destination_length: 0,
            source_length: 0,
            tos: 0,
            short_table: 254,
            protocol: 3,
            scope: 0,
            route_type: 1,
            flags: 0x14,
            attributes,
        }
    }

    #[test]
    fn only_the_hops_of_the_old_link_are_led_to_the_new_one() {
        let hop = |index, flags| Hop {
            flags,
            weight: index as u8,
            index,
            attributes: Attributes::default().with(RTA_GATEWAY, [192, 0, 2, 1]),
        };
        let hops = hop::encode([hop(2, 0x10), hop(3, 0x04)].into_iter());
        let moved = route(Attributes::default().with(RTA_MULTIPATH, hops)).moved(2, 9);
        let hops = moved.hops();
        assert_eq!(
            hops.iter().map(|hop| (hop.index, hop.weight, hop.flags)).collect::<Vec<_>>(),
            [(9, 2, 0), (3, 3, 4)]
        );
        assert_eq!(moved.only_hops_by(9).hops().len(), 1);
        assert_eq!(moved.gateways_on(9), ["192.0.2.1".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn a_moved_route_keeps_its_lifetime_and_drops_its_state() {
        let mut cacheinfo = vec![0; 32];
        cacheinfo[8..12].copy_from_slice(&179_500u32.to_ne_bytes());
        let moved =
            route(Attributes::default().with(RTA_OIF, 2u32.to_ne_bytes()).with(RTA_CACHEINFO, cacheinfo)).moved(2, 9);
        assert_eq!(moved.attributes.u32(RTA_EXPIRES), Some(1795));
        assert_eq!(moved.attributes.get(RTA_CACHEINFO), None);
        assert_eq!(moved.attributes.u32(RTA_OIF), Some(9));
        assert_eq!(moved.flags, 4);
    }

    #[test]
    fn a_damaged_multipath_attribute_does_not_loop_or_panic() {
        for bytes in [vec![0; 8], vec![4, 0, 0, 0, 0, 0, 0, 0], vec![255; 8], vec![8, 0, 0]] {
            assert!(route(Attributes::default().with(RTA_MULTIPATH, bytes)).hops().len() < 2);
        }
    }
}
