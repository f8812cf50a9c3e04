//! Neighbours: which link-layer address an IP address has on a link, and how sure the kernel is of it.

use std::net::IpAddr;

use nix::libc;

use super::{Attributes, Malformed, Payload, Request, ip, join_header, split_header};

const NDA_DST: u16 = 1;
const NDA_LLADDR: u16 = 2;
const NDA_CACHEINFO: u16 = 3;
const NDA_PROBES: u16 = 4;
/// `NTF_USE`: look the neighbour up as if a packet were to be sent to it (linux/neighbour.h).
const NTF_USE: u8 = 0x01;
const NTF_PROXY: u8 = 0x08;

const NUD_INCOMPLETE: u16 = 0x01;
const NUD_REACHABLE: u16 = 0x02;
const NUD_STALE: u16 = 0x04;
const NUD_DELAY: u16 = 0x08;
const NUD_PROBE: u16 = 0x10;
const NUD_FAILED: u16 = 0x20;
const NUD_NOARP: u16 = 0x40;
const NUD_PERMANENT: u16 = 0x80;

/// A neighbour: `struct ndmsg` and its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// `AF_INET` or `AF_INET6`
    pub family: u8,
    /// The link on which the neighbour is.
    pub index: u32,
    state: u16,
    flags: u8,
    neighbour_type: u8,
    attributes: Attributes,
}

impl Payload for Neighbour {
    const NEW: u16 = libc::RTM_NEWNEIGH;
    const DELETE: u16 = libc::RTM_DELNEIGH;
    const GET: u16 = libc::RTM_GETNEIGH;

    fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let ([family, _, _, _, i0, i1, i2, i3, s0, s1, flags, neighbour_type], attributes) =
            split_header::<12>(payload)?;
        Ok(Neighbour {
            family,
            index: u32::from_ne_bytes([i0, i1, i2, i3]),
            state: u16::from_ne_bytes([s0, s1]),
            flags,
            neighbour_type,
            attributes,
        })
    }

    fn encode(&self) -> Vec<u8> {
        let [i0, i1, i2, i3] = self.index.to_ne_bytes();
        let [s0, s1] = self.state.to_ne_bytes();
        let header = [self.family, 0, 0, 0, i0, i1, i2, i3, s0, s1, self.flags, self.neighbour_type];
        join_header(&header, &self.attributes)
    }
}

impl Neighbour {
    /// The neighbour's IP address.
    pub fn address(&self) -> Option<IpAddr> {
        ip(self.attributes.get(NDA_DST)?)
    }

    /// The neighbour's link-layer address, where it is known.
    pub fn mac(&self) -> Option<&[u8]> {
        self.attributes.get(NDA_LLADDR)
    }

    /// Whether the kernel has proof, not older than its reachable time, that the neighbour answers.
    pub fn is_reachable(&self) -> bool {
        self.state & NUD_REACHABLE != 0
    }

    /// Whether an administrator said so and no question is ever asked.
    pub fn is_permanent(&self) -> bool {
        self.state & NUD_PERMANENT != 0
    }

    /// Whether the kernel has asked in vain.
    pub fn has_failed(&self) -> bool {
        self.state & NUD_FAILED != 0
    }

    /// Whether the entry says that the host answers for somebody else.
    pub fn is_proxy(&self) -> bool {
        self.flags & NTF_PROXY != 0
    }

    /// Whether the entry is worth moving: it has an answer, and the kernel did not make it up itself.
    pub fn is_worth_moving(&self) -> bool {
        self.is_proxy() || (self.state & (NUD_INCOMPLETE | NUD_FAILED | NUD_NOARP) == 0 && self.mac().is_some())
    }

    /// The request's form of this entry on another link. An entry that is being questioned becomes a stale one:
    /// usable at once, and questioned again when used.
    pub fn moved(&self, to: u32) -> Neighbour {
        let state = match self.state {
            state if state & (NUD_DELAY | NUD_PROBE) != 0 => NUD_STALE,
            state => state,
        };
        let mut attributes = self.attributes.clone();
        attributes.remove(NDA_CACHEINFO);
        attributes.remove(NDA_PROBES);
        Neighbour { index: to, state, attributes, ..*self }
    }

    /// What a request to delete this entry must say.
    pub fn key(&self) -> Neighbour {
        let mut attributes = Attributes::default();
        attributes.set(NDA_DST, self.attributes.get(NDA_DST).unwrap_or_default());
        Neighbour { state: 0, neighbour_type: 0, flags: self.flags & NTF_PROXY, attributes, ..*self }
    }
}

/// Makes the kernel question a neighbour now: at the link-layer address that it is known by, or by broadcast or
/// multicast where none is known.
///
/// The state `PROBE` starts the question at once (__neigh_update in net/core/neighbour.c); `NTF_USE` on a stale
/// entry would first wait five seconds.
pub fn question(index: u32, address: IpAddr, mac: Option<&[u8]>) -> Request {
    let bytes = match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    let attributes = Attributes::default().with(NDA_DST, bytes);
    let (state, flags, attributes) = match mac {
        Some(mac) => (NUD_PROBE, 0, attributes.with(NDA_LLADDR, mac)),
        None => (0, NTF_USE, attributes),
    };
    let neighbour = Neighbour { family: family_of(address), index, state, flags, neighbour_type: 0, attributes };
    Request::add(&neighbour, libc::NLM_F_CREATE | libc::NLM_F_REPLACE)
}

/// Filter for one neighbour: the payload of a `get`.
pub fn one(index: u32, address: IpAddr) -> Vec<u8> {
    let bytes = match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    let attributes = Attributes::default().with(NDA_DST, bytes);
    Neighbour { family: family_of(address), index, state: 0, flags: 0, neighbour_type: 0, attributes }.encode()
}

/// Filter for all neighbours, or for those that the host answers for (`proxy`).
pub fn all(proxy: bool) -> Vec<u8> {
    let flags = if proxy { NTF_PROXY } else { 0 };
    Neighbour { family: 0, index: 0, state: 0, flags, neighbour_type: 0, attributes: Attributes::default() }.encode()
}

/// Filter for what bridges have learnt: which link-layer address is behind which port, whose index an entry then has.
pub fn learnt_by_bridges() -> Vec<u8> {
    let family = libc::AF_BRIDGE as u8;
    Neighbour { family, index: 0, state: 0, flags: 0, neighbour_type: 0, attributes: Attributes::default() }.encode()
}

fn family_of(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => libc::AF_INET as u8,
        IpAddr::V6(_) => libc::AF_INET6 as u8,
    }
}

impl std::fmt::Display for Neighbour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.address() {
            Some(address) => write!(f, "{address}")?,
            None => write!(f, "a neighbour of family {}", self.family)?,
        }
        if let Some(mac) = self.mac() {
            write!(f, " at {}", super::mac_text(mac))?;
        }
        if self.is_proxy() {
            write!(f, " (proxy)")?;
        }
        Ok(())
    }
}
