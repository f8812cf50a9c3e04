//! The steps that change the bridge and its uplink as links, which a takeover and its undoing share.

use nix::errno::Errno;
use nix::libc;

use super::Before;
use crate::bridge::belongings::Belongings;
use crate::bridge::relocation::End;
use crate::bridge::step::{self, Step};
use crate::netlink::link;

/// A bridge whose MAC was not given takes that of a new port, or another one when a port leaves, and the kernel forgets
/// all neighbours of a link whose MAC changes, the permanent ones too (arp_netdev_event in net/ipv4/arp.c).
pub(super) fn know_again(bridge: &End, kept: &Belongings) -> Vec<Step> {
    let permanent = kept.neighbours.iter().filter(|neighbour| neighbour.is_permanent());
    permanent
        .map(|neighbour| {
            let what = format!("know neighbour {neighbour} on {} as before", bridge.name);
            let why = "the kernel forgets the neighbours of a bridge whose MAC changes";
            Step::add(what, why, &neighbour.moved(bridge.index), libc::NLM_F_CREATE | libc::NLM_F_REPLACE)
        })
        .collect()
}

pub(super) fn make_port(uplink: &End, bridge: &End) -> Step {
    let request = link::set_master(uplink.index, bridge.index);
    let why = "what comes in by it is the bridge's from here on, for the host and for guests";
    Step::send(format!("make {} a port of {}", uplink.name, bridge.name), why, request)
}

pub(super) fn bring_down(link: &End) -> Step {
    Step::send(format!("bring {} down", link.name), "it was down before", link::set_up(link.index, false))
}

pub(super) fn delete_bridge(bridge: &End) -> Step {
    let request = link::delete(bridge.index);
    Step::send(format!("delete bridge {}", bridge.name), "there was none before", request).unless(step::GONE)
}

pub(super) fn release(uplink: &End) -> Step {
    let request = link::set_master(uplink.index, 0);
    Step::send(format!("release {} from its bridge", uplink.name), "it was no port before", request).unless(step::GONE)
}

/// Gives an adopted bridge back what the takeover changed of its own.
pub(super) fn restore_bridge(bridge: &End, before: Before) -> Vec<Step> {
    let parameters = link::set_bridge_parameters(bridge.index, before.parameters).into_iter();
    let mut steps: Vec<Step> = parameters
        // What the kernel cannot set was not set (VLAN filtering is an option of its build).
        .map(|request| {
            Step::send(format!("set {} of {}", before.parameters, bridge.name), "so it was before", request)
                .unless(&[Errno::EOPNOTSUPP])
        })
        .collect();
    if !before.bridge_was_up {
        steps.push(bring_down(bridge));
    }
    steps
}
