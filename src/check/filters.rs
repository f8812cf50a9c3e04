//! What of the host's packet filters meets guests' frames, and whether bridge netfilter is as it should be.

use std::path::Path;

use super::{Check, Finding, Host};
use crate::netfilter::forward::{Barrier, Firewall};
use crate::picture::Bridge;
use crate::printable::Printable;

pub const POLICY: Check =
    Check { name: "bridge-netfilter", about: "bridge netfilter is as the policy wants it", look: policy };
pub const FIREWALL: Check =
    Check { name: "host-firewall", about: "no rule of the host's firewall drops what guests send", look: firewall };

fn policy(host: &Host) -> Vec<Finding> {
    if host.netfilter_change.is_empty() {
        return Vec::new();
    }
    vec![Finding::problem(
        format!(
            "somebody has changed bridge netfilter, so that the host's rules meet guests' frames otherwise than configured \
             ({}); who, says virt-bridge netfilter show",
            host.netfilter_change
        ),
        "virt-bridge netfilter apply",
    )]
}

fn firewall(host: &Host) -> Vec<Finding> {
    if host.present_bridges().next().is_none() {
        return Vec::new();
    }
    // Whoever may not ask for it is told nothing of it.
    let Ok(firewall) = Firewall::read(Path::new("/")) else { return Vec::new() };
    host.present_bridges().flat_map(|bridge| barriers(host, &firewall, bridge)).collect()
}

/// A firewall with rules of its own for the bridge knows what it does.
fn barriers(host: &Host, firewall: &Firewall, bridge: &Bridge) -> Vec<Finding> {
    let flags = host.netfilter.bridges.iter().find(|other| other.name == bridge.name);
    let effective = flags.map(|flags| host.netfilter.effective(flags.calls)).unwrap_or_default();
    let barriers = firewall.barriers(&bridge.name).into_iter();
    barriers
        .filter(|barrier| barrier.is_met(effective) && !barrier.has_exceptions)
        .map(|Barrier { family, place, maker, exception, .. }| {
            let is_drift = family != "bridge" && !host.netfilter_change.is_empty();
            Finding::problem(
                format!("{place} drops what guests send through {}; it was made by {}", bridge.name, Printable(&maker)),
                if is_drift { "virt-bridge netfilter apply".to_owned() } else { exception },
            )
        })
        .collect()
}
