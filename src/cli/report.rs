//! What `up` and `undo` say when they are done.

use serde_json::json;

use super::exit::Failure;
use crate::bridge::Outcome;

/// Prints what was done, or `nothing` where there was nothing to do.
pub fn print(bridge: &str, outcome: &Outcome, nothing: &str, as_json: bool) -> Result<(), Failure> {
    let Outcome::Done { plan, report, recovered } = outcome else {
        if as_json {
            return super::print_json(&json!({ "bridge": bridge, "changed": false }));
        }
        println!("{bridge}: {nothing}");
        return Ok(());
    };
    if as_json {
        let phases: serde_json::Map<_, _> =
            report.phases.iter().map(|(phase, time)| ((*phase).to_owned(), json!(time.as_micros() as u64))).collect();
        return super::print_json(&json!({
            "bridge": bridge,
            "changed": true,
            "recovered": recovered,
            "plan": plan,
            "microseconds": phases,
            "warnings": report.warnings,
        }));
    }
    recovered.iter().for_each(|what| println!("{what}"));
    println!("{}", report.told_of(plan));
    report.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
    Ok(())
}
