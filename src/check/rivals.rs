//! Links that two programs configure, each of which takes away what the other sets.

use std::collections::BTreeSet;

use super::{Check, Finding, Host};
use crate::config::Uplink;
use crate::owner::{self, Claim};

pub const SEVERAL: Check =
    Check { name: "several-managers", about: "no two programs configure a bridge or its uplink", look: several };

fn several(host: &Host) -> Vec<Finding> {
    links(host).into_iter().filter_map(|name| with_rivals(host, name)).collect()
}

/// The bridges and their uplinks, those that are and those that are to be.
fn links(host: &Host) -> BTreeSet<&str> {
    let wanted = host.config.bridges.values().filter_map(|bridge| match &bridge.uplink {
        Uplink::Name(name) => Some(name.as_str()),
        _ => None,
    });
    let present = host.present_bridges().filter_map(|bridge| bridge.uplink.as_deref());
    host.our_bridges().into_iter().chain(wanted).chain(present).collect()
}

fn with_rivals(host: &Host, name: &str) -> Option<Finding> {
    // By files alone no index is known, and no program runs.
    let index = host.link(name).map_or(0, |link| link.index);
    let rivals = owner::rivals(&host.root, owner::Link { name, index });
    let told = |rival: &Claim| format!("{} ({})", rival.owner, rival.evidence);
    let hints: Vec<String> = rivals.iter().map(|rival| rival.hint.clone()).collect();
    (!rivals.is_empty()).then(|| {
        Finding::warning(
            format!(
                "{name} is configured by {}: what one sets the other takes away",
                rivals.iter().map(told).collect::<Vec<_>>().join(" and by ")
            ),
            format!("let one of them have {name}: {}", hints.join(", or ")),
        )
    })
}
