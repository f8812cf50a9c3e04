//! The parameters of a bridge that the configuration knows.

use serde::{Deserialize, Serialize};

use super::{Attributes, Link};

pub(super) const IFLA_BR_FORWARD_DELAY: u16 = 1;
const IFLA_BR_STP_STATE: u16 = 5;
pub(super) const IFLA_BR_VLAN_FILTERING: u16 = 7;
/// The kernel counts bridge times in USER_HZ, 100 a second (linux/param.h).
const USER_HZ_MILLIS: u32 = 10;

/// The parameters of a bridge that the configuration knows; nothing is what is not to be changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeParameters {
    /// Whether the bridge speaks the spanning tree protocol.
    pub stp: Option<bool>,
    /// How long a new port listens and learns before it forwards, in milliseconds.
    pub forward_delay_ms: Option<u32>,
    /// Whether ports keep VLANs apart.
    pub vlan_filtering: Option<bool>,
}

impl BridgeParameters {
    /// These parameters, and those of `others` where these say nothing.
    pub fn or(self, others: Self) -> Self {
        BridgeParameters {
            stp: self.stp.or(others.stp),
            forward_delay_ms: self.forward_delay_ms.or(others.forward_delay_ms),
            vlan_filtering: self.vlan_filtering.or(others.vlan_filtering),
        }
    }

    /// Those that the bridge does not have yet.
    pub fn difference(self, bridge: &Link) -> Self {
        let has = bridge.bridge_parameters().unwrap_or_default();
        BridgeParameters {
            stp: self.stp.filter(|_| self.stp != has.stp),
            forward_delay_ms: self.forward_delay_ms.filter(|_| self.forward_delay_ms != has.forward_delay_ms),
            vlan_filtering: self.vlan_filtering.filter(|_| self.vlan_filtering != has.vlan_filtering),
        }
    }

    /// What the bridge has of the parameters that these change.
    pub fn previous(self, bridge: &Link) -> Self {
        let has = bridge.bridge_parameters().unwrap_or_default();
        BridgeParameters {
            stp: has.stp.filter(|_| self.stp.is_some()),
            forward_delay_ms: has.forward_delay_ms.filter(|_| self.forward_delay_ms.is_some()),
            vlan_filtering: has.vlan_filtering.filter(|_| self.vlan_filtering.is_some()),
        }
    }

    pub(super) fn encode(&self) -> Attributes {
        let mut data = Attributes::default();
        if let Some(delay) = self.forward_delay_ms {
            data.set(IFLA_BR_FORWARD_DELAY, (delay / USER_HZ_MILLIS).to_ne_bytes());
        }
        if let Some(stp) = self.stp {
            data.set(IFLA_BR_STP_STATE, u32::from(stp).to_ne_bytes());
        }
        if let Some(vlan_filtering) = self.vlan_filtering {
            data.set(IFLA_BR_VLAN_FILTERING, [u8::from(vlan_filtering)]);
        }
        data
    }
}

impl std::fmt::Display for BridgeParameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let on_off = |on| if on { "on" } else { "off" };
        let parts = [
            self.stp.map(|stp| format!("stp {}", on_off(stp))),
            self.forward_delay_ms.map(|delay| format!("forward-delay {delay} ms")),
            self.vlan_filtering.map(|filtering| format!("vlan-filtering {}", on_off(filtering))),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

impl Link {
    /// The spanning tree protocol, forward delay and VLAN filtering of a bridge.
    pub fn bridge_parameters(&self) -> Option<BridgeParameters> {
        let data = self.kind_data()?;
        Some(BridgeParameters {
            stp: Some(data.u32(IFLA_BR_STP_STATE)? != 0),
            forward_delay_ms: Some(data.u32(IFLA_BR_FORWARD_DELAY)?.saturating_mul(USER_HZ_MILLIS)),
            vlan_filtering: Some(data.u8(IFLA_BR_VLAN_FILTERING)? != 0),
        })
    }
}
