//! The plan of a takeover, and of what is left of one that was killed.

use super::link_steps::make_port;
use super::{Before, Plan, gateways, know_again};
use crate::bridge::belongings::Belongings;
use crate::bridge::ipv6_settings;
use crate::bridge::receipt::{Operation, Receipt};
use crate::bridge::relocation::End;
use crate::bridge::snapshot::Snapshot;
use crate::bridge::step::Step;
use crate::netlink::{BridgeParameters, Link, link};

/// `IN6_ADDR_GEN_MODE_NONE` of linux/if_link.h.
const ADDRESS_GENERATION_NONE: u8 = 1;

/// Plans that the bridge of this name exists, is up, has these parameters, and takes over `uplink`.
pub fn takeover(snapshot: &Snapshot, name: &str, uplink: Option<&Link>, wanted: BridgeParameters) -> Plan {
    let existing = snapshot.link(name);
    let bridge =
        End { name: name.to_owned(), index: existing.map_or_else(|| snapshot.free_index(), |link| link.index) };
    let changed = existing.map_or_else(|| parameters_of_new_bridge(wanted), |link| wanted.difference(link));
    let before = Before {
        uplink_was_up: uplink.is_some_and(Link::is_up),
        uplink_was_port: uplink.is_some_and(|uplink| uplink.master() == Some(bridge.index)),
        bridge_was_up: existing.is_some_and(Link::is_up),
        parameters: existing.map_or_else(Default::default, |link| changed.previous(link)),
    };
    let end = uplink.map(|link| End { name: link.name(), index: link.index });
    let mut plan = Plan::new(Operation::Takeover, bridge, end, existing.is_none(), before);
    plan.prepare = prepare(&plan.bridge, existing, uplink, changed);
    if let (Some(link), Some(end)) = (uplink, &plan.uplink) {
        if existing.is_none() {
            plan.ipv6_settings = ipv6_settings::of(link);
            plan.last_ipv6_settings = ipv6_settings::temporary_addresses_last(&mut plan.ipv6_settings);
        }
        plan.switch = enslave(end, &plan.bridge, before);
        if !before.uplink_was_port {
            plan.moved = Belongings::of(snapshot, end.index);
        }
        plan.gateways = gateways(&plan.moved, end.index);
    }
    plan.switch.extend(bring_bridge_up(&plan.bridge, existing));
    plan.kept = Belongings::of(snapshot, plan.bridge.index);
    if !before.uplink_was_port {
        plan.switch.extend(know_again(&plan.bridge, &plan.kept));
    }
    let mut relocation = plan.relocation(&plan.kept, &Belongings::default(), snapshot);
    plan.switch.append(&mut relocation.place);
    plan.switch.append(&mut relocation.defer);
    plan.placed.append(&mut relocation.placed);
    plan.end_takeover(relocation);
    if let (None, Some(mode)) = (existing, uplink.and_then(Link::address_generation)) {
        let request = link::set_ip_settings(plan.bridge.index, None, Some(mode));
        let why = "until now the kernel was to make none: they would have been unusable for a second";
        plan.finish.push(Step::send(format!("let {name} make IPv6 addresses as its uplink does"), why, request));
    }
    plan
}

/// Plans what is left of a takeover that was killed: its commit, and its way back.
pub(in crate::bridge) fn rest_of_takeover(snapshot: &Snapshot, journal: &Receipt) -> Plan {
    let mut plan = Plan::of_receipt(Operation::Takeover, journal);
    plan.moved = journal.moved.clone();
    let relocation = plan.relocation(&plan.kept, &Belongings::default(), snapshot);
    plan.end_takeover(relocation);
    plan
}

/// The parameters of a new bridge. Where nobody says otherwise it forwards at once and speaks no spanning tree: a port
/// that listens and learns first would be silent for 30 seconds. With STP the kernel's own delay stands. VLAN filtering
/// is off by itself, and a kernel without it (CONFIG_BRIDGE_VLAN_FILTERING) refuses even to be told so.
fn parameters_of_new_bridge(wanted: BridgeParameters) -> BridgeParameters {
    let stp = wanted.stp.unwrap_or(false);
    wanted.or(BridgeParameters { stp: Some(stp), forward_delay_ms: (!stp).then_some(0), vlan_filtering: None })
}

fn prepare(bridge: &End, existing: Option<&Link>, uplink: Option<&Link>, changed: BridgeParameters) -> Vec<Step> {
    if existing.is_some() {
        let requests = link::set_bridge_parameters(bridge.index, changed).into_iter();
        let set = |request| Step::send(format!("set {} of {}", changed, bridge.name), "so it is asked for", request);
        return requests.map(set).collect();
    }
    let mac = uplink.and_then(Link::mac);
    let create = link::create_bridge(&bridge.name, bridge.index, mac, uplink.and_then(Link::mtu), changed);
    let like = uplink.map(|link| format!(" with the MAC and MTU of {}", link.name())).unwrap_or_default();
    let why = match uplink {
        Some(_) => "by this MAC the LAN, and its DHCP server, know the host",
        None => "guests are to be its ports",
    };
    let mut steps = vec![Step::send(format!("create bridge {}{like}", bridge.name), why, create)];
    if let Some(uplink) = uplink {
        // Until the uplink's own link-local address is on the bridge, the kernel must not make one: it would be unusable
        // for a second, while its duplicates are searched.
        let generation = uplink.address_generation().map(|_| ADDRESS_GENERATION_NONE);
        let settings = link::set_ip_settings(bridge.index, uplink.ipv4_settings().as_deref(), generation);
        let what = format!("give {} the IPv4 settings of {}", bridge.name, uplink.name());
        steps.push(Step::send(what, "rp_filter, forwarding and the like go with the addresses", settings));
    }
    steps
}

fn enslave(uplink: &End, bridge: &End, before: Before) -> Vec<Step> {
    let mut steps = Vec::new();
    if !before.uplink_was_up {
        let request = link::set_up(uplink.index, true);
        steps.push(Step::send(format!("bring {} up", uplink.name), "a port that is down carries nothing", request));
    }
    if !before.uplink_was_port {
        steps.push(make_port(uplink, bridge));
    }
    steps
}

/// A bridge that comes up with a port transmits at once. One that is up before its first port drops what it is to
/// send until the kernel gets round to its carrier.
fn bring_bridge_up(bridge: &End, existing: Option<&Link>) -> Option<Step> {
    match existing {
        Some(link) if link.is_up() && link.carrier() == Some(true) => None,
        Some(link) if link.is_up() => {
            let why = "without a port until now, it drops what it is to send";
            Some(Step::send(format!("let {} transmit at once", bridge.name), why, link::synchronise(bridge.index)))
        }
        _ => {
            let why = "a link that is down takes no routes";
            Some(Step::send(format!("bring {} up", bridge.name), why, link::set_up(bridge.index, true)))
        }
    }
}
