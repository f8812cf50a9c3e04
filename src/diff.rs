//! The difference of two texts.

use std::time::Duration;

use similar::{Algorithm, TextDiff};

/// Two very different long texts would take quadratic time; from then on the diff is right but not the shortest.
const SHORTEST_WITHIN: Duration = Duration::from_secs(2);

/// The difference, line by line.
pub fn of_lines<'a>(before: &'a str, after: &'a str) -> TextDiff<'a, 'a, 'a, str> {
    TextDiff::configure().algorithm(Algorithm::Myers).timeout(SHORTEST_WITHIN).diff_lines(before, after)
}

/// The difference as `diff -u` shows it, with three lines around each change; empty if there is none.
pub fn unified(names: [&str; 2], before: &str, after: &str) -> String {
    of_lines(before, after).unified_diff().context_radius(3).header(names[0], names[1]).to_string()
}
