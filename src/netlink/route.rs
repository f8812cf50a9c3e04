//! Routes of every table, with every attribute that the kernel tells.

use std::net::IpAddr;

use nix::libc;

use super::hop::{self, Hop, RTNH_F_ONLINK, gateway};
use super::{Attributes, Malformed, Payload, ip, join_header, split_header};

mod request;
mod way;

pub use way::{Slot, Way};

const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_PRIORITY: u16 = 6;
const RTA_PREFSRC: u16 = 7;
const RTA_METRICS: u16 = 8;
const RTA_MULTIPATH: u16 = 9;
const RTA_CACHEINFO: u16 = 12;
const RTA_TABLE: u16 = 15;
const RTA_PREF: u16 = 20;
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

    /// Whether the kernel made the route with an address. Others may say so of theirs, as ifupdown2 does of default routes,
    /// but the kernel makes none that leads by a gateway.
    pub fn is_kernels(&self) -> bool {
        self.protocol == libc::RTPROT_KERNEL && self.ways().iter().all(Way::is_kernels)
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

    /// The nexthop object that the route names.
    pub fn nexthop_object(&self) -> Option<u32> {
        self.attributes.u32(RTA_NH_ID)
    }

    /// Whether the kernel tells which ways the route leaves by; with the sysctl `nexthop_compat_mode` 0 it does not of one that
    /// names a nexthop object.
    pub fn tells_its_ways(&self) -> bool {
        self.attributes.u32(RTA_OIF).is_some() || self.attributes.get(RTA_MULTIPATH).is_some()
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
