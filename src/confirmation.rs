//! A takeover that is taken back unless somebody confirms it in time.
//!
//! What waits is written down in `/run/virt-bridge/BRIDGE.confirm`, and only whoever holds the lock changes it. The
//! command, its guardian (a process of its own session) and, where systemd runs, a timer all look at this file, and each
//! of them alone suffices to take the bridge back: the first that holds the lock after the deadline does it.

mod guardian;
mod handed_over;
mod promise;
mod remote;
mod timer;

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::bridge::{self, DIRECTORY, Error, Lock, Outcome, Records, record_file};
use crate::deadline::Deadline;
use crate::owner;
use crate::transfer::Transfer;

pub use guardian::{Guardian, guard};
pub use handed_over::HandedOver;
pub use promise::{Keeper, Promise};
pub use remote::is_remote;

/// How long taking back may take; it takes milliseconds, and waits for other runs only.
const TAKING_BACK: Duration = Duration::from_secs(60);

/// A takeover that nobody has confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The bridge.
    pub bridge: String,
    /// Whether the takeover is done; before, the deadline is what it may take at most.
    pub taken_over: bool,
    /// How long it may wait, in milliseconds.
    pub allowed: u64,
    /// When it is taken back: milliseconds since boot, the time spent suspended included (CLOCK_BOOTTIME), which nobody
    /// can set.
    pub deadline: u64,
    /// The systemd timer that takes it back, too.
    pub timer: Option<String>,
    /// How the uplink's owner goes back, where it has carried out the takeover.
    #[serde(default)]
    pub handed_over: Option<HandedOver>,
}

impl Confirmation {
    /// Writes down that a takeover begins, which may take `takeover` and wait for `allowed` then; arms the timer.
    ///
    /// # Errors
    /// When it cannot be written down; then nothing may be done.
    pub fn begin(_lock: &Lock, bridge: &str, takeover: Duration, allowed: Duration) -> io::Result<Self> {
        let confirmation = Confirmation {
            bridge: bridge.to_owned(),
            taken_over: false,
            allowed: milliseconds(allowed),
            deadline: now() + milliseconds(takeover + allowed),
            timer: None,
            handed_over: None,
        };
        confirmation.write()?;
        Ok(confirmation)
    }

    /// Arms a systemd timer where systemd runs, so that there is somebody even when a session's end takes all its
    /// processes with it (KillUserProcesses= in logind.conf(5)).
    ///
    /// # Errors
    /// When systemd runs and refuses, or the name of the timer cannot be written down.
    pub fn arm_timer(&mut self, _lock: &Lock) -> io::Result<()> {
        self.timer = timer::arm(&self.bridge, Duration::from_millis(self.allowed))?;
        if self.timer.is_some() { self.write() } else { Ok(()) }
    }

    /// Notes how the uplink's owner goes back, which is about to carry out the takeover.
    ///
    /// # Errors
    /// When it cannot be noted; then nothing may be done.
    pub fn hand_over(_lock: &Lock, bridge: &str, handed_over: HandedOver) -> io::Result<()> {
        let Some(confirmation) = Self::of(bridge)? else { return Err(io::Error::other("it was called off")) };
        Confirmation { handed_over: Some(handed_over), ..confirmation }.write()
    }

    /// Notes that the takeover is done, and that the time to confirm it begins now; nothing where the confirmation was
    /// given or the bridge taken back meanwhile.
    ///
    /// # Errors
    /// When it cannot be noted; the earlier deadline stands.
    pub fn begin_waiting(_lock: &Lock, bridge: &str) -> io::Result<Option<Self>> {
        let Some(mut confirmation) = Self::of(bridge)? else { return Ok(None) };
        confirmation.taken_over = true;
        confirmation.deadline = now() + confirmation.allowed;
        confirmation.write()?;
        Ok(Some(confirmation))
    }

    /// What waits for the bridge of this name.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn of(bridge: &str) -> io::Result<Option<Self>> {
        record_file::read(&path(bridge))
    }

    /// The bridges that wait, by name.
    ///
    /// # Errors
    /// When the directory is there and cannot be read.
    pub fn bridges() -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(DIRECTORY) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut bridges = Vec::new();
        for entry in entries {
            bridges
                .extend(entry?.file_name().to_str().and_then(|name| name.strip_suffix(".confirm")).map(str::to_owned));
        }
        bridges.sort();
        Ok(bridges)
    }

    /// Takes the file away: nobody takes the bridge back any more.
    ///
    /// # Errors
    /// When it cannot be deleted.
    pub fn end(_lock: &Lock, bridge: &str) -> io::Result<()> {
        let timer = Self::of(bridge).ok().flatten().and_then(|confirmation| confirmation.timer);
        record_file::remove(&path(bridge))?;
        timer.iter().for_each(|timer| timer::disarm(timer));
        Ok(())
    }

    /// Takes away what waits, and what was promised for the time after.
    ///
    /// # Errors
    /// When it cannot be deleted.
    pub fn call_off(lock: &Lock, bridge: &str) -> io::Result<()> {
        Promise::end(bridge).and_then(|()| Self::end(lock, bridge))
    }

    /// The time that is left; zero when it has run out.
    pub fn remaining(&self) -> Duration {
        Duration::from_millis(self.deadline.saturating_sub(now()))
    }

    /// Whether it is to be taken back.
    pub fn is_due(&self) -> bool {
        self.remaining().is_zero()
    }

    fn write(&self) -> io::Result<()> {
        record_file::write(&path(&self.bridge), self)
    }
}

/// Whether the bridge of this name is taken over and stays so for all that is written down.
pub fn is_taken_over(bridge: &str) -> bool {
    let records = Records::of(bridge);
    !records.is_interrupted() && records.receipt().is_ok_and(|receipt| receipt.is_some())
}

/// What became of a takeover that was taken back.
#[derive(Debug, Default)]
pub struct TakenBack {
    /// What was done.
    pub told: Option<String>,
    /// What is not as it should be.
    pub warnings: Vec<String>,
}

/// Takes a bridge back where its confirmation is still not given and is `due`; nothing where somebody else was first.
///
/// Guests do not hinder it and routers are not asked: before the takeover the host was reachable, and nobody says so of
/// the bridge.
///
/// # Errors
/// When undoing fails; the confirmation waits on, for the next try.
pub fn take_back(bridge: &str, due: impl FnOnce(&Confirmation) -> bool) -> Result<Option<TakenBack>, Error> {
    let deadline = Deadline::after(TAKING_BACK);
    let lock = Lock::take(deadline)?;
    let handed_over = match Confirmation::of(bridge) {
        Ok(Some(confirmation)) if due(&confirmation) => confirmation.handed_over,
        Ok(_) => return Ok(None),
        // What cannot be read cannot be confirmed either.
        Err(_) => None,
    };
    let stranded = |rollback| Error::Stranded { cause: format!("{bridge} was taken back"), rollback };
    if let Some(handed_over) = &handed_over {
        handed_over.take_back().map_err(stranded)?;
        let _ = Records::of(bridge).forget_handed_over();
    }
    // Whoever has the lease, the host is to be reached first.
    let clients = Transfer::leaving(&lock, bridge);
    let given = owner::until_boot(bridge).map_err(stranded)?;
    let receipt = Records::of(bridge).receipt().ok().flatten();
    let released = given.as_ref().map_or(Ok(()), |(owner, uplink)| owner::release(*owner, bridge, uplink));
    let outcome = bridge::undo_holding(&lock, bridge, true, Duration::ZERO, deadline)?;
    let returned = given.map_or(Ok(()), |(owner, uplink)| {
        owner::take_back(owner, bridge, Some(&uplink))?;
        bridge::take_stand_ins_away(&uplink, receipt.as_ref())
    });
    released.and(returned).map_err(stranded)?;
    let renewed = clients.and_then(|clients| clients.map_or(Ok(Vec::new()), Transfer::to_uplink)).map_err(stranded)?;
    Confirmation::call_off(&lock, bridge)
        .map_err(|error| stranded(format!("cannot delete {}: {error}", path(bridge).display())))?;
    let by_owner = handed_over.map(|handed_over| format!("{} has its own profile again", handed_over.uplink.name));
    let taken_back = TakenBack::of(outcome, renewed);
    Ok(Some(TakenBack { told: taken_back.told.or(by_owner), ..taken_back }))
}

impl TakenBack {
    fn of(outcome: Outcome, mut warnings: Vec<String>) -> Self {
        match outcome {
            Outcome::AlreadyRight { recovered } => TakenBack { told: recovered, warnings },
            Outcome::Done { plan, report, recovered } => {
                warnings.extend(recovered.into_iter().chain(report.warnings.iter().cloned()));
                TakenBack { told: Some(report.told_of(&plan)), warnings }
            }
        }
    }
}

fn path(bridge: &str) -> PathBuf {
    Path::new(DIRECTORY).join(format!("{bridge}.confirm"))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds since boot; the kernel has this clock in any case, and without it all waits would be over.
fn now() -> u64 {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(u64::MAX, |time| milliseconds(Duration::from(time)))
}
