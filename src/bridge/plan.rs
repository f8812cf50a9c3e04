//! What a takeover or its undoing will do, decided before anything is done.

use std::net::IpAddr;

use serde::Serialize;

use super::belongings::Belongings;
use super::receipt::{Operation, Receipt};
use super::relocation::{End, Move, Relocation, relocate};
use super::snapshot::Snapshot;
use super::step::{self, Step};
use crate::netlink::{Address, BridgeParameters, Route};

mod link_steps;
mod takeover;
mod undo;

use link_steps::{bring_down, delete_bridge, know_again, release, restore_bridge};
pub(in crate::bridge) use takeover::rest_of_takeover;
pub use takeover::takeover;
pub use undo::undo;
pub(in crate::bridge) use undo::{give_back, rest_of_undo};

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
        relocate(&Move { from, to, belongings: &self.moved, present, kept, snapshot })
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
            self.roll_back.push(bring_down(uplink).unless(step::GONE));
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
