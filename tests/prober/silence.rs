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

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(numbers: &[u64]) -> Vec<Arrival> {
        numbers.iter().map(|&number| Arrival { number, sent_ns: 1_000, received_ns: 3_500 }).collect()
    }

    #[test]
    fn numbers_that_never_arrive_are_lost_also_at_the_end() {
        let losses = losses(10, &arrivals(&[0, 1, 3, 6]));
        assert_eq!((losses.received, losses.lost, losses.longest_gap), (4, 6, 3));
    }

    #[test]
    fn a_stream_that_delivers_nothing_is_one_gap() {
        let losses = losses(7, &[]);
        assert_eq!((losses.lost, losses.longest_gap), (7, 7));
    }

    #[test]
    fn late_and_repeated_numbers_are_told_apart_and_are_no_loss() {
        let losses = losses(4, &arrivals(&[0, 2, 1, 2, 3]));
        assert_eq!((losses.lost, losses.reordered, losses.duplicates), (0, 1, 1));
        assert_eq!(losses.longest_delay_us, 2.5);
    }

    #[test]
    fn silence_counts_from_the_command_and_reaches_to_the_ends_of_the_watch() {
        let watch = Watch { begin_ns: 1_000_000, command_ns: 3_000_000, end_ns: 9_000_000 };
        let died = silence(watch, [2_000_000, 4_000_000].into_iter());
        assert_eq!((died.longest_us, died.began_ms), (5_000.0, 1.0));
        let late = silence(watch, [8_000_000, 20_000_000].into_iter());
        assert_eq!((late.longest_us, late.began_ms), (7_000.0, -2.0));
    }
}
