//! The moment by which a program of ours must have ended.

use std::time::{Duration, Instant};

/// A point in time that every wait of a run is measured against.
///
/// libvirt waits for a hook without limit (virhook.c uses `virCommandRun`), so each wait needs an end of its own.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline that passes `duration` from now.
    pub fn after(duration: Duration) -> Self {
        Deadline(Instant::now() + duration)
    }

    /// The deadline that passes `duration` after `begun`.
    pub fn since(begun: Instant, duration: Duration) -> Self {
        Deadline(begun + duration)
    }

    /// The time left; zero when the deadline has passed.
    pub fn remaining(&self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether the deadline has passed.
    pub fn has_passed(&self) -> bool {
        self.remaining().is_zero()
    }

    /// The deadline that passes `duration` before this one, so that as much is left for what must follow.
    pub fn less(self, duration: Duration) -> Self {
        Deadline(self.0.checked_sub(duration).unwrap_or(self.0))
    }

    /// The earlier of this deadline and `duration` from now.
    pub fn at_most(self, duration: Duration) -> Self {
        Deadline(self.0.min(Instant::now() + duration))
    }
}
