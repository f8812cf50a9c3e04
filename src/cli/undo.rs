//! `virt-bridge undo`: the way back.

use std::path::Path;

use super::exit::Failure;
use crate::bridge::{self, Lock, Outcome, Records};
use crate::confirmation::Confirmation;
use crate::deadline::Deadline;
use crate::owner::{Backup, Clients};

#[derive(clap::Args)]
pub struct Arguments {
    /// The bridge
    #[arg(value_parser = super::link_name)]
    bridge: String,
    /// Undo it though guests' taps are attached, which then lead nowhere
    #[arg(long)]
    force: bool,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    super::capability::require("undo")?;
    let check = super::gateway_check(&arguments.bridge);
    // Read before the takeover is forgotten and the bridge is gone.
    let clients = Clients::of(&arguments.bridge).map_err(Failure::unchanged)?;
    let backup = Backup::of(Path::new("/"), &arguments.bridge).map_err(Failure::unchanged)?;
    let receipt = Records::of(&arguments.bridge).receipt().ok().flatten();
    if let Some(backup) = backup.as_ref().filter(|_| !arguments.force) {
        super::persist::refuse_guests(&arguments.bridge, backup.owner())?;
    }
    let deadline = Deadline::after(super::DEADLINE);
    let lock = Lock::take(deadline)?;
    let outcome = bridge::undo_holding(&lock, &arguments.bridge, arguments.force, check, deadline)?;
    // Where this fails, whoever waits for the confirmation finds nothing to take back.
    let _ = Confirmation::end(&lock, &arguments.bridge);
    drop(lock);
    super::report::print(&arguments.bridge, &outcome, "nothing to undo: no takeover since boot", arguments.json);
    if let (Outcome::Done { .. }, Some(uplink)) = (&outcome, receipt.and_then(|receipt| receipt.uplink)) {
        super::persist::hand_over(&arguments.bridge, &uplink.name, &clients)?;
    }
    backup.map_or(Ok(()), |backup| super::persist::restore(&arguments.bridge, backup, arguments.json))
}
