//! A takeover with a safety net: everything goes back unless somebody confirms that the host can still be reached.

use std::io::{self, Write};
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};

use super::countdown::{Countdown, Event};
use super::exit::{Exit, Failure};
use super::persist::Lasting;
use super::{confirm, leases, report};
use crate::bridge::{self, Lock, Outcome, Records, Wanted};
use crate::confirmation::{self, Confirmation, Guardian, Promise, TakenBack, take_back};
use crate::deadline::Deadline;
use crate::owner;

/// How long the command waits before it tries again to take back what it could not; the guardian tries, too.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// How a takeover waits for its confirmation.
pub struct Waits {
    /// How long.
    pub allowed: Duration,
    /// Whether it does without this process.
    pub detached: bool,
    /// What is to be done then.
    pub promise: Option<Promise>,
}

/// Sees to an earlier takeover of the bridge that was never confirmed: what is overdue, because everybody who waited for it
/// was killed, is taken back; what still waits is in the way.
///
/// # Errors
/// When it still waits, or cannot be taken back.
pub fn settle_earlier(bridge: &str) -> Result<(), Failure> {
    let unread = |error| Failure::unchanged(format!("cannot read what waits for confirmation: {error}"));
    let Some(earlier) = Confirmation::of(bridge).map_err(unread)? else { return Ok(()) };
    if !earlier.is_due() {
        let left = earlier.remaining().as_secs();
        return Err(Failure::unchanged(format!("{bridge} waits for confirmation, {left} s more"))
            .hint(format!("keep it with virt-bridge confirm {bridge}, or go back with virt-bridge undo {bridge}")));
    }
    if take_back(bridge, Confirmation::is_due)?.is_some() {
        super::warn(&format!("an earlier takeover by {bridge} was not confirmed in time, and was taken back"));
    }
    Ok(())
}

/// Takes over, and waits for the confirmation, or leaves that to the guardian.
///
/// # Errors
/// When the takeover fails, or was taken back.
pub fn run(wanted: &Wanted, lasting: Option<&Lasting>, waits: &Waits, as_json: bool) -> Result<(), Failure> {
    let bridge = wanted.bridge.as_str();
    let net = Net::spread(bridge, super::DEADLINE, waits)?;
    let clients = leases::begin(bridge, lasting).or_else(|failure| disarm(bridge).and(Err(failure)))?;
    let outcome = match bridge::ensure(wanted, Deadline::after(super::DEADLINE)) {
        Ok(outcome) => outcome,
        // What is neither the old state nor the new one the guardian takes back when this process ends.
        Err(error @ bridge::Error::Stranded { .. }) => return Err(error.into()),
        Err(error) => {
            disarm(bridge)?;
            return Err(error.into());
        }
    };
    if matches!(outcome, Outcome::AlreadyRight { .. }) {
        disarm(bridge)?;
        report::print(bridge, &outcome, "nothing to do", as_json);
        return leases::to_bridge(clients).map_err(leases::attention);
    }
    report::print(bridge, &outcome, "nothing to do", as_json);
    if let Err(cause) = leases::to_bridge(clients).and_then(|()| given_until_boot(bridge, lasting)) {
        // Where this fails, the guardian tries again when this process has ended.
        go_back(bridge, |_| true);
        return Err(Failure::new(Exit::RolledBack, format!("{cause}; the host is as it was before")));
    }
    let lock = Lock::take(Deadline::after(super::DEADLINE))?;
    let waiting = Confirmation::begin_waiting(&lock, bridge);
    drop(lock);
    if let Err(error) = waiting {
        super::warn(&format!("cannot note in {} that the time to confirm begins: {error}", bridge::DIRECTORY));
    }
    net.wait(|| confirmation::is_taken_over(bridge))
}

/// A lease that the running owner renews goes to the bridge at once, too.
fn given_until_boot(bridge: &str, lasting: Option<&Lasting>) -> Result<(), String> {
    let Some(lasting) = lasting else { return Ok(()) };
    if lasting.persistence.until_boot.is_empty() {
        return Ok(());
    }
    let warnings = owner::give_until_boot(&lasting.persistence, bridge)?;
    warnings.iter().for_each(|warning| super::warn(warning));
    bridge::take_stand_ins_away(bridge, Records::of(bridge).receipt().ok().flatten().as_ref())
}

/// What stands by while a takeover is carried out and waits for its confirmation.
pub struct Net {
    bridge: String,
    allowed: Duration,
    detached: bool,
    guardian: Guardian,
    signals: SigSet,
}

impl Net {
    /// Makes it ready for a takeover that may take so long, before anything is changed.
    ///
    /// # Errors
    /// When somebody who would go back is not there; then nothing may be done.
    pub fn spread(bridge: &str, takeover: Duration, waits: &Waits) -> Result<Self, Failure> {
        // From here on Ctrl-C means to go back; it is read when the takeover is done.
        let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM]);
        signals
            .thread_block()
            .map_err(|errno| Failure::unchanged(format!("cannot hold back signals: {}", errno.desc())))?;
        let guardian = arm(bridge, takeover, waits)?;
        let (allowed, detached) = (waits.allowed, waits.detached);
        Ok(Net { bridge: bridge.to_owned(), allowed, detached, guardian, signals })
    }

    /// Takes it away where there is nothing to take back.
    ///
    /// # Errors
    /// When it stays.
    pub fn call_off(self) -> Result<(), Failure> {
        disarm(&self.bridge)
    }

    /// Waits for the confirmation, or leaves that to the guardian; whether it came, it knows by whether the takeover
    /// `stands` then.
    ///
    /// # Errors
    /// When the takeover was taken back.
    pub fn wait(self, stands: impl Fn() -> bool) -> Result<(), Failure> {
        if self.detached {
            let (bridge, allowed) = (&self.bridge, self.allowed);
            say(&format!("{bridge} goes back in {allowed:?} unless you say: virt-bridge confirm {bridge}"));
            return Ok(());
        }
        wait(&self.bridge, self.allowed, self.guardian, self.signals)?;
        ended(&self.bridge, stands())
    }
}

/// Everything that is needed to go back.
fn arm(bridge: &str, takeover: Duration, waits: &Waits) -> Result<Guardian, Failure> {
    let cannot =
        |what: &str, error: io::Error| Failure::unchanged(format!("cannot {what}: {error}; nothing was changed"));
    let lock = Lock::take(Deadline::after(super::DEADLINE))?;
    if Confirmation::of(bridge).ok().flatten().is_some() {
        drop(lock);
        return Err(Failure::unchanged(format!(
            "another takeover by {bridge} has just begun and waits for confirmation"
        )));
    }
    let mut confirmation = Confirmation::begin(&lock, bridge, takeover, waits.allowed)
        .map_err(|error| cannot("write down that a confirmation is waited for", error))?;
    let guardian = Guardian::start(bridge).map_err(|error| cannot("start the guardian that would go back", error));
    // Behind the guardian, who takes it away again where this process ends.
    let promised = guardian.and_then(|guardian| {
        let given = waits.promise.as_ref().map_or(Ok(()), |promise| promise.give(&lock));
        given.map(|()| guardian).map_err(|error| cannot("write down what is to be done at the confirmation", error))
    });
    let guardian = promised.inspect_err(|_| drop(Confirmation::call_off(&lock, bridge)))?;
    if let Err(error) = confirmation.arm_timer(&lock) {
        super::warn(&format!("no systemd timer stands by: {error}"));
    }
    Ok(guardian)
}

fn disarm(bridge: &str) -> Result<(), Failure> {
    let lock = Lock::take(Deadline::after(super::DEADLINE))?;
    Confirmation::call_off(&lock, bridge).map_err(|error| {
        Failure::new(Exit::NeedsAttention, format!("cannot call off the confirmation of {bridge}: {error}"))
            .hint(format!("virt-bridge confirm {bridge}"))
    })
}

fn wait(bridge: &str, allowed: Duration, mut guardian: Guardian, signals: SigSet) -> Result<(), Failure> {
    let mut countdown = Countdown::begin(bridge, allowed, signals);
    let mut is_interrupted = false;
    loop {
        let remaining = match Confirmation::of(bridge) {
            Ok(None) => {
                countdown.end();
                return Ok(());
            }
            Ok(Some(confirmation)) => confirmation.remaining(),
            Err(_) => Duration::ZERO,
        };
        if remaining.is_zero() || is_interrupted {
            countdown.end();
            go_back(bridge, |confirmation| is_interrupted || confirmation.is_due());
            continue;
        }
        match countdown.wait(remaining) {
            Event::Nothing => {}
            Event::Confirmed => drop(confirm::confirm(bridge)),
            Event::Interrupted => is_interrupted = true,
        }
        match guardian.revive() {
            Ok(false) => {}
            Ok(true) => super::warn("somebody has ended the guardian; another one stands by"),
            Err(error) => super::warn(&format!("the guardian is gone, and no other one can be started: {error}")),
        }
    }
}

/// Takes the bridge back, unless somebody else does; what cannot be is tried again.
fn go_back(bridge: &str, due: impl FnOnce(&Confirmation) -> bool) {
    match take_back(bridge, due) {
        Ok(taken_back) => {
            let TakenBack { told, warnings } = taken_back.unwrap_or_default();
            told.iter().for_each(|told| say(told));
            warnings.iter().for_each(|warning| super::warn(warning));
        }
        Err(error) => {
            super::warn(&format!("cannot go back, and try again: {error}"));
            std::thread::sleep(PAUSE_AFTER_FAILURE);
        }
    }
}

/// Nothing waits any more: because it was confirmed, or because all is as before.
fn ended(bridge: &str, stands: bool) -> Result<(), Failure> {
    if stands {
        say(&format!("{bridge}: confirmed, and stays"));
        return Ok(());
    }
    Err(Failure::new(Exit::RolledBack, format!("{bridge} was not confirmed; the host is as it was before"))
        .hint("try again with a longer --confirm, or look into the log for what went wrong meanwhile"))
}

/// Talk, which a terminal that has gone does not hear.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
