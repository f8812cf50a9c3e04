//! When an interface is left alone: what somebody sets back twice within an hour is meant to be so.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use uuid::Uuid;

/// How long a change is remembered.
const MEMORY: Duration = Duration::from_secs(3600);

/// One interface of a domain, in its definition or as it runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The domain.
    pub domain: Uuid,
    /// Which of its interfaces.
    pub interface: String,
    /// The run of the domain that it belongs to, by libvirt's number; none: the definition's. A domain that starts again
    /// has set nothing back.
    pub run: Option<u32>,
}

/// What to do with an interface that a rule would change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may be changed.
    Change,
    /// It was set back for the second time: say so, and leave it alone from now on.
    GiveUp,
    /// That has been said.
    LeaveAlone,
}

#[derive(Default)]
struct History {
    /// When it was changed; at most two.
    changes: Vec<Instant>,
    given_up: bool,
}

/// The changes of the last hour, and the interfaces that are left alone.
#[derive(Default)]
pub struct Reversals(BTreeMap<Place, History>);

impl Reversals {
    /// What to do with `place`, which is to be changed `now`. A change that was made before and is to be made again was
    /// set back.
    pub fn judge(&mut self, place: &Place, now: Instant) -> Verdict {
        let Some(history) = self.0.get_mut(place) else { return Verdict::Change };
        if history.given_up {
            return Verdict::LeaveAlone;
        }
        history.changes.retain(|change| now.duration_since(*change) < MEMORY);
        if history.changes.len() < 2 {
            return Verdict::Change;
        }
        history.given_up = true;
        Verdict::GiveUp
    }

    /// `place` was changed.
    pub fn changed(&mut self, place: Place, now: Instant) {
        self.0.entry(place).or_default().changes.push(now);
    }

    /// Forgets all but the domains that `exists` says are there, and changes of more than an hour ago.
    pub fn tidy(&mut self, now: Instant, exists: impl Fn(&Uuid) -> bool) {
        self.0.retain(|place, history| {
            let recent = history.changes.last().is_some_and(|change| now.duration_since(*change) < MEMORY);
            exists(&place.domain) && (history.given_up || recent)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(domain: u128) -> Place {
        Place { domain: Uuid::from_u128(domain), interface: "52:54:00:00:00:01".into(), run: None }
    }

    /// What is done with an interface that a rule wants to change at each of these seconds.
    fn verdicts(seconds: &[u64]) -> Vec<Verdict> {
        let begun = Instant::now();
        let mut reversals = Reversals::default();
        let judged = seconds.iter().map(|second| {
            let now = begun + Duration::from_secs(*second);
            let verdict = reversals.judge(&place(1), now);
            if verdict == Verdict::Change {
                reversals.changed(place(1), now);
            }
            reversals.tidy(now, |_| true);
            verdict
        });
        judged.collect()
    }

    #[test]
    fn the_second_reversal_within_an_hour_is_the_last() {
        use Verdict::{Change, GiveUp, LeaveAlone};
        assert_eq!(verdicts(&[0, 10, 20, 30, 9000]), [Change, Change, GiveUp, LeaveAlone, LeaveAlone]);
    }

    #[test]
    fn one_reversal_an_hour_is_none_too_many() {
        assert_eq!(verdicts(&[0, 3000, 6500, 10000]), [Verdict::Change; 4]);
    }

    #[test]
    fn what_is_gone_or_long_ago_takes_no_memory() {
        let begun = Instant::now();
        let mut reversals = Reversals::default();
        (0..200).for_each(|domain| reversals.changed(place(domain), begun));
        reversals.tidy(begun, |domain| domain.as_u128() < 100);
        assert_eq!(reversals.0.len(), 100);
        reversals.tidy(begun + MEMORY, |_| true);
        assert!(reversals.0.is_empty());
    }
}
