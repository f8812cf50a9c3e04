//! Gives the uplink back what its bridge received: a takeover in the other direction, from the receipt.

use std::time::Duration;

use super::apply::apply;
use super::ensure::Outcome;
use super::error::Error;
use super::lock::Lock;
use super::plan::{self, Plan};
use super::preflight::Refusal;
use super::receipt::{Receipt, Records};
use super::recovery::recover;
use super::snapshot::Snapshot;
use crate::deadline::Deadline;
use crate::netlink::{Link, Socket};

/// Undoes the takeover by the bridge of this name; `force` does it though guests' taps are attached, which then lose
/// their way out.
///
/// # Errors
/// Each says what it left behind.
pub fn undo(bridge: &str, force: bool, gateway_check: Duration, deadline: Deadline) -> Result<Outcome, Error> {
    let mut socket = Socket::open().map_err(Error::unread)?;
    let _lock = Lock::take(deadline)?;
    let records = Records::of(bridge);
    let recovered = recover(&mut socket, &records)?;
    let Some(receipt) = receipt(bridge, &records)? else { return Ok(Outcome::AlreadyRight) };
    let snapshot = Snapshot::take(&mut socket).map_err(Error::unread)?;
    let Some(plan) = plan_of(&snapshot, receipt, force)? else {
        records
            .forget()
            .map_err(|error| Error::Unchanged(format!("cannot delete the receipt of {bridge}: {error}")))?;
        return Ok(Outcome::AlreadyRight);
    };
    let report = apply(&mut socket, &plan, &records, gateway_check, deadline)?;
    Ok(Outcome::Done { plan: Box::new(plan), report, recovered })
}

fn receipt(bridge: &str, records: &Records) -> Result<Option<Receipt>, Error> {
    records.receipt().map_err(|error| Error::Unchanged(format!("cannot read the receipt of {bridge}: {error}")))
}

/// The plan of the way back; nothing when the bridge of the receipt is gone.
fn plan_of(snapshot: &Snapshot, mut receipt: Receipt, force: bool) -> Result<Option<Plan>, Error> {
    let bridge = snapshot.link(&receipt.bridge.name).filter(|link| link.index == receipt.bridge.index);
    let Some(bridge) = bridge else { return Ok(None) };
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
    let ports: Vec<String> =
        snapshot.ports_of(bridge.index).filter(|port| Some(port.index) != uplink).map(Link::name).collect();
    if receipt.created_bridge && !ports.is_empty() && !force {
        refusals.push(Refusal::new(
            format!("{} still has the ports {}", bridge.name(), ports.join(", ")),
            "shut their guests down or move them first, or say --force",
        ));
    }
    if !refusals.is_empty() {
        return Err(Error::Refused(refusals));
    }
    Ok(Some(plan::undo(snapshot, &receipt)))
}
