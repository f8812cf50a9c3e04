//! What a bridge does with the frames of one of its ports.

use super::Link;
use super::link::{IFLA_INFO_SLAVE_DATA, IFLA_INFO_SLAVE_KIND, IFLA_LINKINFO};

/// linux/if_link.h
const IFLA_BRPORT_STATE: u16 = 1;
const IFLA_BRPORT_LEARNING: u16 = 8;
const IFLA_BRPORT_UNICAST_FLOOD: u16 = 9;
const IFLA_BRPORT_BCAST_FLOOD: u16 = 30;
const IFLA_BRPORT_ISOLATED: u16 = 33;

/// The settings of a port; what an older kernel does not have is as if it were not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BridgePort {
    /// What the spanning tree, or an administrator, lets it do.
    pub state: PortState,
    /// Whether it is kept apart from the bridge's other isolated ports.
    pub is_isolated: bool,
    /// Whether the bridge learns who is behind it.
    pub learns: bool,
    /// Whether it gets what is sent to somebody whom the bridge does not know.
    pub gets_unknown: bool,
    /// Whether it gets what is sent to everybody, ARP questions among it.
    pub gets_broadcasts: bool,
}

/// `BR_STATE_…` of linux/if_bridge.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortState {
    Disabled,
    Listening,
    Learning,
    Forwarding,
    Blocking,
}

impl std::fmt::Display for PortState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            PortState::Disabled => "disabled",
            PortState::Listening => "listening",
            PortState::Learning => "learning",
            PortState::Forwarding => "forwarding",
            PortState::Blocking => "blocking",
        })
    }
}

impl Link {
    /// What its bridge does with its frames; nothing of a link that is no bridge's port.
    pub fn bridge_port(&self) -> Option<BridgePort> {
        let information = self.attributes.nested(IFLA_LINKINFO)?;
        let data = information.nested(IFLA_INFO_SLAVE_DATA)?;
        let is_bridges = information.text(IFLA_INFO_SLAVE_KIND) == Some(b"bridge");
        let state = match data.u8(IFLA_BRPORT_STATE).filter(|_| is_bridges)? {
            0 => PortState::Disabled,
            1 => PortState::Listening,
            2 => PortState::Learning,
            3 => PortState::Forwarding,
            _ => PortState::Blocking,
        };
        let is = |flag: u16, otherwise: bool| data.u8(flag).map_or(otherwise, |value| value != 0);
        Some(BridgePort {
            state,
            is_isolated: is(IFLA_BRPORT_ISOLATED, false),
            learns: is(IFLA_BRPORT_LEARNING, true),
            gets_unknown: is(IFLA_BRPORT_UNICAST_FLOOD, true),
            gets_broadcasts: is(IFLA_BRPORT_BCAST_FLOOD, true),
        })
    }
}
