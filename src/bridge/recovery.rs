//! Goes on from where a killed run stopped: back where the old state is still whole, forward where it is not.

use std::collections::HashSet;

use super::apply::{commit, insist};
use super::belongings::Belongings;
use super::error::Error;
use super::plan::{self, Plan};
use super::receipt::{Operation, Receipt, Records};
use super::relocation::End;
use super::snapshot::{Snapshot, routes_by};
use super::step::Step;
use crate::netlink::{self, Address, Link, Route, Socket, address, link};

/// What is left to do of a killed run.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rest {
    /// Nothing was done yet, or all was undone.
    Nothing,
    /// These steps lead back.
    Back(Vec<Step>),
    /// These steps complete it; those of the second list may fail.
    Forward(Vec<Step>, Vec<Step>),
    /// The bridge is gone, and these steps give the uplink its own back.
    GiveBack(Vec<Step>),
}

/// Finishes a run that was killed, if one was; answers with what was done about it, for the log.
///
/// # Errors
/// When the journal cannot be read, or the kernel refuses.
pub fn recover(socket: &mut Socket, records: &Records) -> Result<Option<String>, Error> {
    let journal = match records.journal() {
        Ok(None) => return Ok(None),
        Ok(Some(journal)) => journal,
        Err(error) => {
            return Err(Error::Unchanged(format!("cannot read {}: {error}", records.journal_path().display())));
        }
    };
    let snapshot = Snapshot::take(socket).map_err(Error::unread)?;
    let rest = rest(&snapshot, &journal);
    let mut run = |steps: &[Step], finish: &[Step]| {
        commit(socket, steps, finish).map_err(|rollback| Error::Stranded { cause: "a run was killed".into(), rollback })
    };
    let (noted, message) = match (rest, journal.operation) {
        (Rest::Nothing, _) => (records.abandon(), "had changed nothing that is left"),
        (Rest::Back(steps) | Rest::GiveBack(steps), _) => {
            run(&steps, &[])?;
            (records.abandon(), "was rolled back")
        }
        (Rest::Forward(steps, finish), Operation::Takeover) => {
            run(&steps, &finish)?;
            (records.complete(&journal), "was completed")
        }
        (Rest::Forward(steps, finish), Operation::Undo) => {
            run(&steps, &finish)?;
            (records.forget(), "was completed")
        }
    };
    noted.map_err(|error| Error::Stranded {
        cause: format!("a run was killed and {message}"),
        rollback: format!("cannot put its journal away: {error}"),
    })?;
    let operation = match journal.operation {
        Operation::Takeover => "takeover",
        Operation::Undo => "undo",
    };
    Ok(Some(format!("{}: a {operation} that was killed {message}", journal.bridge.name)))
}

fn rest(snapshot: &Snapshot, journal: &Receipt) -> Rest {
    let bridge = snapshot.link_by_index(journal.bridge.index).filter(|link| link.name() == journal.bridge.name);
    let Some(bridge) = bridge else {
        let steps = given_back(snapshot, journal);
        return if steps.is_empty() { Rest::Nothing } else { Rest::GiveBack(steps) };
    };
    let uplink = journal.uplink.as_ref().and_then(|end| snapshot.link_by_index(end.index));
    let back = match (journal.operation, &journal.uplink, uplink) {
        (Operation::Takeover, None, _) => true,
        (Operation::Takeover, Some(_), Some(uplink)) => {
            has_all(&snapshot.addresses, &snapshot.routes, uplink.index, &journal.moved)
        }
        (Operation::Undo, Some(_), Some(uplink)) => uplink.master() == Some(bridge.index),
        _ => false,
    };
    let plan = match journal.operation {
        Operation::Takeover => plan::rest_of_takeover(snapshot, journal),
        Operation::Undo => plan::rest_of_undo(snapshot, journal),
    };
    if back { Rest::Back(plan.roll_back) } else { Rest::Forward(plan.commit, plan.finish) }
}

/// What the uplink of a receipt needs to have its own again, where the bridge that had it is gone and nobody has given
/// the uplink an address since.
fn given_back(snapshot: &Snapshot, receipt: &Receipt) -> Vec<Step> {
    let Some(was) = &receipt.uplink else { return Vec::new() };
    let Some(uplink) = snapshot.link_by_index(was.index).or_else(|| snapshot.link(&was.name)) else {
        return Vec::new();
    };
    let is_bare = !snapshot.has_address(uplink);
    if !is_bare || uplink.master().is_some() {
        return Vec::new();
    }
    let from = match receipt.operation {
        Operation::Takeover => was,
        Operation::Undo => &receipt.bridge,
    };
    let uplink = End { name: uplink.name(), index: uplink.index };
    plan::give_back(snapshot, from, &uplink, &receipt.moved)
}

/// Gives the uplink its own back where somebody has deleted the bridge that had it; answers with what was done about
/// it, for the log. Of a bridge that is there, or gone with nothing of the uplink's, nothing is said.
///
/// # Errors
/// When the receipt cannot be read, or the kernel refuses.
pub fn give_back(socket: &mut Socket, records: &Records) -> Result<Option<String>, Error> {
    let unread = |error| Error::Unchanged(format!("cannot read {}: {error}", records.receipt_path().display()));
    let Some(receipt) = records.receipt().map_err(unread)? else { return Ok(None) };
    let snapshot = Snapshot::take(socket).map_err(Error::unread)?;
    let is_there = |link: &Link| link.index == receipt.bridge.index && link.name() == receipt.bridge.name;
    if snapshot.links.iter().any(is_there) {
        return Ok(None);
    }
    let steps = given_back(&snapshot, &receipt);
    let gone = format!("{} was deleted", receipt.bridge.name);
    insist(socket, &steps).map_err(|rollback| Error::Stranded { cause: gone.clone(), rollback })?;
    let told = receipt.uplink.as_ref().filter(|_| !steps.is_empty());
    let told = told.map(|uplink| format!("{gone}: {} has its addresses and routes back", uplink.name));
    let kept = |error| Error::Stranded { cause: gone, rollback: format!("cannot delete its receipt: {error}") };
    records.forget().map_err(kept)?;
    Ok(told)
}

/// After a takeover's commit: whether somebody has deleted the bridge meanwhile. What the kernel does not tell is not so.
pub(super) fn has_lost_bridge(socket: &mut Socket, plan: &Plan) -> bool {
    plan.operation == Operation::Takeover && matches!(socket.get::<Link>(link::by_index(plan.bridge.index)), Ok(None))
}

/// Whether the link has all that was moved from it; what has a lifetime may have run out meanwhile.
fn has_all(addresses: &[Address], routes: &[Route], index: u32, moved: &Belongings) -> bool {
    let present: HashSet<_> = addresses.iter().filter(|address| address.index == index).map(Address::essence).collect();
    let ways: HashSet<_> = routes.iter().flat_map(|route| route.ways_by(index)).collect();
    let has_address = |address: &Address| address.can_expire() || present.contains(&address.essence());
    let has_route = |route: &Route| route.expires() || route.ways_by(index).iter().all(|way| ways.contains(way));
    moved.addresses.iter().all(has_address) && moved.prefix_routes.iter().chain(&moved.routes).all(has_route)
}

/// Whether the old end of a plan still has all, so that there is a way back. (An undo takes the IPv6 routes from it
/// before its commit, and its way back returns them.)
///
/// # Errors
/// When the kernel cannot be asked.
pub(super) fn old_end_is_whole(socket: &mut Socket, plan: &Plan) -> Result<bool, netlink::Error> {
    let Some(end) = plan.old_end() else { return Ok(true) };
    let addresses = socket.dump(address::of_link(end.index))?;
    let routes = routes_by(socket, end.index)?;
    let mut expected = plan.moved.clone();
    if plan.operation == Operation::Undo {
        expected.prefix_routes.retain(|route| !route.is_ipv6());
        expected.routes.retain(|route| !route.is_ipv6());
    }
    Ok(has_all(&addresses, &routes, end.index, &expected))
}
