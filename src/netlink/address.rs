//! Addresses of links, with every attribute that the kernel tells.

use std::net::IpAddr;

use nix::libc;

use super::{Attributes, Malformed, Payload, c_string, ip, join_header, split_header};

const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_LABEL: u16 = 3;
const IFA_CACHEINFO: u16 = 6;
const IFA_FLAGS: u16 = 8;
const IFA_RT_PRIORITY: u16 = 9;
/// The longest label (`IFALABELSIZE` less its NUL, linux/inetdevice.h).
const LONGEST_LABEL: usize = 15;

pub const IFA_F_SECONDARY: u32 = 0x01;
pub const IFA_F_NODAD: u32 = 0x02;
pub const IFA_F_DADFAILED: u32 = 0x08;
pub const IFA_F_TENTATIVE: u32 = 0x40;
pub const IFA_F_NOPREFIXROUTE: u32 = 0x200;
const IFA_F_HOMEADDRESS: u32 = 0x10;
const IFA_F_MANAGETEMPADDR: u32 = 0x100;
const IFA_F_MCAUTOJOIN: u32 = 0x400;
/// What userspace may ask for (inet6_rtm_newaddr in net/ipv6/addrconf.c, rtm_to_ifaddr in net/ipv4/devinet.c); the
/// other flags the kernel finds out by itself.
const SETTABLE: u32 = IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN;

/// An address of a link: `struct ifaddrmsg` and its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// `AF_INET` or `AF_INET6`
    pub family: u8,
    /// Length of the prefix, in bits.
    pub prefix: u8,
    /// `RT_SCOPE_…`
    pub scope: u8,
    /// The link that has the address.
    pub index: u32,
    /// Everything else that the kernel said.
    pub attributes: Attributes,
}

impl Payload for Address {
    const NEW: u16 = libc::RTM_NEWADDR;
    const DELETE: u16 = libc::RTM_DELADDR;
    const GET: u16 = libc::RTM_GETADDR;

    fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let ([family, prefix, flags, scope, i0, i1, i2, i3], mut attributes) = split_header::<8>(payload)?;
        if attributes.get(IFA_FLAGS).is_none() {
            attributes.set(IFA_FLAGS, u32::from(flags).to_ne_bytes());
        }
        Ok(Address { family, prefix, scope, index: u32::from_ne_bytes([i0, i1, i2, i3]), attributes })
    }

    fn encode(&self) -> Vec<u8> {
        let [i0, i1, i2, i3] = self.index.to_ne_bytes();
        // The header's flags are the low byte of IFA_FLAGS, which the kernel prefers.
        join_header(&[self.family, self.prefix, 0, self.scope, i0, i1, i2, i3], &self.attributes)
    }
}

impl Address {
    /// An address without a prefix, whose duplicates nobody searches for, of the link with this index.
    pub fn single(address: IpAddr, index: u32) -> Self {
        let (family, prefix, bytes) = match address {
            IpAddr::V4(v4) => (libc::AF_INET, 32, v4.octets().to_vec()),
            IpAddr::V6(v6) => (libc::AF_INET6, 128, v6.octets().to_vec()),
        };
        let attributes = Attributes::default()
            .with(IFA_LOCAL, &bytes)
            .with(IFA_ADDRESS, bytes)
            .with(IFA_FLAGS, IFA_F_NODAD.to_ne_bytes());
        Address { family: family as u8, prefix, scope: libc::RT_SCOPE_UNIVERSE, index, attributes }
    }

    /// The host's own address.
    pub fn local(&self) -> Option<IpAddr> {
        ip(self.attributes.get(IFA_LOCAL).or_else(|| self.attributes.get(IFA_ADDRESS))?)
    }

    /// The address at the other end, or the host's own where the link is no point-to-point one.
    pub fn peer(&self) -> Option<IpAddr> {
        ip(self.attributes.get(IFA_ADDRESS)?)
    }

    /// `IFA_F_…`
    pub fn flags(&self) -> u32 {
        self.attributes.u32(IFA_FLAGS).unwrap_or(0)
    }

    /// Whether the address is of IPv6.
    pub fn is_ipv6(&self) -> bool {
        i32::from(self.family) == libc::AF_INET6
    }

    /// Whether this is an address for this link alone (IPv6's link-local).
    pub fn is_for_link(&self) -> bool {
        self.scope == libc::RT_SCOPE_LINK
    }

    /// Whether the kernel uses the address: an IPv6 one it must know to be nobody else's.
    pub fn is_usable(&self) -> bool {
        self.flags() & (IFA_F_TENTATIVE | IFA_F_DADFAILED) == 0
    }

    /// Whether this is an IPv6 address for this link alone, known to be nobody else's.
    pub fn is_usable_link_local(&self) -> bool {
        self.is_ipv6() && self.is_for_link() && self.is_usable()
    }

    /// Metric of the prefix route that the kernel makes for the address; 0 is the family's usual one.
    pub fn route_priority(&self) -> u32 {
        self.attributes.u32(IFA_RT_PRIORITY).unwrap_or(0)
    }

    /// The request's form of this address, on another link: a label that begins with the old link's name begins
    /// with the new one's, the lifetimes are what is left of them, and only what userspace may set is set.
    pub fn moved(&self, to: u32, old_name: &str, new_name: &str) -> Address {
        let mut attributes = self.attributes.clone();
        attributes.set(IFA_FLAGS, (self.flags() & SETTABLE).to_ne_bytes());
        if let Some(label) = self.label() {
            attributes.set(IFA_LABEL, c_string(&relabelled(&label, old_name, new_name)));
        }
        Address { index: to, attributes, ..*self }
    }

    /// The same with duplicate address detection skipped: the host has the address already.
    pub fn without_detection(mut self) -> Address {
        self.attributes.set(IFA_FLAGS, (self.flags() | IFA_F_NODAD).to_ne_bytes());
        self
    }

    /// The same address of this link, never to run out, as a request.
    pub fn everlasting(&self) -> Address {
        let mut attributes = self.attributes.clone();
        attributes.set(IFA_FLAGS, (self.flags() & SETTABLE).to_ne_bytes());
        // `struct ifa_cacheinfo`: preferred and valid time, of which all ones is infinity, and two times of change.
        attributes.set(IFA_CACHEINFO, [u32::MAX, u32::MAX, 0, 0].map(u32::to_ne_bytes).concat());
        Address { attributes, ..*self }
    }

    /// The same with another metric for the route to its prefix; zero is the kernel's own.
    pub fn with_route_priority(mut self, priority: u32) -> Address {
        self.attributes.set(IFA_RT_PRIORITY, priority.to_ne_bytes());
        self
    }

    /// What a request to delete this address must say, and no more.
    pub fn key(&self) -> Address {
        let mut attributes = Attributes::default();
        for kind in [IFA_LOCAL, IFA_ADDRESS, IFA_LABEL] {
            if let Some(value) = self.attributes.get(kind) {
                attributes.set(kind, value);
            }
        }
        Address { attributes, ..*self }
    }

    fn label(&self) -> Option<String> {
        self.attributes.string(IFA_LABEL)
    }

    /// Whether the address has a lifetime.
    pub fn can_expire(&self) -> bool {
        // struct ifa_cacheinfo: preferred and valid lifetime in seconds, all ones for ever.
        self.attributes.get(IFA_CACHEINFO).and_then(|info| info.get(4..8)).is_some_and(|valid| valid != [0xff; 4])
    }

    /// What must be the same on both links for the move to be complete: everything but the link, the passing
    /// lifetimes and what the kernel finds out by itself.
    pub fn essence(&self) -> Essence {
        Essence {
            family_prefix_scope: (self.family, self.prefix, self.scope),
            local: self.local(),
            peer: self.peer(),
            flags: self.flags() & SETTABLE & !IFA_F_NODAD,
            route_priority: self.route_priority(),
            can_expire: self.can_expire(),
        }
    }
}

/// An address without its link, as it must be the same on another one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Essence {
    family_prefix_scope: (u8, u8, u8),
    local: Option<IpAddr>,
    peer: Option<IpAddr>,
    flags: u32,
    route_priority: u32,
    can_expire: bool,
}

impl Essence {
    /// Whether the address is for its link alone (IPv6's link-local).
    pub fn is_for_link(&self) -> bool {
        let (_, _, scope) = self.family_prefix_scope;
        scope == libc::RT_SCOPE_LINK
    }
}

/// The label under the new link's name, where it carried the old one's and the result is not too long.
fn relabelled(label: &str, old_name: &str, new_name: &str) -> String {
    match label.strip_prefix(old_name) {
        Some(rest) if (rest.is_empty() || rest.starts_with(':')) && new_name.len() + rest.len() <= LONGEST_LABEL => {
            format!("{new_name}{rest}")
        }
        _ => label.to_owned(),
    }
}

/// Filter for the addresses of one link (0: of all links), both families.
pub fn of_link(index: u32) -> Vec<u8> {
    let [i0, i1, i2, i3] = index.to_ne_bytes();
    vec![0, 0, 0, 0, i0, i1, i2, i3]
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.local(), self.peer()) {
            (Some(local), Some(peer)) if local != peer => write!(f, "{local} peer {peer}/{}", self.prefix),
            (Some(local), _) => write!(f, "{local}/{}", self.prefix),
            (None, _) => write!(f, "an address of family {}", self.family),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_follows_the_link_that_it_names() {
        assert_eq!(relabelled("eth0", "eth0", "br0"), "br0");
        assert_eq!(relabelled("eth0:1", "eth0", "br0"), "br0:1");
        assert_eq!(relabelled("eth01", "eth0", "br0"), "eth01");
        assert_eq!(relabelled("service", "eth0", "br0"), "service");
        assert_eq!(relabelled("eth0:abcdefgh", "eth0", "bridge-lan0"), "eth0:abcdefgh");
    }

    #[test]
    fn a_moved_address_asks_only_for_flags_that_userspace_may_set() {
        let flags = IFA_F_SECONDARY | IFA_F_TENTATIVE | IFA_F_NOPREFIXROUTE;
        let attributes = Attributes::default().with(IFA_LOCAL, [192, 0, 2, 1]).with(IFA_FLAGS, flags.to_ne_bytes());
        let address = Address { family: 2, prefix: 24, scope: 0, index: 2, attributes };
        let moved = address.moved(7, "eth0", "br0");
        assert_eq!((moved.index, moved.flags()), (7, IFA_F_NOPREFIXROUTE));
        assert_eq!(moved.to_string(), "192.0.2.1/24");
    }
}
