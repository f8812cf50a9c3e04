//! For how long the host may not answer while a plan is carried out, told before.

use std::time::Duration;

use super::persist::Lasting;
use crate::bridge::Plan;

/// What a switch takes on a host that is not busy, and each step of it, as measured with 14 steps and with 1,016; the
/// receipt has what it took.
const SWITCH: Duration = Duration::from_micros(600);
const STEP: Duration = Duration::from_micros(15);

/// What NetworkManager takes; measured, as README.md has it.
const NETWORK_MANAGER: Duration = Duration::from_millis(50);

/// What is to be expected, and why.
pub struct Outage {
    pub longest: Duration,
    pub in_words: String,
}

impl Outage {
    /// The outage of a takeover.
    pub fn expected(plan: &Plan, lasting: Option<&Lasting>) -> Self {
        let (bridge, moved) = (&plan.bridge.name, &plan.moved);
        let Some(uplink) = plan.uplink.as_ref().map(|uplink| &uplink.name) else {
            return Outage { longest: Duration::ZERO, in_words: "none, no uplink is taken over".into() };
        };
        if moved.addresses.is_empty() && moved.routes.is_empty() {
            return Outage { longest: Duration::ZERO, in_words: format!("none, the host has no address on {uplink}") };
        }
        if let Some(lasting) = lasting.filter(|lasting| lasting.is_owners_work() && !plan.before.uplink_was_port) {
            let owner = lasting.persistence.owner;
            let in_words = format!("about {NETWORK_MANAGER:?}, as {owner} hands {uplink} over");
            return Outage { longest: NETWORK_MANAGER, in_words };
        }
        let longest = SWITCH + STEP * u32::try_from(plan.switch.len()).unwrap_or(u32::MAX);
        let in_words = format!(
            "about {} ms: until the switch {uplink} answers, and from then on {bridge}",
            longest.as_micros().div_ceil(1000)
        );
        Outage { longest, in_words }
    }
}
