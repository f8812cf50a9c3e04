//! What `up` and `undo` say when they are done.

use std::io::{self, Write};

use serde_json::json;

use crate::bridge::Outcome;

/// Prints what was done, or `nothing` where there was nothing to do.
///
/// What was done stays done where nobody reads of it: that the output cannot be written is no failure.
pub fn print(bridge: &str, outcome: &Outcome, nothing: &str, as_json: bool) {
    let written = if as_json {
        super::write_json(&in_json(bridge, outcome))
    } else {
        io::stdout().write_all(in_words(bridge, outcome, nothing).as_bytes())
    };
    let mut stderr = io::stderr();
    if let Err(error) = written {
        let _ = writeln!(stderr, "warning: cannot write to stdout: {error}");
    }
    if let (Outcome::Done { report, .. }, false) = (outcome, as_json) {
        report.warnings.iter().for_each(|warning| drop(writeln!(stderr, "warning: {warning}")));
    }
}

fn in_words(bridge: &str, outcome: &Outcome, nothing: &str) -> String {
    match outcome {
        Outcome::AlreadyRight { recovered: None } => format!("{bridge}: {nothing}\n"),
        Outcome::AlreadyRight { recovered: Some(what) } => format!("{what}\n"),
        Outcome::Done { plan, report, recovered } => {
            let recovered = recovered.iter().map(|what| format!("{what}\n"));
            recovered.chain([report.told_of(plan), "\n".into()]).collect()
        }
    }
}

fn in_json(bridge: &str, outcome: &Outcome) -> serde_json::Value {
    let (plan, report, recovered) = match outcome {
        Outcome::Done { plan, report, recovered } => (plan, report, recovered),
        Outcome::AlreadyRight { recovered } => {
            return json!({ "bridge": bridge, "changed": recovered.is_some(), "recovered": recovered });
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
        "warnings": report.warnings,
    })
}
