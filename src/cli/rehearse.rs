//! `--rehearse`: the plan on a copy of this host first.

use std::io::Write;

use super::exit::Failure;
use super::persist::Lasting;
use crate::bridge::{self, Snapshot, Survey, Wanted};
use crate::deadline::Deadline;
use crate::netlink::Socket;
use crate::printable;
use crate::rehearsal::{Act, Ending, Outage, Rehearsal, rehearse};

/// How many of the steps that took longest are shown.
const SLOWEST: usize = 3;

/// How many lines of a kind are shown.
const LINES: usize = 12;

/// Rehearses the plan of a survey; nothing where it is refused anyway, or there is nothing to do.
///
/// # Errors
/// When there can be no copy of this host.
pub fn survey(
    wanted: &Wanted,
    snapshot: &Snapshot,
    survey: &Survey,
    lasting: Option<&Lasting>,
) -> Result<Option<Rehearsal>, Failure> {
    let Some(plan) = survey.plan.as_ref().filter(|plan| survey.refusals.is_empty() && !plan.is_empty()) else {
        return Ok(None);
    };
    let rehearsal = rehearse(wanted, snapshot, plan, Deadline::after(super::DEADLINE));
    let mut rehearsal = rehearsal.map_err(|error| {
        Failure::unchanged(format!("cannot rehearse: {error}; nothing was changed")).hint("do without --rehearse")
    })?;
    if let Some(lasting) = lasting.filter(|lasting| lasting.is_owners_work()) {
        let owner = lasting.persistence.owner;
        rehearsal
            .not_rehearsed
            .insert(0, format!("the takeover by {owner} itself, which has the kernel do the same its own way"));
    }
    Ok(Some(rehearsal))
}

/// Rehearses what `up` is about to do, and tells of it where people read.
///
/// # Errors
/// When the rehearsal says that it would go wrong, or there can be none.
pub fn before(wanted: &Wanted, lasting: Option<&Lasting>) -> Result<(), Failure> {
    super::capability::require_for_rehearsal()?;
    let unread = |error: crate::netlink::Error| Failure::unchanged(error.to_string());
    let mut socket = Socket::open().map_err(unread)?;
    let snapshot = Snapshot::take(&mut socket).map_err(unread)?;
    let found = bridge::survey_of(&snapshot, wanted)?;
    let Some(rehearsal) = survey(wanted, &snapshot, &found, lasting)? else { return Ok(()) };
    let _ = write!(std::io::stderr(), "{}", printable::lines(&in_words(&rehearsal)));
    verdict(&rehearsal)
}

/// Whether the rehearsal is a reason not to begin.
///
/// # Errors
/// When it is.
pub fn verdict(rehearsal: &Rehearsal) -> Result<(), Failure> {
    if rehearsal.is_good() {
        return Ok(());
    }
    let undo = rehearsal.undo.as_ref().and_then(|undo| undo.error.as_ref());
    let cause = match (&rehearsal.takeover.error, undo) {
        (Some(error), _) => format!("in the rehearsal the takeover failed: {error}"),
        (None, Some(error)) => format!("in the rehearsal the way back failed: {error}"),
        (None, None) => "in the rehearsal the host was not afterwards as predicted".into(),
    };
    Err(Failure::unchanged(format!("{cause}; nothing was changed")).hint("what the rehearsal has shown stands above"))
}

/// The rehearsal for people.
pub fn in_words(rehearsal: &Rehearsal) -> String {
    let mut text = String::new();
    say!(text, "rehearsal, on a copy of this host, in {}:", ms(rehearsal.microseconds));
    add_act(&mut text, "takeover", "not as predicted", &rehearsal.takeover);
    if let Some(undo) = &rehearsal.undo {
        add_act(&mut text, "undo", "not as before", undo);
    }
    let refused = rehearsal.steps.iter().filter_map(|step| Some((&step.step, step.error.as_ref()?)));
    refused.for_each(|(step, error)| say!(text, "  refused by the kernel: {step}: {error}"));
    let mut steps: Vec<_> = rehearsal.steps.iter().collect();
    steps.sort_by_key(|step| std::cmp::Reverse(step.microseconds));
    let slowest = steps.iter().take(SLOWEST).map(|step| format!("{} ({})", step.step, ms(step.microseconds)));
    say!(text, "  of {} steps the longest: {}", steps.len(), slowest.collect::<Vec<_>>().join(", "));
    say!(text, "not rehearsed:");
    add_lines(&mut text, "", &rehearsal.not_rehearsed);
    text
}

fn add_act(text: &mut String, title: &str, difference: &str, act: &Act) {
    let phases: Vec<String> = act.microseconds.iter().map(|(phase, time)| format!("{phase} {}", ms(*time))).collect();
    let total = act.microseconds.iter().map(|(_, time)| time).sum();
    match (act.ending, &act.error) {
        (Ending::Done, _) => say!(text, "  {title}: done in {} ({})", ms(total), phases.join(", ")),
        (Ending::RolledBack, Some(error)) => say!(text, "  {title}: failed and went back: {error}"),
        (_, error) => say!(text, "  {title}: failed: {}", error.as_deref().unwrap_or("no reason was given")),
    }
    if let Some(outage) = act.outage {
        let Outage { sent, lost, microseconds } = outage;
        say!(text, "  outage: at most {}: of {sent} probes {lost} were lost", ms(microseconds));
    }
    add_lines(text, "warning: ", &act.warnings);
    add_lines(text, &format!("{difference}: "), &act.differences);
}

/// What is told of one thing is told of a thousand like it.
fn add_lines(text: &mut String, title: &str, lines: &[String]) {
    let (shown, rest) = lines.split_at(lines.len().min(LINES));
    shown.iter().for_each(|line| say!(text, "  {title}{line}"));
    if !rest.is_empty() {
        say!(text, "  {title}and {} more, which --json shows", rest.len());
    }
}

fn ms(microseconds: u64) -> String {
    format!("{}.{:03} ms", microseconds / 1000, microseconds % 1000)
}
