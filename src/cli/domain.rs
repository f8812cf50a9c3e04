//! `virt-bridge domain`: guests' interfaces and the rules for them.

mod patch;

use super::exit::{Exit, Failure};

#[derive(clap::Subcommand)]
pub enum Verb {
    /// Patch the XML of a domain, from a file or stdin to stdout
    Patch(Box<patch::Arguments>),
}

/// Runs the verb.
pub fn run(verb: &Verb) -> Result<Exit, Failure> {
    match verb {
        Verb::Patch(arguments) => patch::run(arguments),
    }
}
