//! `virt-bridge up`: the takeover.

use super::bridge_arguments::BridgeArguments;
use super::exit::Failure;
use super::persist;
use crate::bridge;
use crate::deadline::Deadline;

/// Runs the verb.
pub fn run(arguments: &BridgeArguments) -> Result<(), Failure> {
    let wanted = arguments.wanted()?;
    let lasting = persist::plan(&wanted)?;
    let outcome = bridge::ensure(&wanted, Deadline::after(super::DEADLINE))?;
    super::report::print(&arguments.bridge, &outcome, "nothing to do", arguments.json);
    if let Some(lasting) = lasting {
        persist::write(&wanted.bridge, &lasting, arguments.json)?;
    }
    Ok(())
}
