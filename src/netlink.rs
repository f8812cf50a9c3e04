//! The kernel's route netlink (rtnetlink(7)): a socket, messages, and links, addresses, routes, rules and
//! neighbours as data that keep what we do not know.

pub mod address;
mod attribute;
mod bridge_multicast;
mod bridge_parameters;
mod bridge_port;
pub mod bridge_vlan;
mod counters;
pub mod firewall;
pub mod firewall_chain;
mod hop;
pub mod link;
pub mod link_copy;
mod message;
pub mod neighbour;
pub mod netfilter_calls;
pub mod nexthop;
pub mod record;
pub mod route;
pub mod rule;
mod socket;

pub use address::Address;
pub use attribute::{Attributes, View, c_string};
pub use bridge_parameters::BridgeParameters;
pub use bridge_port::{BridgePort, PortState};
pub use bridge_vlan::PortVlan;
pub use counters::Counters;
pub use firewall::FirewallRule;
pub use firewall_chain::{Fate, FirewallChain, Hook};
pub use hop::Hop;
pub use link::Link;
pub use message::{KernelError, Request};
pub use neighbour::Neighbour;
pub use netfilter_calls::NetfilterCalls;
pub use nexthop::Nexthop;
pub use route::Route;
pub use rule::Rule;
pub use socket::{Error, Socket};

/// A message whose lengths contradict each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

impl From<netlink_packet_core::DecodeError> for Malformed {
    fn from(error: netlink_packet_core::DecodeError) -> Self {
        Malformed(error.to_string())
    }
}

/// What stands before the attributes of a message, and the message as one value.
///
/// Each type is the kernel's own structure (`struct ifaddrmsg` and so on) in front of its attributes.
pub trait Payload: Sized {
    /// The `RTM_NEW…` type of the message that tells of such an object.
    const NEW: u16;
    /// The `RTM_DEL…` type.
    const DELETE: u16;
    /// The `RTM_GET…` type.
    const GET: u16;

    /// Reads a message of this type.
    ///
    /// # Errors
    /// When it is shorter than its header or an attribute's length is wrong.
    fn parse(payload: &[u8]) -> Result<Self, Malformed>;

    /// The message's payload, ready to be sent.
    fn encode(&self) -> Vec<u8>;
}

/// Splits a payload behind a header of `N` bytes.
fn split_header<const N: usize>(payload: &[u8]) -> Result<([u8; N], Attributes), Malformed> {
    let (header, attributes) = payload
        .split_first_chunk::<N>()
        .ok_or_else(|| Malformed(format!("a message of {} bytes is shorter than its header of {N}", payload.len())))?;
    Ok((*header, Attributes::parse(attributes)?))
}

/// Puts a header and attributes together.
fn join_header(header: &[u8], attributes: &Attributes) -> Vec<u8> {
    [header, &attributes.encode()].concat()
}

/// Text of an IP address of either family; nothing when the length fits neither.
fn ip(bytes: &[u8]) -> Option<std::net::IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(v4).into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|v6| std::net::Ipv6Addr::from(v6).into())
}

/// Text of a link-layer address.
pub fn mac_text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}
