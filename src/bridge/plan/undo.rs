//! The plan of the way back of a takeover, and of what is left of one that was killed.

use super::link_steps::make_port;
use super::{Plan, bring_down, delete_bridge, gateways, know_again, release, restore_bridge};
use crate::bridge::belongings::Belongings;
use crate::bridge::receipt::{Operation, Receipt};
use crate::bridge::relocation::{End, Move, relocate};
use crate::bridge::snapshot::Snapshot;
use crate::bridge::step::Step;

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
pub(in crate::bridge) fn rest_of_undo(snapshot: &Snapshot, journal: &Receipt) -> Plan {
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
pub(in crate::bridge) fn give_back(snapshot: &Snapshot, was: &End, uplink: &End, moved: &Belongings) -> Vec<Step> {
    let present = Belongings::of(snapshot, uplink.index);
    let kept = Belongings::default();
    let relocation =
        relocate(&Move { from: was, to: uplink, belongings: moved, present: &present, kept: &kept, snapshot });
    relocation.place.into_iter().chain(relocation.settle).collect()
}
