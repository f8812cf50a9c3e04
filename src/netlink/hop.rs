//! The ways out of a multipath route, and the gateway that a way or a route has.

use std::net::IpAddr;

use super::{Attributes, ip};

pub(super) const RTA_GATEWAY: u16 = 5;
pub(super) const RTA_VIA: u16 = 18;
/// The hop's link is down (`RTNH_F_DEAD`, linux/rtnetlink.h).
const RTNH_F_DEAD: u8 = 1;
/// The only flag that is a wish; the others tell a nexthop's present state (`RTNH_F_…`, linux/rtnetlink.h).
pub(super) const RTNH_F_ONLINK: u8 = 4;

/// One way out of a multipath route: `struct rtnexthop` and its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    pub(super) flags: u8,
    pub(super) weight: u8,
    /// The link that the hop leaves by.
    pub index: u32,
    /// Gateway, encapsulation and what else the kernel said.
    pub attributes: Attributes,
}

impl Hop {
    /// Whether the hop waits for its link to come up.
    pub fn is_dead(&self) -> bool {
        self.flags & RTNH_F_DEAD != 0
    }

    /// The next router, where there is one.
    pub fn gateway(&self) -> Option<IpAddr> {
        gateway(&self.attributes)
    }
}

/// Reads the value of RTA_MULTIPATH, up to where it makes sense.
pub(super) fn parse(bytes: &[u8]) -> Vec<Hop> {
    let mut rest = bytes;
    let mut hops = Vec::new();
    while let Some((&[l0, l1, flags, weight, i0, i1, i2, i3], _)) = rest.split_first_chunk::<8>() {
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let Some(attributes) = rest.get(8..length).and_then(|bytes| Attributes::parse(bytes).ok()) else { break };
        hops.push(Hop { flags, weight, index: u32::from_ne_bytes([i0, i1, i2, i3]), attributes });
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    hops
}

/// The value of RTA_MULTIPATH that asks for these ways.
pub(super) fn encode(hops: impl Iterator<Item = Hop>) -> Vec<u8> {
    encode_with_state(hops.map(|hop| Hop { flags: hop.flags & RTNH_F_ONLINK, ..hop }))
}

/// The value of RTA_MULTIPATH as the kernel tells it of these ways.
pub(super) fn encode_with_state(hops: impl Iterator<Item = Hop>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for hop in hops {
        let attributes = hop.attributes.encode();
        // A hop carries a gateway and an encapsulation: far from 64 KiB.
        let length = (8 + attributes.len()) as u16;
        bytes.extend(length.to_ne_bytes());
        bytes.extend([hop.flags, hop.weight]);
        bytes.extend(hop.index.to_ne_bytes());
        bytes.extend(attributes);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

/// The next router, from the attributes of a route or of one of its ways.
pub(super) fn gateway(attributes: &Attributes) -> Option<IpAddr> {
    attributes.get(RTA_GATEWAY).and_then(ip).or_else(|| {
        // struct rtvia: the family in two bytes, then the address.
        ip(attributes.get(RTA_VIA)?.get(2..)?)
    })
}
