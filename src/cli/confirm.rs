//! `virt-bridge confirm`: the administrator can still reach the host, so the takeover stays.

use std::io;

use serde_json::json;

use super::exit::{Exit, Failure};
use crate::bridge::{Lock, Records};
use crate::config::nearest;
use crate::confirmation::{self, Confirmation, Promise};
use crate::deadline::Deadline;

#[derive(clap::Args)]
pub struct Arguments {
    /// The bridge [default: the only one that waits]
    #[arg(value_parser = super::link_name)]
    bridge: Option<String>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    super::capability::require("confirm")?;
    let bridge = match &arguments.bridge {
        Some(bridge) => bridge.clone(),
        None => only_one()?,
    };
    let answer = confirm(&bridge)?;
    if !arguments.json {
        let answer = match answer {
            Answer::Kept => "confirmed, and stays",
            Answer::KeptBefore => "nothing waits for confirmation, and it stays",
        };
        super::print_text(&format!("{bridge}: {answer}\n"))?;
        return keep_promise(&bridge, false).map(drop);
    }
    let kept = keep_promise(&bridge, true)?;
    super::print_json(&json!({ "bridge": bridge, "confirmed": matches!(answer, Answer::Kept), "went_on": kept }))
}

/// Does what the command that took over was to do next and cannot any more; whether there was something.
fn keep_promise(bridge: &str, quiet: bool) -> Result<bool, Failure> {
    let cannot = |error: io::Error| Failure::new(Exit::NeedsAttention, format!("cannot go on with {bridge}: {error}"));
    let Some(promise) = Promise::left(bridge).map_err(cannot)? else { return Ok(false) };
    super::up::keep(&promise, quiet)?;
    Promise::end(bridge).map_err(cannot)?;
    Ok(true)
}

/// What a confirmation met.
pub enum Answer {
    /// It was waited for.
    Kept,
    /// It was given before, or never asked for.
    KeptBefore,
}

/// Confirms the takeover by the bridge of this name.
///
/// # Errors
/// When there is no takeover (any more).
pub fn confirm(bridge: &str) -> Result<Answer, Failure> {
    let lock = Lock::take(Deadline::after(super::DEADLINE))?;
    let waiting = Confirmation::of(bridge).map_err(unread)?;
    let waits = waiting.is_some();
    match waiting.and_then(|confirmation| confirmation.handed_over) {
        Some(handed_over) => handed_over
            .keep()
            .map_err(|why| Failure::unchanged(format!("{bridge} cannot be confirmed any more: {why}")))?,
        None if !confirmation::is_taken_over(bridge) => return Err(gone(bridge)),
        None => {}
    }
    Confirmation::end(&lock, bridge)
        .map_err(|error| Failure::unchanged(format!("cannot confirm {bridge}: {error}")))?;
    Ok(if waits { Answer::Kept } else { Answer::KeptBefore })
}

fn only_one() -> Result<String, Failure> {
    let mut bridges = Confirmation::bridges().map_err(unread)?;
    match (bridges.pop(), bridges.as_slice()) {
        (Some(bridge), []) => Ok(bridge),
        (None, _) => Err(Failure::unchanged("no takeover waits for confirmation")
            .hint("virt-bridge status shows what is; a takeover that nobody confirmed in time was taken back")),
        (Some(last), others) => {
            Err(Failure::unchanged(format!("{} and {last} wait for confirmation", others.join(", ")))
                .hint(format!("name the one that you mean: virt-bridge confirm {last}")))
        }
    }
}

fn gone(bridge: &str) -> Failure {
    let waiting = Confirmation::bridges().unwrap_or_default();
    let known: Vec<&str> = waiting.iter().map(String::as_str).collect();
    let failure = Failure::unchanged(format!("{bridge} is not taken over, so there is nothing to confirm"));
    if Records::of(bridge).is_interrupted() {
        failure.hint("its takeover was interrupted and is being taken back")
    } else if let Some(meant) = nearest(bridge, &known) {
        failure.hint(format!("did you mean {meant}?"))
    } else {
        failure.hint("if it was taken back because nobody confirmed it in time, syslog says so")
    }
}

fn unread(error: io::Error) -> Failure {
    Failure::unchanged(format!("cannot read what waits for confirmation: {error}"))
}
