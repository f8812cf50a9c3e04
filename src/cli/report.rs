//! What `up` and `undo` say when they are done.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::json;

use super::plain;
use crate::bridge::{Outcome, Plan, Report, Snapshot};
use crate::check::{emptied, since_boot, told_lost};
use crate::netlink::Socket;
use crate::printable::{self, Printable};

/// Prints what was done, or `nothing` where there was nothing to do.
///
/// What was done stays done where nobody reads of it: that the output cannot be written is no failure.
pub fn print(bridge: &str, outcome: &Outcome, nothing: &str, as_json: bool) {
    let warnings = match outcome {
        Outcome::Done { report, .. } => report.warnings.clone(),
        Outcome::AlreadyRight { .. } => lost_by(bridge),
    };
    let written = if as_json {
        super::write_json(&in_json(bridge, outcome, &warnings))
    } else {
        io::stdout().write_all(plain::for_stdout(&in_words(bridge, outcome, nothing)).as_bytes())
    };
    let mut stderr = io::stderr();
    if let Err(error) = written {
        let _ = writeln!(stderr, "warning: cannot write to stdout: {error}");
    }
    if !as_json {
        warnings.iter().for_each(|warning| drop(writeln!(stderr, "warning: {}", Printable(warning))));
    }
}

/// What a bridge that is right lacks all the same: only [`super::heal`] gives it back. A host that cannot be looked at has
/// been told of before.
fn lost_by(bridge: &str) -> Vec<String> {
    let Ok(snapshot) = Socket::open().and_then(|mut socket| Snapshot::take(&mut socket)) else { return Vec::new() };
    emptied(&snapshot, &since_boot())
        .filter(|(receipt, _)| receipt.bridge.name == bridge)
        .map(|(receipt, lost)| format!("{}; to give it back: virt-bridge heal", told_lost(receipt, &lost)))
        .collect()
}

fn in_words(bridge: &str, outcome: &Outcome, nothing: &str) -> String {
    match outcome {
        Outcome::AlreadyRight { recovered: None } => format!("{bridge}: {nothing}\n"),
        Outcome::AlreadyRight { recovered: Some(what) } => format!("{what}\n"),
        Outcome::Done { plan, report, recovered } => {
            let recovered = recovered.iter().map(|what| format!("{what}\n"));
            let told: String = recovered.chain([report.told_of(plan), "\n".into(), outage(plan, report)]).collect();
            printable::lines(&told)
        }
    }
}

/// The one system call that switches: before it the old end answers, and behind it the new one.
fn longest_outage(plan: &Plan, report: &Report) -> Option<Duration> {
    plan.uplink.as_ref()?;
    report.phases.iter().find(|(phase, _)| *phase == "switch").map(|(_, time)| *time)
}

fn outage(plan: &Plan, report: &Report) -> String {
    longest_outage(plan, report).map(|outage| format!("outage: at most {outage:.1?}\n")).unwrap_or_default()
}

fn in_json(bridge: &str, outcome: &Outcome, warnings: &[String]) -> serde_json::Value {
    let (plan, report, recovered) = match outcome {
        Outcome::Done { plan, report, recovered } => (plan, report, recovered),
        Outcome::AlreadyRight { recovered } => {
            return json!({
                "bridge": bridge, "changed": recovered.is_some(), "recovered": recovered, "warnings": warnings,
            });
        }
    };
    let phases: serde_json::Map<_, _> =
        report.phases.iter().map(|(phase, time)| ((*phase).to_owned(), json!(time.as_micros() as u64))).collect();
    json!({
        "bridge": bridge,
        "changed": true,
        "recovered": recovered,
        "plan": plan,
        "microseconds": phases,
        "outage_microseconds": longest_outage(plan, report).map(|outage| outage.as_micros() as u64),
        "warnings": warnings,
    })
}
