//! Links made again in another network namespace.

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::libc;

use super::bridge_parameters::{IFLA_BR_FORWARD_DELAY, IFLA_BR_VLAN_FILTERING};
use super::link::{
    IFLA_ADDRESS, IFLA_IFNAME, IFLA_INFO_DATA, IFLA_INFO_KIND, IFLA_LINK, IFLA_LINKINFO, IFLA_MTU, change, payload,
};
use super::{Attributes, BridgeParameters, Link, Payload, Request, c_string};

/// `IFLA_NET_NS_FD` of linux/if_link.h.
const IFLA_NET_NS_FD: u16 = 28;
/// `VETH_INFO_PEER` of linux/veth.h.
const VETH_INFO_PEER: u16 = 1;
const IFLA_BR_MCAST_SNOOPING: u16 = 23;
/// `IFLA_BR_…` of linux/if_link.h: `HELLO_TIME`, `MAX_AGE`, `AGEING_TIME`, `GROUP_FWD_MASK`,
/// `MCAST_SNOOPING`, `MCAST_QUERIER`, the three of `NF_CALL_IPTABLES`, and `FDB_MAX_LEARNED`.
const BRIDGE: [u16; 10] = [2, 3, 4, 9, IFLA_BR_MCAST_SNOOPING, 25, 36, 37, 38, 49];
const IFLA_BR_PRIORITY: u16 = 6;
const USUAL_PRIORITY: u16 = 0x8000;
/// `IFLA_MACVLAN_MODE` and `…_FLAGS` of linux/if_link.h.
const MACVLAN: [u16; 2] = [1, 2];
const ETHERNET_ADDRESS_LENGTH: usize = 6;

/// A link to be made again, under its own name.
#[derive(Clone, Copy)]
pub struct LinkCopy<'a> {
    /// The link.
    pub link: &'a Link,
    /// The index that the copy gets; 0 leaves it to the kernel.
    pub index: u32,
    /// Whether the copy has the link's MAC, or one of the kernel's choice (of a bridge: that of a port).
    pub with_mac: bool,
    /// Whether the copy has the link's MTU, or the usual one of its kind (of a bridge: that of its ports).
    pub with_mtu: bool,
}

impl LinkCopy<'_> {
    /// Makes a link of the same kind on `lower`, where the kind is one that a message can make.
    pub fn of_same_kind(&self, lower: Option<u32>, with_parameters: bool) -> Option<Request> {
        let info = self.link.attributes.nested(IFLA_LINKINFO)?;
        let kind = info.string(IFLA_INFO_KIND)?;
        let mut copy = Attributes::default().with(IFLA_INFO_KIND, c_string(&kind));
        if let Some(told) = info.nested(IFLA_INFO_DATA).filter(|_| with_parameters) {
            copy = copy.with_nested(IFLA_INFO_DATA, &settable(&kind, told.into()));
        }
        let mut attributes = self.looks();
        if let Some(lower) = lower {
            attributes.set(IFLA_LINK, lower.to_ne_bytes());
        }
        Some(self.request(attributes.with_nested(IFLA_LINKINFO, &copy)))
    }

    /// Makes a veth in the link's place, with the other end `peer` in another namespace.
    pub fn as_veth(&self, peer: &str, namespace: BorrowedFd<'_>) -> Request {
        let mut other = Attributes::default().with(IFLA_IFNAME, c_string(peer));
        if let Some(mtu) = self.link.mtu().filter(|_| self.with_mtu) {
            other.set(IFLA_MTU, mtu.to_ne_bytes());
        }
        let other = other.with(IFLA_NET_NS_FD, namespace.as_raw_fd().to_ne_bytes());
        self.request(self.looks().with_nested(IFLA_LINKINFO, &veth(0, &other)))
    }

    /// Makes both ends of a veth in this namespace.
    pub fn as_pair_with(&self, peer: &LinkCopy) -> Request {
        self.request(self.looks().with_nested(IFLA_LINKINFO, &veth(peer.index, &peer.looks())))
    }

    fn looks(&self) -> Attributes {
        let mut attributes = Attributes::default().with(IFLA_IFNAME, c_string(&self.link.name()));
        if let Some(mac) = self.link.mac().filter(|mac| self.with_mac && is_ethernet(mac)) {
            attributes.set(IFLA_ADDRESS, mac);
        }
        if let Some(mtu) = self.link.mtu().filter(|_| self.with_mtu) {
            attributes.set(IFLA_MTU, mtu.to_ne_bytes());
        }
        attributes
    }

    fn request(&self, attributes: Attributes) -> Request {
        create(payload(self.index, 0, 0, &attributes))
    }
}

/// Of what the kernel tells of a link, what it takes for a new one: some of it is state, and a kernel may refuse to be told of
/// what it is built without. A bridge's ports forward at once; whoever makes the copy gives it its spanning tree and delay
/// when they do.
fn settable(kind: &str, told: Attributes) -> Attributes {
    let only = |kinds: &[u16]| {
        let values = kinds.iter().filter_map(|kind| Some((*kind, told.get(*kind)?)));
        values.fold(Attributes::default(), |kept, (kind, value)| kept.with(kind, value))
    };
    match kind {
        "bridge" => {
            let mut bridge = only(&BRIDGE).with(IFLA_BR_FORWARD_DELAY, [0; 4]);
            if told.u8(IFLA_BR_VLAN_FILTERING) == Some(1) {
                bridge.set(IFLA_BR_VLAN_FILTERING, [1]);
            }
            // Told of its priority, a bridge without ports has no carrier any more (br_port_state_selection).
            let priority = told.get(IFLA_BR_PRIORITY).filter(|priority| *priority != USUAL_PRIORITY.to_ne_bytes());
            if let Some(priority) = priority {
                bridge.set(IFLA_BR_PRIORITY, priority);
            }
            bridge
        }
        "macvlan" | "macvtap" => only(&MACVLAN),
        _ => told,
    }
}

/// Makes a pair of veths, of which the first has this MAC.
pub fn create_veth(name: &str, mac: &[u8], peer: &str) -> Request {
    let other = Attributes::default().with(IFLA_IFNAME, c_string(peer));
    let attributes = Attributes::default().with(IFLA_IFNAME, c_string(name)).with(IFLA_ADDRESS, mac);
    create(payload(0, 0, 0, &attributes.with_nested(IFLA_LINKINFO, &veth(0, &other))))
}

/// Makes a bridge that passes everything on at once. With multicast snooping it would hold neighbour solicitations back
/// while it learns.
pub fn create_switch(name: &str) -> Request {
    let parameters = BridgeParameters { stp: Some(false), forward_delay_ms: Some(0), vlan_filtering: None };
    let parameters = parameters.encode().with(IFLA_BR_MCAST_SNOOPING, [0]);
    let info = Attributes::default().with(IFLA_INFO_KIND, *b"bridge").with_nested(IFLA_INFO_DATA, &parameters);
    let attributes = Attributes::default().with(IFLA_IFNAME, c_string(name)).with_nested(IFLA_LINKINFO, &info);
    create(payload(0, 0, 0, &attributes))
}

/// Gives a link another MTU.
pub fn set_mtu(index: u32, mtu: u32) -> Request {
    change(index, &Attributes::default().with(IFLA_MTU, mtu.to_ne_bytes()))
}

/// Gives a link the flags of another that somebody may set.
pub fn set_flags(index: u32, flags: u32) -> Request {
    const SETTABLE: u32 = (libc::IFF_UP | libc::IFF_NOARP | libc::IFF_MULTICAST | libc::IFF_ALLMULTI) as u32;
    let payload = payload(index, flags & SETTABLE, SETTABLE, &Attributes::default());
    Request { kind: Link::NEW, flags: 0, payload }
}

fn create(payload: Vec<u8>) -> Request {
    Request { kind: Link::NEW, flags: (libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16, payload }
}

fn veth(peer_index: u32, peer: &Attributes) -> Attributes {
    // The peer is described by a whole message of its own.
    let peer = payload(peer_index, 0, 0, peer);
    let data = Attributes::default().with(VETH_INFO_PEER, peer);
    Attributes::default().with(IFLA_INFO_KIND, c_string("veth")).with_nested(IFLA_INFO_DATA, &data)
}

fn is_ethernet(mac: &[u8]) -> bool {
    mac.len() == ETHERNET_ADDRESS_LENGTH && mac.iter().any(|byte| *byte != 0)
}
