//! What is to be done next, as the other threads tell it.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use uuid::Uuid;

/// What has happened since it was last asked. A domain stands here once, however often it was defined meanwhile, so
/// this is never larger than libvirt's own list of domains.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Items {
    /// Domains that were defined or started.
    pub changed: BTreeSet<Uuid>,
    /// Domains that are no longer defined.
    pub gone: BTreeSet<Uuid>,
    /// The connection to libvirt is lost.
    pub disconnected: bool,
    /// The configuration is to be read again.
    pub reload: bool,
    /// The program is to end.
    pub stop: bool,
}

/// Where the threads that hear of something leave it for the one that acts.
#[derive(Default)]
pub struct Agenda {
    items: Mutex<Items>,
    added: Condvar,
}

impl Agenda {
    /// Adds what `add` adds, and wakes the thread that waits.
    pub fn add(&self, add: impl FnOnce(&mut Items)) {
        add(&mut self.items());
        self.added.notify_one();
    }

    /// Takes all there is; waits for something until `end` where there is nothing.
    pub fn take(&self, end: Instant) -> Items {
        let mut items = self.items();
        loop {
            let patience = end.saturating_duration_since(Instant::now());
            if *items != Items::default() || patience.is_zero() {
                return std::mem::take(&mut items);
            }
            items = self.added.wait_timeout(items, patience).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether the program is to end; it stays on the agenda.
    pub fn is_stopping(&self) -> bool {
        self.items().stop
    }

    /// A thread that panicked ends the program, so what it left behind is never half done.
    fn items(&self) -> MutexGuard<'_, Items> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Items {
    /// A domain was defined or started.
    pub fn changed(&mut self, domain: Uuid) {
        self.gone.remove(&domain);
        self.changed.insert(domain);
    }

    /// A domain is no longer defined.
    pub fn gone(&mut self, domain: Uuid) {
        self.changed.remove(&domain);
        self.gone.insert(domain);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_domain_defined_many_times_is_one_item() {
        let agenda = Agenda::default();
        (0..1000).for_each(|_| agenda.add(|items| items.changed(Uuid::from_u128(7))));
        let items = agenda.take(Instant::now());
        assert_eq!(items.changed.len(), 1);
        assert_eq!(agenda.take(Instant::now()), Items::default());
    }

    #[test]
    fn the_last_word_on_a_domain_counts() {
        let mut items = Items::default();
        items.changed(Uuid::from_u128(1));
        items.gone(Uuid::from_u128(1));
        assert!(items.changed.is_empty() && items.gone.len() == 1);
        items.changed(Uuid::from_u128(1));
        assert!(items.changed.len() == 1 && items.gone.is_empty());
    }

    #[test]
    fn what_is_added_wakes_the_one_who_waits() {
        let agenda = Agenda::default();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(20));
                agenda.add(|items| items.stop = true);
            });
            assert!(agenda.take(Instant::now() + Duration::from_secs(60)).stop);
        });
    }
}
