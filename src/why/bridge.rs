//! The bridge: there, up, and nothing in it that keeps the guest's frames from the uplink.

use super::{Bridge, Facts, Finding, Hop};
use crate::netfilter::forward::Barrier;
use crate::printable::Printable;

pub(super) fn judge(facts: &Facts) -> Hop {
    let name = facts.bridge_name();
    let Some(bridge) = &facts.bridge else {
        let finding =
            Finding::problem(format!("{name} is missing"), "whoever has deleted it", format!("virt-bridge up {name}"));
        return Hop::judged("bridge", "missing", vec![finding]);
    };
    let mut findings = Vec::new();
    if !bridge.is_up {
        // What it took over it has lost, but for its IPv4 addresses.
        let mend = format!("ip link set {name} up && virt-bridge heal");
        findings.push(Finding::problem(format!("{name} is down, and nothing passes"), "an administrator", mend));
    }
    findings.extend(vlans(facts, bridge));
    findings.extend(isolation(facts));
    findings.extend(bridge.barriers.iter().map(|barrier| packet_filter(bridge, barrier)));
    Hop::judged("bridge", seen(bridge), findings)
}

fn seen(bridge: &Bridge) -> String {
    let state = if bridge.is_up { "up" } else { "down" };
    let vlans = if bridge.filters_vlans { ", filters VLANs" } else { "" };
    let filtered = if bridge.barriers.is_empty() { ", no filter of the host drops its packets" } else { "" };
    format!("{} is {state}{vlans}{filtered}", bridge.name)
}

fn vlans(facts: &Facts, bridge: &Bridge) -> Option<Finding> {
    let tap = facts.tap.as_ref()?;
    let (name, guest) = (&tap.name, Printable(&facts.guest));
    if !bridge.filters_vlans {
        let tags = facts.interface.vlans.tags.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
        return (!tags.is_empty()).then(|| {
            Finding::warning(
                format!("{guest} is to be in VLAN {tags}, but {} keeps no VLANs apart", bridge.name),
                "vlan-filtering of the bridge",
                format!(
                    "set vlan-filtering = true under [bridge.{0}] in /etc/virt-bridge.toml, and virt-bridge up {0}",
                    bridge.name
                ),
            )
        });
    }
    if tap.vlans.is_empty() {
        return Some(Finding::problem(
            format!("{} filters VLANs, and {name} belongs to none", bridge.name),
            format!("<vlan> in the definition of {guest}, or an administrator"),
            format!("bridge vlan add dev {name} vid 1 pvid untagged"),
        ));
    }
    let (vlan, uplink) = (tap.native_vlan()?, facts.uplink.as_ref()?);
    (!uplink.carries(vlan)).then(|| {
        Finding::problem(
            format!("{} filters VLANs, and {} does not carry VLAN {vlan} of {name}", bridge.name, uplink.name),
            format!("whoever gives {} its VLANs", uplink.name),
            // The switch knows the native VLAN without a tag.
            format!("bridge vlan add dev {} vid {vlan}{}", uplink.name, if vlan == 1 { " pvid untagged" } else { "" }),
        )
    })
}

/// Isolated ports speak to those only that are not.
fn isolation(facts: &Facts) -> Option<Finding> {
    let (tap, uplink) = (facts.tap.as_ref()?, facts.uplink.as_ref()?);
    let is_isolated =
        |settings: Option<crate::netlink::BridgePort>| settings.is_some_and(|settings| settings.is_isolated);
    (is_isolated(tap.settings) && is_isolated(uplink.settings)).then(|| {
        Finding::problem(
            format!("{} and {} are both isolated, and nothing passes between them", tap.name, uplink.name),
            format!("whoever has isolated {}: the guest's own isolation keeps it from other guests only", uplink.name),
            format!("bridge link set dev {} isolated off", uplink.name),
        )
    })
}

fn packet_filter(bridge: &Bridge, barrier: &Barrier) -> Finding {
    let (name, place, maker) = (&bridge.name, &barrier.place, Printable(&barrier.maker));
    if barrier.has_exceptions {
        let sentence = format!("{place} drops packets of {name} that none of its rules saves");
        return Finding::warning(sentence, maker.to_string(), &barrier.exception);
    }
    if barrier.family == "bridge" || bridge.netfilter_writers.is_empty() {
        return Finding::problem(format!("{place} drops what passes {name}"), maker.to_string(), &barrier.exception);
    }
    Finding::problem(
        format!("{place} drops what passes {name}, which bridge netfilter makes pass it"),
        format!("{maker}; bridge netfilter was turned on by {}", bridge.netfilter_writers.join(", or ")),
        "virt-bridge netfilter apply",
    )
}
