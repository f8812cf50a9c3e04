//! For how long a host could not be reached, from probes that were sent all the while.

use std::time::Duration;

use serde::Serialize;

/// One probe, in nanoseconds of one clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// When it was sent.
    pub sent: u64,
    /// When it arrived, if it did.
    pub arrived: Option<u64>,
}

/// What became of the probes of all directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outage {
    /// How many were sent.
    pub sent: usize,
    /// How many did not arrive.
    pub lost: usize,
    /// The longest time that one direction did not get through, in microseconds: from the last probe before lost ones that
    /// arrived to the first behind them, or the way of one that was late.
    pub microseconds: u64,
}

impl Outage {
    /// The outage of one direction, whose probes are in the order in which they were sent.
    pub fn of(probes: &[Probe]) -> Self {
        let mut longest = 0;
        let mut last_good = probes.first().map_or(0, |probe| probe.sent);
        for (place, probe) in probes.iter().enumerate() {
            let is_end = place + 1 == probes.len();
            match probe.arrived {
                Some(arrived) => {
                    let was_lost = place > 0 && probes[place - 1].arrived.is_none();
                    let silent = if was_lost { probe.sent.saturating_sub(last_good) } else { 0 };
                    longest = longest.max(silent).max(arrived.saturating_sub(probe.sent));
                    last_good = probe.sent;
                }
                None if is_end => longest = longest.max(probe.sent.saturating_sub(last_good)),
                None => {}
            }
        }
        let lost = probes.iter().filter(|probe| probe.arrived.is_none()).count();
        let microseconds = Duration::from_nanos(longest).as_micros() as u64;
        Outage { sent: probes.len(), lost, microseconds }
    }

    /// The outage of several directions as one.
    pub fn and(self, other: Self) -> Self {
        Outage {
            sent: self.sent + other.sent,
            lost: self.lost + other.lost,
            microseconds: self.microseconds.max(other.microseconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Probes every 100 µs; those that arrive do so after as many microseconds.
    fn probes(arrivals: &[Option<u64>]) -> Vec<Probe> {
        let sent = (0..).map(|number| number * 100_000);
        sent.zip(arrivals)
            .map(|(sent, after)| Probe { sent, arrived: after.map(|after| sent + after * 1000) })
            .collect()
    }

    #[test]
    fn the_longest_silence_counts_be_it_of_lost_probes_or_of_a_late_one() {
        let late = Some(950);
        let cases: [(&[Option<u64>], usize, u64); 7] = [
            (&[], 0, 0),
            (&[Some(5), Some(7), Some(6)], 0, 7),
            (&[Some(5), late, Some(6)], 0, 950),
            (&[Some(5), None, None, Some(6)], 2, 300),
            (&[Some(5), None, None], 2, 200),
            (&[None, None, Some(5)], 2, 200),
            (&[None], 1, 0),
        ];
        for (arrivals, lost, microseconds) in cases {
            let outage = Outage::of(&probes(arrivals));
            assert_eq!(
                (outage.sent, outage.lost, outage.microseconds),
                (arrivals.len(), lost, microseconds),
                "{arrivals:?}"
            );
        }
    }

    #[test]
    fn of_several_directions_the_worst_counts() {
        let good = Outage::of(&probes(&[Some(5), Some(7)]));
        let bad = Outage::of(&probes(&[Some(5), None, Some(7)]));
        assert_eq!(good.and(bad), Outage { sent: 5, lost: 1, microseconds: 200 });
    }
}
