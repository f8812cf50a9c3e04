//! `virt-bridge up`: the takeover.

use super::exit::Failure;
use crate::bridge;
use crate::config::Uplink;
use crate::deadline::Deadline;

#[derive(clap::Args)]
pub struct Arguments {
    /// The bridge
    #[arg(value_parser = super::link_name)]
    bridge: String,
    /// The link that leads to the LAN: a name, mac:…, auto or none [default: as configured]
    #[arg(long, value_name = "NIC", value_parser = super::uplink)]
    uplink: Option<Uplink>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let wanted = super::wanted(&arguments.bridge, arguments.uplink.as_ref())?;
    let outcome = bridge::ensure(&wanted, Deadline::after(super::DEADLINE))?;
    super::report::print(&arguments.bridge, &outcome, "nothing to do", arguments.json);
    Ok(())
}
