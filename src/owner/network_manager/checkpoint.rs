//! NetworkManager's own safety net: unless the checkpoint is destroyed in time, it goes back to it by itself.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::deadline::Deadline;
use crate::owner::program;

const SERVICE: &str = "org.freedesktop.NetworkManager";
const OBJECT: &str = "/org/freedesktop/NetworkManager";

/// `NM_CHECKPOINT_CREATE_FLAG_DELETE_NEW_CONNECTIONS` and `…_DISCONNECT_NEW_DEVICES` (nm-dbus-interface.h), which are
/// allowed for all devices together only. Another checkpoint, of cockpit or nmstate, stands against ours.
const FLAGS: &str = "6";

/// A state of all devices that NetworkManager can go back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    object: String,
}

impl Checkpoint {
    /// Remembers the state now, for so long.
    ///
    /// # Errors
    /// One line when NetworkManager does not.
    pub fn create(lifetime: Duration, deadline: Deadline) -> Result<Self, String> {
        let seconds = lifetime.as_secs().to_string();
        let answer = ask(&["CheckpointCreate", "aouu", "0", &seconds, FLAGS], deadline)?;
        let object = answer.trim().strip_prefix("o \"").and_then(|rest| rest.strip_suffix('"'));
        let object = object.ok_or_else(|| format!("NetworkManager has answered {answer:?} for a checkpoint"))?;
        Ok(Checkpoint { object: object.to_owned() })
    }

    /// Keeps what was done since.
    ///
    /// # Errors
    /// One line when the checkpoint is there no more, and so NetworkManager has gone back.
    pub fn destroy(&self, deadline: Deadline) -> Result<(), String> {
        ask(&["CheckpointDestroy", "o", &self.object], deadline).map(drop)
    }

    /// Lets NetworkManager go back by itself only after so long from now.
    ///
    /// # Errors
    /// As [`Checkpoint::destroy`].
    pub fn prolong(&self, lifetime: Duration, deadline: Deadline) -> Result<(), String> {
        let seconds = lifetime.as_secs().to_string();
        ask(&["CheckpointAdjustRollbackTimeout", "ou", &self.object, &seconds], deadline).map(drop)
    }

    /// Whether it is still there; where it is not, NetworkManager has gone back by itself, or somebody has destroyed it.
    ///
    /// # Errors
    /// One line when NetworkManager does not say.
    pub fn exists(&self, deadline: Deadline) -> Result<bool, String> {
        let property = ["--system", "get-property", SERVICE, OBJECT, SERVICE, "Checkpoints"];
        let all = program::output("busctl", &property, deadline)?;
        Ok(all.split_whitespace().any(|word| word.trim_matches('"') == self.object))
    }

    /// Goes back: profiles that are new since are deleted, their files with them, and devices get their own again.
    ///
    /// # Errors
    /// One line when NetworkManager says that a device is not as it was.
    pub fn roll_back(&self, deadline: Deadline) -> Result<(), String> {
        let answer = ask(&["CheckpointRollback", "o", &self.object], deadline)?;
        let mut words = answer.split_whitespace().skip(2);
        while let (Some(device), Some(result)) = (words.next(), words.next()) {
            // `NM_ROLLBACK_RESULT_ERR_NO_DEVICE`: it is gone by itself, such as a tap.
            if !matches!(result, "0" | "1") {
                return Err(format!("NetworkManager cannot roll {device} back (result {result})"));
            }
        }
        Ok(())
    }
}

/// `busctl` comes with systemd, as NetworkManager does on Debian.
fn ask(what: &[&str], deadline: Deadline) -> Result<String, String> {
    let call_to_it = ["--system", "call", SERVICE, OBJECT, SERVICE];
    program::output("busctl", &[&call_to_it[..], what].concat(), deadline)
}
