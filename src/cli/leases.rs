//! DHCP clients that go to the bridge and back beside the addresses.

use super::exit::{Exit, Failure};
use super::persist::Lasting;
use crate::bridge::{self, Lock};
use crate::confirmation::is_taken_over;
use crate::deadline::Deadline;
use crate::transfer::Transfer;

/// Lets the clients of the uplink stand still, which is about to be taken over; nothing where none is to go on on the
/// bridge.
pub fn begin(bridge: &str, lasting: Option<&Lasting>) -> Result<Option<Transfer>, Failure> {
    let Some(lasting) = lasting else { return Ok(None) };
    let lock = Lock::take(Deadline::after(super::DEADLINE))?;
    Transfer::begin(&lock, bridge, &lasting.uplink, &lasting.uplink).map_err(Failure::unchanged)
}

/// Lets the clients go on on the bridge, which has the addresses.
///
/// # Errors
/// One line that says who renews no lease.
pub fn to_bridge(transfer: Option<Transfer>) -> Result<(), String> {
    let Some(transfer) = transfer else { return Ok(()) };
    let _lock = Lock::take(Deadline::after(super::DEADLINE)).map_err(|error| error.to_string())?;
    transfer.to_bridge().map(tell)
}

/// Lets the clients go on on the uplink, which has the addresses again.
pub fn to_uplink(transfer: Option<Transfer>) -> Result<(), Failure> {
    let Some(transfer) = transfer else { return Ok(()) };
    transfer.to_uplink().map(tell).map_err(attention)
}

/// Brings what an earlier run has begun to its end, and before it the takeover or undoing that it belongs to.
pub fn settle_earlier(bridge: &str) -> Result<(), Failure> {
    if !Transfer::interrupted_bridges().iter().any(|interrupted| interrupted == bridge) {
        return Ok(());
    }
    let lock = Lock::take(Deadline::after(super::DEADLINE))?;
    let Some(transfer) = Transfer::interrupted(bridge).map_err(Failure::unchanged)? else { return Ok(()) };
    let recovered = bridge::recover_holding(&lock, bridge)?;
    recovered.iter().for_each(|what| super::warn(what));
    let settled = if is_taken_over(bridge) { transfer.to_bridge() } else { transfer.to_uplink() };
    settled.map(tell).map_err(attention)
}

/// A lease that nobody renews is lost when it runs out.
pub fn attention(text: String) -> Failure {
    Failure::new(Exit::NeedsAttention, text).hint("try again: virt-bridge heal")
}

fn tell(warnings: Vec<String>) {
    warnings.iter().for_each(|warning| super::warn(warning));
}
