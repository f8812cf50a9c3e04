//! `virt-bridge domain`: guests' interfaces and the rules for them.

mod list;
mod patch;
mod way;

use super::exit::{Exit, Failure};

#[derive(clap::Subcommand)]
#[command(defer = true)]
pub enum Verb {
    /// List every domain's interfaces, where each leads, and which rule would change it
    List(list::Arguments),
    /// Patch the XML of a domain, from a file or stdin to stdout
    Patch(Box<patch::Arguments>),
}

/// Runs the verb.
pub fn run(verb: &Verb) -> Result<Exit, Failure> {
    match verb {
        Verb::List(arguments) => list::run(arguments).map(|()| Exit::Done),
        Verb::Patch(arguments) => patch::run(arguments),
    }
}
