//! `virt-bridge receipt`: what the last takeover of a bridge has done, and what it cost.

use std::path::Path;

use time::OffsetDateTime;

use super::exit::Failure;
use crate::bridge::{Receipt, Records};
use crate::printable;

#[derive(clap::Args)]
pub struct Arguments {
    /// The bridge [default: the only one with a receipt]
    #[arg(value_parser = super::link_name)]
    bridge: Option<String>,
    /// Print the file as it is
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let bridge = match &arguments.bridge {
        Some(bridge) => bridge.clone(),
        None => only_one()?,
    };
    let records = Records::of(&bridge);
    let receipt = match records.receipt() {
        Ok(None) => records.handed_over().map_err(|error| (records.handed_over_path(), error)),
        own => own.map_err(|error| (records.receipt_path(), error)),
    };
    let unread = |(path, error): (&Path, _)| Failure::unchanged(format!("cannot read {}: {error}", path.display()));
    let Some(receipt) = receipt.map_err(unread)? else { return Err(none(&bridge)) };
    if arguments.json { super::print_json(&receipt) } else { super::print_text(&printable::lines(&in_words(&receipt))) }
}

fn none(bridge: &str) -> Failure {
    let known = Records::bridges_with_receipt();
    let failure =
        Failure::unchanged(format!("there is no receipt of {bridge}: no takeover since boot, or it was undone"));
    match known.as_slice() {
        [] => failure.hint("to see what is: virt-bridge status"),
        known => failure.hint(format!("there is one of {}", known.join(", "))),
    }
}

fn only_one() -> Result<String, Failure> {
    match Records::bridges_with_receipt().as_slice() {
        [bridge] => Ok(bridge.clone()),
        [] => Err(Failure::unchanged("there is no receipt: no takeover since boot, or it was undone")
            .hint("to see what is: virt-bridge status")),
        several => Err(Failure::unchanged(format!("there are receipts of {}", several.join(", ")))
            .hint(format!("name one: virt-bridge receipt {}", several[0]))),
    }
}

fn in_words(receipt: &Receipt) -> String {
    let mut text = String::new();
    let bridge = &receipt.bridge.name;
    match (&receipt.uplink, &receipt.owner) {
        (Some(uplink), Some(owner)) => {
            say!(text, "{owner} handed {} over to {bridge} on {}", uplink.name, when(receipt.time))
        }
        (Some(uplink), None) => say!(text, "{bridge} took over {} on {}", uplink.name, when(receipt.time)),
        (None, _) => say!(text, "{bridge} was set up without an uplink on {}", when(receipt.time)),
    }
    let moved = &receipt.moved;
    let routes = moved.prefix_routes.iter().chain(&moved.routes);
    moved.addresses.iter().for_each(|address| say!(text, "  address {address}"));
    routes.for_each(|route| say!(text, "  route {route}"));
    moved.neighbours.iter().filter_map(|neighbour| neighbour.address()).for_each(|ip| say!(text, "  neighbour {ip}"));
    if let Some(outage) = receipt.outage {
        say!(text, "outage: at most {} (looked for every 2 ms; before and behind it the host answers)", ms(outage));
    } else if let Some(switch) = longest_outage(receipt) {
        say!(
            text,
            "outage: at most {} (the one system call that switches; before and behind it the host answers)",
            ms(switch)
        );
    }
    if !receipt.microseconds.is_empty() {
        say!(text, "time:");
        receipt.microseconds.iter().for_each(|(phase, time)| say!(text, "  {phase:16} {:>10}", ms(*time)));
    }
    say!(text, "steps:");
    text + &steps(receipt)
}

/// The steps, with the time of each call of the kernel at its first.
fn steps(receipt: &Receipt) -> String {
    let mut text = String::new();
    let mut steps = receipt.steps.iter();
    for call in &receipt.calls {
        let mut time = ms(call.microseconds);
        for step in steps.by_ref().take(call.steps) {
            say!(text, "  {:>10}  {step}", std::mem::take(&mut time));
        }
    }
    steps.for_each(|step| say!(text, "  {step}"));
    text
}

/// The switch is a single batch, before which the uplink answers and behind which the bridge does; the commit deletes only
/// what nobody uses any more.
fn longest_outage(receipt: &Receipt) -> Option<u64> {
    receipt.uplink.as_ref()?;
    receipt.microseconds.iter().find(|(phase, _)| phase == "switch").map(|(_, time)| *time)
}

pub fn ms(microseconds: u64) -> String {
    format!("{}.{:03} ms", microseconds / 1000, microseconds % 1000)
}

fn when(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    time.map_or("an unknown day".into(), |time| {
        format!("{} at {:02}:{:02}:{:02} UTC", time.date(), time.hour(), time.minute(), time.second())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_utc() {
        assert_eq!(when(1_700_000_000), "2023-11-14 at 22:13:20 UTC");
        assert_eq!(when(u64::MAX), "an unknown day");
        assert_eq!(ms(1_234), "1.234 ms");
    }
}
