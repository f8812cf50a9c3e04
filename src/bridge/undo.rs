//! Gives the uplink back what its bridge received: a takeover in the other direction, from the receipt.

use std::time::Duration;

use super::apply::{apply, ask_routers};
use super::ensure::Outcome;
use super::error::Error;
use super::lock::Lock;
use super::plan::{self, Plan};
use super::preflight::Refusal;
use super::receipt::{Receipt, Records};
use super::recovery::{give_back, recover};
use super::snapshot::Snapshot;
use crate::deadline::Deadline;
use crate::netlink::{Link, Socket};

/// What to do about guests that would lose their way out: the one objection that force overrules.
pub const MIND_GUESTS: &str = "shut their guests down or move them first, or say --force";

/// Undoes the takeover by the bridge of this name; `force` does it though guests' taps are attached, which then lose
/// their way out.
///
/// # Errors
/// Each says what it left behind.
pub fn undo(bridge: &str, force: bool, gateway_check: Duration, deadline: Deadline) -> Result<Outcome, Error> {
    undo_holding(&Lock::take(deadline)?, bridge, force, gateway_check, deadline)
}

/// [`undo`] for whoever holds the lock already.
///
/// # Errors
/// As [`undo`].
pub fn undo_holding(
    _lock: &Lock,
    bridge: &str,
    force: bool,
    gateway_check: Duration,
    deadline: Deadline,
) -> Result<Outcome, Error> {
    let mut socket = Socket::open().map_err(Error::unread)?;
    let records = Records::of(bridge);
    let killed = recover(&mut socket, &records)?;
    let recovered = killed.or(give_back(&mut socket, &records)?);
    let Some(receipt) = receipt(&records)? else { return Ok(Outcome::AlreadyRight { recovered }) };
    let plan = |socket: &mut Socket| {
        let snapshot = Snapshot::take(socket).map_err(Error::unread)?;
        plan_of(&snapshot, receipt.clone(), force)
    };
    let first = plan(&mut socket)?;
    let asked = ask_routers(&mut socket, &first, gateway_check, deadline)?;
    let plan = if asked.took_long() { plan(&mut socket)? } else { first };
    let report = apply(&mut socket, &plan, &records, asked, gateway_check, deadline)?;
    Ok(Outcome::Done { plan: Box::new(plan), report, recovered })
}

/// Finishes a run that was killed, if one was; answers with what was done about it.
///
/// # Errors
/// Each says what it left behind.
pub fn recover_holding(_lock: &Lock, bridge: &str) -> Result<Option<String>, Error> {
    recover(&mut Socket::open().map_err(Error::unread)?, &Records::of(bridge))
}

fn receipt(records: &Records) -> Result<Option<Receipt>, Error> {
    let path = records.receipt_path().display();
    records.receipt().map_err(|error| Error::Unchanged(format!("cannot read {path}: {error}")))
}

/// The plan of the way back.
fn plan_of(snapshot: &Snapshot, mut receipt: Receipt, force: bool) -> Result<Plan, Error> {
    let bridge = snapshot.link(&receipt.bridge.name).filter(|link| link.index == receipt.bridge.index);
    let bridge = bridge.ok_or_else(|| Error::Unchanged(format!("{} has just been deleted", receipt.bridge.name)))?;
    let mut refusals = Vec::new();
    if let Some(end) = &mut receipt.uplink {
        // A NIC that was unplugged and came back has the same name and another index.
        match snapshot.link_by_index(end.index).or_else(|| snapshot.link(&end.name)) {
            Some(link) => (end.name, end.index) = (link.name(), link.index),
            None => refusals.push(Refusal::new(
                format!(
                    "the uplink {} is gone, so there is nothing to give the addresses of {} back to",
                    end.name,
                    bridge.name()
                ),
                format!("to give them up: ip link delete {}", bridge.name()),
            )),
        }
    }
    let uplink = receipt.uplink.as_ref().map(|end| end.index);
    // Of an adopted bridge others may be ports that never had a way out; a guest's tap surely loses one.
    let loses = |port: &&Link| Some(port.index) != uplink && (receipt.created_bridge || port.is_tap());
    let ports: Vec<String> = snapshot.ports_of(bridge.index).filter(loses).map(Link::name).collect();
    let leaves = receipt.created_bridge || !receipt.before.uplink_was_port;
    if leaves && !ports.is_empty() && !force {
        refusals.push(Refusal::new(format!("{} still has the ports {}", bridge.name(), ports.join(", ")), MIND_GUESTS));
    }
    if !refusals.is_empty() {
        return Err(Error::Refused(refusals));
    }
    Ok(plan::undo(snapshot, &receipt))
}
