//! How many faults were put in, and where they left the host.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use crate::injection::Outcome;
use crate::state::Place;
use crate::strace::{Fault, Injection};

const PLACES: [(Place, &str); 5] = [
    (Place::Alone, "alone"),
    (Place::BesideBareBridge, "bare bridge"),
    (Place::BothByBridge, "both, bridge"),
    (Place::BothByUplink, "both, uplink"),
    (Place::Bridged, "bridged"),
];

#[derive(Default)]
struct Row {
    runs: usize,
    unreached: usize,
    stranded: usize,
    failed: usize,
    places: BTreeMap<Place, usize>,
}

/// The runs so far.
#[derive(Default)]
pub struct Tally {
    rows: BTreeMap<Fault, Row>,
    failures: Vec<String>,
    longest: (Duration, String),
}

impl Tally {
    /// Notes how one run went.
    pub fn count(&mut self, injection: Injection, outcome: Outcome) {
        let row = self.rows.entry(injection.fault).or_default();
        let words = injection.to_string();
        row.runs += 1;
        match outcome {
            Ok(Some(landing)) => {
                *row.places.entry(landing.place).or_default() += 1;
                row.stranded += usize::from(landing.stranded);
                if landing.duration > self.longest.0 {
                    self.longest = (landing.duration, words);
                }
            }
            Ok(None) => row.unreached += 1,
            Err(failure) => {
                row.failed += 1;
                self.failures.push(failure);
            }
        }
    }

    /// Whether every run ended well.
    pub fn is_clean(&self) -> bool {
        self.failures.is_empty()
    }

    /// What went wrong, with the words that repeat it.
    pub fn failures(&self) -> String {
        format!("{} runs failed:\n\n{}", self.failures.len(), self.failures.join("\n\n"))
    }

    /// Prints the table past the test harness, which would keep it to itself.
    pub fn print(&self, what: &str) {
        let mut table = format!("\nFaults in {what}: where the host was afterwards\n{:14}{:>6}", "", "runs");
        PLACES.iter().for_each(|(_, name)| table += &format!("{name:>14}"));
        table += &format!("{:>12}{:>10}{:>8}\n", "not reached", "stranded", "wrong");
        let mut total = Row::default();
        for (fault, row) in &self.rows {
            table += &row.line(&fault.to_string());
            total.add(row);
        }
        table += &total.line("all");
        table += &format!(
            "After the next call of the hook: {} complete on the bridge; after an undo: as before; each time reached.\n\
             The longest run took {:.1} s: {}\n",
            total.runs - total.failed,
            self.longest.0.as_secs_f64(),
            self.longest.1
        );
        let _ = std::io::stderr().write_all(table.as_bytes());
    }
}

impl Row {
    fn add(&mut self, other: &Row) {
        self.runs += other.runs;
        self.unreached += other.unreached;
        self.stranded += other.stranded;
        self.failed += other.failed;
        for (place, count) in &other.places {
            *self.places.entry(*place).or_default() += count;
        }
    }

    fn line(&self, name: &str) -> String {
        let mut line = format!("{name:14}{:>6}", self.runs);
        for (place, _) in PLACES {
            line += &format!("{:>14}", self.places.get(&place).copied().unwrap_or_default());
        }
        line + &format!("{:>12}{:>10}{:>8}\n", self.unreached, self.stranded, self.failed)
    }
}
