//! What `up` has promised to do once its takeover is confirmed: `/run/virt-bridge/BRIDGE.promise`.
//!
//! The command that waits does it. Whoever confirms does it where that command is gone, as after the end of an SSH session.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::bridge::{DIRECTORY, Lock, record_file};

const SUFFIX: &str = ".promise";

/// The words of the command that are not done yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The bridge.
    pub bridge: String,
    /// Its uplink, where the command line named one, in the same words.
    pub uplink: Option<String>,
    /// Whether the bridge is to be written into the configuration of the uplink's owner.
    pub persist: bool,
    /// The libvirt network that is to be made.
    pub network: Option<String>,
    /// Who keeps it by itself, if anybody waits.
    pub keeper: Option<Keeper>,
}

/// A process, whoever has its number later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keeper {
    pid: u32,
    /// When it was started, in ticks since boot.
    started: u64,
}

impl Keeper {
    /// This process.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn this() -> io::Result<Self> {
        let pid = std::process::id();
        let started = started(pid).ok_or_else(|| io::Error::other(format!("cannot read /proc/{pid}/stat")))?;
        Ok(Keeper { pid, started })
    }

    fn is_alive(&self) -> bool {
        started(self.pid) == Some(self.started)
    }
}

impl Promise {
    /// Writes it down.
    ///
    /// # Errors
    /// When it cannot be; then nothing may be done that it is about.
    pub fn give(&self, _lock: &Lock) -> io::Result<()> {
        record_file::write(&path(&self.bridge), self)
    }

    /// What nobody is about to do any more.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn left(bridge: &str) -> io::Result<Option<Self>> {
        let promise = record_file::read::<Promise>(&path(bridge))?;
        Ok(promise.filter(|promise| !promise.keeper.as_ref().is_some_and(Keeper::is_alive)))
    }

    /// The bridges for which something was promised, by name.
    pub fn bridges() -> Vec<String> {
        record_file::bridges(&[SUFFIX])
    }

    /// It is kept, or no longer to be.
    ///
    /// # Errors
    /// When the file cannot be deleted.
    pub fn end(bridge: &str) -> io::Result<()> {
        record_file::remove(&path(bridge))
    }
}

/// The twenty-second field, the twentieth behind the name, which may itself have brackets (proc_pid_stat(5)). A process that
/// nobody has waited for yet does nothing any more.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if state == "Z" { None } else { fields.nth(18)?.parse().ok() }
}

fn path(bridge: &str) -> PathBuf {
    Path::new(DIRECTORY).join(format!("{bridge}{SUFFIX}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keeper_is_alive_until_its_process_ends_whoever_has_its_number_then() {
        let this = Keeper::this().unwrap();
        assert!(this.is_alive());
        assert!(!Keeper { started: this.started + 1, ..this }.is_alive());
        let mut child = std::process::Command::new("sleep").arg("100").spawn().unwrap();
        let keeper = Keeper { pid: child.id(), started: started(child.id()).unwrap() };
        assert!(keeper.is_alive());
        child.kill().unwrap();
        let begun = std::time::Instant::now();
        while keeper.is_alive() {
            assert!(begun.elapsed().as_secs() < 10);
        }
        child.wait().unwrap();
        assert!(!keeper.is_alive());
    }
}
