//! What was done, for people and for the receipt.

use std::time::{Duration, Instant};

use super::plan::Plan;
use super::receipt::{Call, Receipt};

/// What was done, and how long it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Duration of each phase.
    pub phases: Vec<(&'static str, Duration)>,
    /// How many steps the kernel was given in each call, in the plan's order, and how long it took.
    pub calls: Vec<(usize, Duration)>,
    /// What is not as it should be, though the host works.
    pub warnings: Vec<String>,
}

impl Report {
    pub(super) fn time<T>(&mut self, phase: &'static str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.phases.push((phase, start.elapsed()));
        result
    }

    /// Notes that the last phase was a single call, of so many steps.
    pub(super) fn was_one_call(&mut self, steps: usize) {
        self.calls.extend(self.phases.last().map(|(_, time)| (steps, *time)));
    }

    /// What the plan has done, and how long it took, in one line.
    pub fn told_of(&self, plan: &Plan) -> String {
        let moved = &plan.moved;
        let what = match (plan.old_end(), plan.new_end()) {
            (Some(old), Some(new)) => format!(
                "{} has taken over {}, {} and {} of {}",
                new.name,
                counted(moved.addresses.len(), "address", "addresses"),
                counted(moved.prefix_routes.len() + moved.routes.len(), "route", "routes"),
                counted(moved.neighbours.len(), "neighbour", "neighbours"),
                old.name
            ),
            (None, Some(new)) => format!("{} is there, without an uplink", new.name),
            (Some(old), None) => format!("{} is gone", old.name),
            (None, None) => format!("{} is done", plan.bridge.name),
        };
        let phases = self.phases.iter().map(|(phase, time)| format!("{phase} {time:.1?}"));
        let total: Duration = self.phases.iter().map(|(_, time)| *time).sum();
        format!("{what} in {total:.1?} ({})", phases.collect::<Vec<_>>().join(", "))
    }

    /// Writes into the receipt how long each phase and each call took.
    pub(super) fn time_into(&self, receipt: &mut Receipt) {
        let microseconds = |time: &Duration| time.as_micros() as u64;
        let phases = self.phases.iter().map(|(phase, time)| ((*phase).to_owned(), microseconds(time)));
        receipt.microseconds = phases.collect();
        let call = |(steps, time): &(usize, Duration)| Call { steps: *steps, microseconds: microseconds(time) };
        receipt.calls = self.calls.iter().map(call).collect();
    }
}

/// `1 route`, `2 routes`.
pub fn counted(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}
