//! The two clocks of a measurement: one to sleep by, one that the kernel stamps packets with.

use std::{io, time::Duration};

use nix::{
    sys::time::TimeSpec,
    time::{ClockId, ClockNanosleepFlags, clock_gettime, clock_nanosleep},
};

use crate::processor;

/// Nanoseconds of CLOCK_REALTIME, the clock of SO_TIMESTAMPNS.
pub fn wall_ns() -> u64 {
    now_ns(ClockId::CLOCK_REALTIME)
}

pub fn nanoseconds(time: TimeSpec) -> u64 {
    time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64
}

fn now_ns(clock: ClockId) -> u64 {
    clock_gettime(clock).map(nanoseconds).expect("the kernel has CLOCK_REALTIME and CLOCK_MONOTONIC")
}

/// Wakes its thread at multiples of an interval, and keeps account of how well the machine let it.
pub struct Ticker {
    interval_ns: u64,
    next_ns: u64,
    last_ns: u64,
    pauses: Pauses,
}

/// When the prober itself was not running, and so could see nothing.
#[derive(Clone, Copy, Default)]
pub struct Pauses {
    /// Ticks that passed while the thread had no processor; nothing was sent for them.
    pub skipped: u64,
    pub longest_ns: u64,
}

impl Ticker {
    /// A ticker for the calling thread, whose timer slack (50 µs by default) it takes away.
    pub fn every(interval: Duration) -> io::Result<Self> {
        nix::sys::prctl::set_timerslack(1)?;
        processor::take()?;
        let now = now_ns(ClockId::CLOCK_MONOTONIC);
        let interval_ns = interval.as_nanos() as u64;
        Ok(Ticker { interval_ns, next_ns: now + interval_ns, last_ns: now, pauses: Pauses::default() })
    }

    /// Sleeps until the next tick.
    ///
    /// Missed ticks are skipped, not made up for: a burst afterwards would pretend to have watched the time before it.
    pub fn wait(&mut self) {
        let wake = TimeSpec::new((self.next_ns / 1_000_000_000) as i64, (self.next_ns % 1_000_000_000) as i64);
        while clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::TIMER_ABSTIME, &wake).is_err() {}
        let now = now_ns(ClockId::CLOCK_MONOTONIC);
        let missed = (now - self.next_ns) / self.interval_ns;
        self.pauses.skipped += missed;
        self.pauses.longest_ns = self.pauses.longest_ns.max(now - self.last_ns);
        self.next_ns += (missed + 1) * self.interval_ns;
        self.last_ns = now;
    }

    pub fn pauses(&self) -> Pauses {
        self.pauses
    }
}
