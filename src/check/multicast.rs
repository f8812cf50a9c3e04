//! Multicast, by which IPv6 neighbours find each other.

use super::{Check, Finding, Host};
use crate::picture::{Bridge, Port};
use crate::shell_word::ShellWord;

pub const SNOOPING: Check = Check {
    name: "multicast-snooping",
    about: "multicast reaches every port: bridges that snoop flood it while no querier is there",
    look: snooping,
};

/// Snooping without a querier is harmless by itself. But a port that is not to be flooded gets only what it is known to be a
/// member of, and nobody is known as one where no querier asks (br_forward.c, `br_flood`).
fn snooping(host: &Host) -> Vec<Finding> {
    let ports = host.present_bridges().flat_map(|bridge| bridge.ports.iter().map(move |port| (bridge, port)));
    ports.filter_map(|(bridge, port)| deaf(host, bridge, port)).collect()
}

fn deaf(host: &Host, bridge: &Bridge, port: &Port) -> Option<Finding> {
    let (link, name) = (host.link(&port.name)?, &port.name);
    let is_deaf = !link.is_flooded() && !host.link(&bridge.name)?.knows_members();
    is_deaf.then(|| {
        Finding::problem(
            format!(
                "{name} gets no multicast, so that IPv6 finds nobody behind it: {} does not flood it, and knows no members \
                 without a querier",
                bridge.name
            ),
            format!("bridge link set dev {} mcast_flood on", ShellWord(name)),
        )
    })
}
