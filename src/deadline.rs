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

    /// The time left; zero when the deadline has passed.
    pub fn remaining(&self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether the deadline has passed.
    pub fn has_passed(&self) -> bool {
        self.remaining().is_zero()
    }

    /// The earlier of this deadline and `duration` from now.
    pub fn at_most(self, duration: Duration) -> Self {
        Deadline(self.0.min(Instant::now() + duration))
    }
}
