//! `virt-bridge undo`: the way back.

use super::exit::Failure;
use crate::bridge;
use crate::deadline::Deadline;

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
    let check = super::gateway_check(&arguments.bridge);
    let outcome = bridge::undo(&arguments.bridge, arguments.force, check, Deadline::after(super::DEADLINE))?;
    super::report::print(&arguments.bridge, &outcome, "nothing to undo: no takeover since boot", arguments.json);
    super::persist::restore(&arguments.bridge, arguments.json)
}
