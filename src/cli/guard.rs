//! `virt-bridge guard`: what `up --confirm` starts to take the bridge back unless it is confirmed in time.

use super::exit::Failure;
use crate::confirmation;

#[derive(clap::Args)]
pub struct Arguments {
    /// The bridge
    #[arg(value_parser = super::link_name)]
    bridge: String,
    /// There is no command at the other end of standard input
    #[arg(long)]
    by_timer: bool,
}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    confirmation::guard(&arguments.bridge, arguments.by_timer);
    Ok(())
}
