//! What a takeover or its undoing will do, decided before anything is done.

use std::net::IpAddr;

use nix::errno::Errno;
use nix::libc;
use serde::Serialize;

use super::belongings::Belongings;
use super::ipv6_settings;
use super::receipt::{Operation, Receipt};
use super::relocation::{End, Move, Relocation, relocate};
use super::snapshot::Snapshot;
use super::step::Step;
use crate::netlink::{Address, BridgeParameters, Link, Route, link};

/// The parameters of a new bridge. Where nobody says otherwise it forwards at once and speaks no spanning tree: a port
/// that listens and learns first would be silent for 30 seconds. With STP the kernel's own delay stands. VLAN filtering
/// is off by itself, and a kernel without it (CONFIG_BRIDGE_VLAN_FILTERING) refuses even to be told so.
fn parameters_of_new_bridge(wanted: BridgeParameters) -> BridgeParameters {
    let stp = wanted.stp.unwrap_or(false);
    wanted.or(BridgeParameters { stp: Some(stp), forward_delay_ms: (!stp).then_some(0), vlan_filtering: None })
}

/// `IN6_ADDR_GEN_MODE_NONE` of linux/if_link.h.
const ADDRESS_GENERATION_NONE: u8 = 1;

/// The steps, in the order of their phases, and what they are for.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// A takeover, or its way back.
    pub operation: Operation,
    /// The bridge.
    pub bridge: End,
    /// The link that leads to the LAN; nothing for a bridge that leads nowhere.
    pub uplink: Option<End>,
    /// Whether the bridge is made (and on the way back deleted).
    pub creates_bridge: bool,
    /// What has no effect on the host's traffic: the bridge is made, still down and without ports.
    pub prepare: Vec<Step>,
    /// IPv6 settings of the bridge: those of the uplink, written where they differ.
    pub ipv6_settings: Vec<(&'static str, u32)>,
    /// The switch: one batch, which a signal cannot stop in between, and after which both ends have everything.
    pub switch: Vec<Step>,
    /// Routers that must answer through the new end before the old end's state is deleted.
    pub gateways: Vec<IpAddr>,
    /// IPv6 settings that have to wait until the bridge has its addresses.
    pub last_ipv6_settings: Vec<(&'static str, u32)>,
    /// The deletion of the old end's state: one batch.
    pub commit: Vec<Step>,
    /// What gives the new end its final form, behind the commit.
    pub finish: Vec<Step>,
    /// The way back from any moment before the commit.
    pub roll_back: Vec<Step>,
    /// What is moved.
    #[serde(skip)]
    pub moved: Belongings,
    /// What an adopted bridge had of its own.
    #[serde(skip)]
    pub kept: Belongings,
    /// The routes as they must be found on the new end.
    #[serde(skip)]
    pub placed: Vec<Route>,
    /// What will not be exactly as it was.
    pub warnings: Vec<String>,
    /// What undo must know beside what is moved.
    #[serde(skip)]
    pub before: Before,
}

/// The state before a takeover, beside what is moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Before {
    /// Whether the uplink was up.
    pub uplink_was_up: bool,
    /// Whether the uplink was the bridge's port already.
    pub uplink_was_port: bool,
    /// Whether the bridge, if there was one, was up.
    pub bridge_was_up: bool,
    /// The parameters that were changed, as they were.
    pub parameters: BridgeParameters,
}

impl Plan {
    fn new(operation: Operation, bridge: End, uplink: Option<End>, creates_bridge: bool, before: Before) -> Self {
        Plan {
            operation,
            bridge,
            uplink,
            creates_bridge,
            prepare: Vec::new(),
            ipv6_settings: Vec::new(),
            switch: Vec::new(),
            gateways: Vec::new(),
            last_ipv6_settings: Vec::new(),
            commit: Vec::new(),
            finish: Vec::new(),
            roll_back: Vec::new(),
            moved: Belongings::default(),
            kept: Belongings::default(),
            placed: Vec::new(),
            warnings: Vec::new(),
            before,
        }
    }

    fn of_receipt(operation: Operation, receipt: &Receipt) -> Self {
        let (bridge, uplink) = (receipt.bridge.clone(), receipt.uplink.clone());
        let mut plan = Plan::new(operation, bridge, uplink, receipt.created_bridge, receipt.before);
        plan.kept = receipt.kept.clone();
        plan
    }

    /// The move from the old end to the new one, which has `present`, while `kept` stays at the old one.
    fn relocation(&self, present: &Belongings, kept: &Belongings, snapshot: &Snapshot) -> Relocation {
        let (Some(from), Some(to)) = (self.old_end(), self.new_end()) else { return Relocation::default() };
        relocate(&Move { from, to, belongings: &self.moved, present, kept, routes: &snapshot.routes })
    }

    /// Adds the commit of a takeover, and its way back: before the commit the uplink still has everything, so that
    /// deleting a new bridge is enough.
    fn end_takeover(&mut self, relocation: Relocation) {
        self.commit = relocation.withdraw;
        self.finish = relocation.settle;
        self.warnings = relocation.warnings;
        if self.creates_bridge {
            self.roll_back.push(delete_bridge(&self.bridge));
        } else {
            self.roll_back.extend(self.uplink.as_ref().filter(|_| !self.before.uplink_was_port).map(release));
            self.roll_back.extend(relocation.retract);
            self.roll_back.extend(know_again(&self.bridge, &self.kept));
            self.roll_back.extend(restore_bridge(&self.bridge, self.before));
        }
        if let Some(uplink) = self.uplink.as_ref().filter(|_| !self.before.uplink_was_up) {
            self.roll_back.push(bring_down(uplink).unless(super::step::GONE));
        }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.prepare.is_empty() && self.switch.is_empty() && self.commit.is_empty()
    }

    /// The link that has the host's addresses before.
    pub fn old_end(&self) -> Option<&End> {
        match self.operation {
            Operation::Takeover => self.uplink.as_ref(),
            Operation::Undo => Some(&self.bridge),
        }
    }

    /// The link that has the host's addresses afterwards.
    pub fn new_end(&self) -> Option<&End> {
        match self.operation {
            Operation::Takeover => Some(&self.bridge),
            Operation::Undo => self.uplink.as_ref(),
        }
    }
}

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
        plan.finish.push(Step::send(format!("let {name} make IPv6 addresses as its uplink does"), request));
    }
    plan
}

/// Plans what is left of a takeover that was killed: its commit, and its way back.
pub(super) fn rest_of_takeover(snapshot: &Snapshot, journal: &Receipt) -> Plan {
    let mut plan = Plan::of_receipt(Operation::Takeover, journal);
    plan.moved = journal.moved.clone();
    let relocation = plan.relocation(&plan.kept, &Belongings::default(), snapshot);
    plan.end_takeover(relocation);
    plan
}

fn prepare(bridge: &End, existing: Option<&Link>, uplink: Option<&Link>, changed: BridgeParameters) -> Vec<Step> {
    if existing.is_some() {
        let requests = link::set_bridge_parameters(bridge.index, changed).into_iter();
        return requests.map(|request| Step::send(format!("set {} of {}", changed, bridge.name), request)).collect();
    }
    let mac = uplink.and_then(Link::mac);
    let create = link::create_bridge(&bridge.name, bridge.index, mac, uplink.and_then(Link::mtu), changed);
    let like = uplink.map(|link| format!(" with the MAC and MTU of {}", link.name())).unwrap_or_default();
    let mut steps = vec![Step::send(format!("create bridge {}{like}", bridge.name), create)];
    if let Some(uplink) = uplink {
        // Until the uplink's own link-local address is on the bridge, the kernel must not make one: it would be unusable
        // for a second, while its duplicates are searched.
        let generation = uplink.address_generation().map(|_| ADDRESS_GENERATION_NONE);
        let settings = link::set_ip_settings(bridge.index, uplink.ipv4_settings().as_deref(), generation);
        steps.push(Step::send(format!("give {} the IPv4 settings of {}", bridge.name, uplink.name()), settings));
    }
    steps
}

fn enslave(uplink: &End, bridge: &End, before: Before) -> Vec<Step> {
    let mut steps = Vec::new();
    if !before.uplink_was_up {
        steps.push(Step::send(format!("bring {} up", uplink.name), link::set_up(uplink.index, true)));
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
            Some(Step::send(format!("let {} transmit at once", bridge.name), link::synchronise(bridge.index)))
        }
        _ => Some(Step::send(format!("bring {} up", bridge.name), link::set_up(bridge.index, true))),
    }
}

/// Gives an adopted bridge back what the takeover changed of its own.
fn restore_bridge(bridge: &End, before: Before) -> Vec<Step> {
    let parameters = link::set_bridge_parameters(bridge.index, before.parameters).into_iter();
    let mut steps: Vec<Step> = parameters
        // What the kernel cannot set was not set (VLAN filtering is an option of its build).
        .map(|request| {
            Step::send(format!("set {} of {}", before.parameters, bridge.name), request).unless(&[Errno::EOPNOTSUPP])
        })
        .collect();
    if !before.bridge_was_up {
        steps.push(bring_down(bridge));
    }
    steps
}

/// Plans the way back of a takeover.
///
/// A bridge that the takeover made gives everything that it has to the uplink and is deleted; one that it adopted gives
/// back what it received.
pub fn undo(snapshot: &Snapshot, receipt: &Receipt) -> Plan {
    let present = receipt.uplink.as_ref().map(|uplink| Belongings::of(snapshot, uplink.index));
    let has = Belongings::of(snapshot, receipt.bridge.index);
    let moved = if receipt.created_bridge { has } else { has.those_of(&receipt.moved, receipt.bridge.index) };
    undo_beside(snapshot, receipt, moved, &present.unwrap_or_default())
}

/// Plans what is left of an undo that was killed: what the uplink has, it has from there. The bridge may lack its IPv6
/// routes by now; the journal has them.
pub(super) fn rest_of_undo(snapshot: &Snapshot, journal: &Receipt) -> Plan {
    undo_beside(snapshot, journal, journal.moved.clone(), &Belongings::default())
}

fn undo_beside(snapshot: &Snapshot, receipt: &Receipt, moved: Belongings, present: &Belongings) -> Plan {
    let mut plan = Plan::of_receipt(Operation::Undo, receipt);
    plan.moved = moved;
    plan.gateways = gateways(&plan.moved, receipt.bridge.index);
    let relocation = plan.relocation(present, &plan.kept, snapshot);
    if let Some(uplink) = &receipt.uplink {
        plan.switch = relocation.place;
        plan.placed = relocation.placed;
        plan.switch.extend(relocation.divert);
        if !receipt.before.uplink_was_port {
            plan.switch.push(release(uplink));
            plan.roll_back.push(make_port(uplink, &plan.bridge));
        }
        plan.roll_back.extend(relocation.restore);
        plan.roll_back.extend(relocation.retract);
    }
    if receipt.created_bridge {
        plan.commit.push(delete_bridge(&plan.bridge));
    } else {
        plan.commit.extend(relocation.withdraw);
        plan.commit.extend(know_again(&plan.bridge, &receipt.kept));
        plan.commit.extend(restore_bridge(&plan.bridge, receipt.before));
    }
    plan.finish = relocation.settle;
    if let Some(uplink) = plan.uplink.as_ref().filter(|_| !receipt.before.uplink_was_up) {
        plan.finish.push(bring_down(uplink));
    }
    plan.warnings = relocation.warnings;
    plan
}

/// Gives a bare uplink back what it had before a takeover by a bridge that somebody has deleted since.
pub(super) fn give_back(snapshot: &Snapshot, was: &End, uplink: &End, moved: &Belongings) -> Vec<Step> {
    let present = Belongings::of(snapshot, uplink.index);
    let kept = Belongings::default();
    let relocation = relocate(&Move {
        from: was,
        to: uplink,
        belongings: moved,
        present: &present,
        kept: &kept,
        routes: &snapshot.routes,
    });
    relocation.place.into_iter().chain(relocation.settle).map(|step| step.unless(super::step::PRESENT)).collect()
}

/// A bridge whose MAC was not given takes that of a new port, or another one when a port leaves, and the kernel forgets
/// all neighbours of a link whose MAC changes, the permanent ones too (arp_netdev_event in net/ipv4/arp.c).
fn know_again(bridge: &End, kept: &Belongings) -> Vec<Step> {
    let permanent = kept.neighbours.iter().filter(|neighbour| neighbour.is_permanent());
    permanent
        .map(|neighbour| {
            let what = format!("know neighbour {neighbour} on {} as before", bridge.name);
            Step::add(what, &neighbour.moved(bridge.index), libc::NLM_F_CREATE | libc::NLM_F_REPLACE)
        })
        .collect()
}

fn make_port(uplink: &End, bridge: &End) -> Step {
    let request = link::set_master(uplink.index, bridge.index);
    Step::send(format!("make {} a port of {}", uplink.name, bridge.name), request)
}

fn bring_down(link: &End) -> Step {
    Step::send(format!("bring {} down", link.name), link::set_up(link.index, false))
}

fn delete_bridge(bridge: &End) -> Step {
    Step::send(format!("delete bridge {}", bridge.name), link::delete(bridge.index)).unless(super::step::GONE)
}

fn release(uplink: &End) -> Step {
    Step::send(format!("release {} from its bridge", uplink.name), link::set_master(uplink.index, 0))
        .unless(super::step::GONE)
}

/// The routers of the default routes by this link that can be asked: the kernel asks an IPv6 one from a link-local
/// address (ndisc_send_ns in net/ipv6/ndisc.c).
fn gateways(belongings: &Belongings, index: u32) -> Vec<IpAddr> {
    let can_ask_ipv6 = belongings.addresses.iter().any(Address::is_usable_link_local);
    let mut gateways = Vec::new();
    for gateway in
        belongings.routes.iter().filter(|route| route.is_default()).flat_map(|route| route.gateways_on(index))
    {
        if !gateways.contains(&gateway) && (gateway.is_ipv4() || can_ask_ipv6) {
            gateways.push(gateway);
        }
    }
    gateways
}
