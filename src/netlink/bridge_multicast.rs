//! To which ports a bridge sends multicast.

use super::Link;
use super::link::{IFLA_INFO_SLAVE_DATA, IFLA_LINKINFO};

/// linux/if_link.h
const IFLA_BR_MCAST_SNOOPING: u16 = 23;
const IFLA_BR_MCAST_QUERIER: u16 = 25;
/// Since Linux 5.15.
const IFLA_BR_MCAST_QUERIER_STATE: u16 = 47;
/// linux/if_bridge.h; it is there while a querier is (br_multicast.c, `br_multicast_dump_querier_state`).
const BRIDGE_QUERIER_IPV6_ADDRESS: u16 = 5;
const IFLA_BRPORT_MCAST_FLOOD: u16 = 27;

impl Link {
    /// Whether this bridge sends IPv6 multicast to the members of its group only: it snoops, and some querier lets the members
    /// say again that they are. Without one it floods (br_multicast.c, `br_multicast_querier_exists`).
    pub fn knows_members(&self) -> bool {
        let data = self.kind_data().unwrap_or_default();
        let is = |kind: u16| data.u8(kind) == Some(1);
        let heard = data.nested(IFLA_BR_MCAST_QUERIER_STATE).unwrap_or_default();
        let has_querier = is(IFLA_BR_MCAST_QUERIER) || heard.get(BRIDGE_QUERIER_IPV6_ADDRESS).is_some();
        is(IFLA_BR_MCAST_SNOOPING) && has_querier
    }

    /// Whether multicast of which no members are known is flooded to this port, too.
    pub fn is_flooded(&self) -> bool {
        let information = self.attributes.nested(IFLA_LINKINFO).unwrap_or_default();
        let data = information.nested(IFLA_INFO_SLAVE_DATA).unwrap_or_default();
        data.u8(IFLA_BRPORT_MCAST_FLOOD) != Some(0)
    }
}
