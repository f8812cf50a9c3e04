//! What was done, for people and for the receipt.

use std::time::{Duration, Instant};

use super::plan::Plan;

/// What was done, and how long it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Duration of each phase.
    pub phases: Vec<(&'static str, Duration)>,
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

    /// What the plan has done, and how long it took, in one line.
    pub fn told_of(&self, plan: &Plan) -> String {
        let moved = &plan.moved;
        let what = match (plan.old_end(), plan.new_end()) {
            (Some(old), Some(new)) => format!(
                "{} has taken over {} addresses, {} routes and {} neighbours of {}",
                new.name,
                moved.addresses.len(),
                moved.prefix_routes.len() + moved.routes.len(),
                moved.neighbours.len(),
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

    pub(super) fn microseconds(&self) -> Vec<(String, u64)> {
        self.phases.iter().map(|(phase, time)| ((*phase).to_owned(), time.as_micros() as u64)).collect()
    }
}
