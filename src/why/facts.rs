//! What is known of an interface and its way.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use super::trace::Trace;
use crate::libvirt::guest::Interface;
use crate::libvirt::networks::Network;
use crate::netfilter::forward::{Barrier, Obstacle};
use crate::netlink::{BridgePort, PortState, PortVlan};

/// An interface of a guest, and every hop between it and the router.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The guest's name.
    pub guest: String,
    /// libvirt's word for its state; nothing when it is shut off.
    pub state: Option<String>,
    /// The interface as the guest runs, or else as it is defined.
    pub interface: Interface,
    /// The network that it names, where libvirt has it.
    pub network: Option<Network>,
    /// What a rule `[[interface]]` would change of it.
    pub rule: Option<String>,
    /// Who has the same MAC address.
    pub namesakes: Vec<String>,
    /// The link on the host's side.
    pub tap: Option<Port>,
    /// Rules of the host's firewall that drop what comes from it.
    pub obstacles: Vec<Obstacle>,
    /// The name of the bridge that the tap should be a port of.
    pub bridge_name: Option<String>,
    /// That bridge.
    pub bridge: Option<Bridge>,
    /// What the link of that name is, where it is no bridge of the kernel's own (Open vSwitch).
    pub foreign_bridge: Option<String>,
    /// The bridge's port to the LAN.
    pub uplink: Option<Port>,
    /// The name that the configuration gives the uplink.
    pub configured_uplink: Option<String>,
    /// Who configures the uplink.
    pub uplink_owners: Vec<String>,
    /// The routers of the host's default routes by the bridge.
    pub gateways: Vec<Gateway>,
    /// Whether one of them advertises itself to this host.
    pub is_advertised: bool,
    /// The host's IPv4 networks on the bridge.
    pub subnets: Vec<Subnet>,
    /// What was seen to move.
    pub signs: Signs,
}

/// An IPv4 network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// An address in it.
    pub address: Ipv4Addr,
    /// The length of its prefix, in bits.
    pub length: u8,
}

impl Subnet {
    /// Whether the address is in it.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        (address.to_bits() ^ self.address.to_bits()) & self.mask() == 0
    }

    fn mask(&self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.length)).unwrap_or(0)
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from_bits(self.address.to_bits() & self.mask()), self.length)
    }
}

/// A link that is, or should be, a port of the bridge.
#[derive(Clone, Debug, Default)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Whether it is administratively up.
    pub is_up: bool,
    /// Whether something is at its other end; nothing when it is down.
    pub carrier: Option<bool>,
    /// The largest packet, in bytes.
    pub mtu: Option<u32>,
    /// The bridge that it is a port of.
    pub master: Option<String>,
    /// What that bridge does with its frames.
    pub settings: Option<BridgePort>,
    /// The VLANs that it belongs to, where the bridge filters VLANs.
    pub vlans: Vec<PortVlan>,
    /// The MAC addresses that the bridge has learnt behind it.
    pub learnt: Vec<String>,
}

/// The bridge.
#[derive(Clone, Debug, Default)]
pub struct Bridge {
    /// Its name.
    pub name: String,
    /// Whether it is administratively up.
    pub is_up: bool,
    /// The largest packet, in bytes.
    pub mtu: Option<u32>,
    /// Whether it speaks the spanning tree protocol.
    pub stp: bool,
    /// How long a new port is silent with it, in milliseconds.
    pub forward_delay_ms: u32,
    /// Whether it keeps VLANs apart.
    pub filters_vlans: bool,
    /// What of the host's firewall its packets meet, and do not pass.
    pub barriers: Vec<Barrier>,
    /// Who likely turned bridge netfilter on, where the policy wants it off.
    pub netfilter_writers: Vec<String>,
}

/// A router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Its address.
    pub address: IpAddr,
    /// What came of asking it.
    pub answer: Answer,
}

/// What came of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Answers,
    Silent,
    /// It could not be asked: to do so takes the capability CAP_NET_ADMIN.
    Unasked,
}

/// What was seen to move.
#[derive(Clone, Debug, Default)]
pub struct Signs {
    /// For how long it was looked at, in milliseconds.
    pub watched_ms: u64,
    /// Addresses by which the guest has answered.
    pub answers: Vec<IpAddr>,
    /// The frames that the guest has sent since its tap was made.
    pub sent_ever: u64,
    /// The frames that it has sent meanwhile.
    pub sent: u64,
    /// The frames that have come in by the uplink meanwhile.
    pub came_in: u64,
    /// What it was heard to ask for.
    pub traces: Vec<Trace>,
}

impl Facts {
    /// Whether the guest runs, so that its tap is there.
    pub fn is_running(&self) -> bool {
        self.state.is_some()
    }

    /// Whether the interface is to be a port of a bridge whose ports lead to the LAN: not behind NAT, no macvtap.
    pub fn leads_to_a_bridge(&self) -> bool {
        let is_bridged = self.network.as_ref().is_none_or(|network| network.forward.as_deref() == Some("bridge"));
        self.bridge_name.is_some() && is_bridged
    }

    /// Whether the bridge has learnt the guest's MAC address behind its tap: it has let a frame of the guest in.
    pub fn is_learnt(&self) -> bool {
        let Some((mac, tap)) = self.interface.mac.as_ref().zip(self.tap.as_ref()) else { return false };
        tap.learnt.iter().any(|learnt| learnt.eq_ignore_ascii_case(mac))
    }

    /// Whether something of it has come as far as the bridge.
    pub fn is_heard(&self) -> bool {
        self.is_learnt() || !self.signs.answers.is_empty()
    }

    /// How sentences call the interface.
    pub fn mac(&self) -> &str {
        self.interface.mac.as_deref().unwrap_or("its interface")
    }

    /// The bridge's name.
    pub fn bridge_name(&self) -> &str {
        self.bridge_name.as_deref().unwrap_or_default()
    }
}

impl Port {
    /// Whether the bridge passes its frames on.
    pub fn forwards(&self) -> bool {
        self.settings.is_some_and(|settings| settings.state == PortState::Forwarding)
    }

    /// The VLAN of frames without a tag.
    pub fn native_vlan(&self) -> Option<u16> {
        self.vlans.iter().find(|vlan| vlan.is_native).map(|vlan| vlan.id)
    }

    /// Whether frames of this VLAN pass it.
    pub fn carries(&self, vlan: u16) -> bool {
        self.vlans.iter().any(|own| own.id == vlan)
    }
}
