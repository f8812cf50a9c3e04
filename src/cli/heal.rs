//! `virt-bridge heal`: guests' taps that fell off their bridges become ports again, without a restart of anything, and a
//! DHCP client that a killed run left between two links goes on.

use std::path::Path;

use super::exit::{Exit, Failure};
use super::leases;
use crate::bridge::Snapshot;
use crate::check::fallen;
use crate::libvirt::taps::{self, Tap};
use crate::netlink::{Request, Socket, link};
use crate::transfer::Transfer;

#[derive(clap::Args)]
pub struct Arguments {
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    if !arguments.dry_run {
        super::capability::require("heal")?;
    }
    let mut text = String::new();
    for bridge in Transfer::interrupted_bridges() {
        if !arguments.dry_run {
            leases::settle_earlier(&bridge)?;
        }
        say!(text, "the DHCP client of {bridge} or its uplink goes on where the address is");
    }
    let unread = |error| Failure::unchanged(format!("cannot read the network state: {error}"));
    let mut socket = Socket::open().map_err(unread)?;
    let snapshot = Snapshot::take(&mut socket).map_err(unread)?;
    let taps = taps::of_running_guests(Path::new("/"));
    let fallen = fallen(&snapshot, &taps);
    if fallen.is_empty() && text.is_empty() {
        return super::print_text("nothing to do\n");
    }
    let mut failures = Vec::new();
    for (tap, port, bridge) in &fallen {
        let done = if arguments.dry_run { Ok(()) } else { attach(&mut socket, tap, *port, *bridge) };
        match done {
            Ok(()) => say!(text, "{}", told(tap)),
            Err(error) => failures.push(format!("{}: {error}", told(tap))),
        }
    }
    // What was done stays done where nobody reads of it.
    let _ = super::print_text(&text);
    match failures.as_slice() {
        [] => Ok(()),
        all if all.len() == fallen.len() => Err(Failure::several(Exit::Unchanged, failures)),
        _ => Err(Failure::several(Exit::NeedsAttention, failures)),
    }
}

fn told(tap: &Tap) -> String {
    let isolated = if tap.isolated { ", isolated" } else { "" };
    let bridge = tap.bridge.as_deref().unwrap_or_default();
    format!("{} of guest {} becomes a port of {bridge}{isolated} again", tap.link, tap.domain)
}

fn attach(socket: &mut Socket, tap: &Tap, port: u32, bridge: u32) -> Result<(), String> {
    if !tap.vlans.is_empty() {
        // On the bridge without its tags the guest would be in a network that it must not be in.
        return Err(format!("it has VLANs: restart guest {}, or detach and attach its interface", tap.domain));
    }
    let mut requests: Vec<Request> = vec![link::set_master(port, bridge)];
    requests.extend(tap.isolated.then(|| link::set_isolated(port, true)));
    requests.push(link::set_up(port, true));
    let outcomes = socket.batch(&requests).map_err(|error| error.to_string())?;
    outcomes.into_iter().find_map(Result::err).map_or(Ok(()), |error| Err(error.to_string()))
}
