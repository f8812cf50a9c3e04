//! What a list of arrivals says: lost, reordered, and the longest time in which nothing came.

use serde::Serialize;

/// A probe as its receiver saw it; times are CLOCK_REALTIME, the second one by the receiving kernel.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    pub number: u64,
    pub sent_ns: u64,
    pub received_ns: u64,
}

/// The stretch of time that was watched, and the moment the command under test was started in it.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    pub begin_ns: u64,
    pub command_ns: u64,
    pub end_ns: u64,
}

#[derive(Default, Serialize)]
pub struct Silence {
    pub longest_us: f64,
    /// When it began, counted from the start of the command.
    pub began_ms: f64,
}

#[derive(Default, Serialize)]
pub struct Losses {
    pub received: u64,
    pub lost: u64,
    /// The longest run of consecutive numbers that never arrived.
    pub longest_gap: u64,
    pub reordered: u64,
    pub duplicates: u64,
    pub longest_delay_us: f64,
}

/// Compares arrivals, in the order they came, with the numbers `0..sent`.
pub fn losses(sent: u64, arrivals: &[Arrival]) -> Losses {
    let mut seen = vec![false; sent as usize];
    let mut losses = Losses::default();
    let mut highest = 0;
    for arrival in arrivals.iter().filter(|arrival| arrival.number < sent) {
        let delay = arrival.received_ns.saturating_sub(arrival.sent_ns) as f64 / 1e3;
        losses.longest_delay_us = losses.longest_delay_us.max(delay);
        if std::mem::replace(&mut seen[arrival.number as usize], true) {
            losses.duplicates += 1;
            continue;
        }
        losses.received += 1;
        losses.reordered += u64::from(arrival.number < highest);
        highest = highest.max(arrival.number);
    }
    losses.lost = sent - losses.received;
    losses.longest_gap = seen.split(|&arrived| arrived).map(|gap| gap.len() as u64).max().unwrap_or(0);
    losses
}

/// The longest time between two events; the ends of the watch count as events, so a stream that dies is a silence too.
pub fn silence(watch: Watch, events_ns: impl Iterator<Item = u64>) -> Silence {
    let mut events: Vec<u64> = events_ns.filter(|event| (watch.begin_ns..=watch.end_ns).contains(event)).collect();
    events.extend([watch.begin_ns, watch.end_ns]);
    events.sort_unstable();
    let (longest, began) = events.windows(2).map(|pair| (pair[1] - pair[0], pair[0])).max().unwrap_or((0, 0));
    Silence { longest_us: longest as f64 / 1e3, began_ms: (began as f64 - watch.command_ns as f64) / 1e6 }
}
