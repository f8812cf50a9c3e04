//! One run at a time: hooks, udev and the command wait for each other.

use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::error::Error;
use super::receipt::DIRECTORY;
use crate::deadline::Deadline;

const PAUSE: Duration = Duration::from_millis(5);

/// Held while this lives; the kernel releases it when the process ends, however it ends.
pub struct Lock(Option<Flock<File>>);

impl Drop for Lock {
    /// Where the kernel refuses to unlock, nix's own drop would panic, after all has been done.
    fn drop(&mut self) {
        if let Some(Err((held, _))) = self.0.take().map(Flock::unlock) {
            std::mem::forget(held);
        }
    }
}

impl Lock {
    /// Waits for the lock, making the directory of receipts on the way.
    ///
    /// # Errors
    /// When the directory or the lock cannot be made, or another run holds it beyond the deadline.
    pub fn take(deadline: Deadline) -> Result<Self, Error> {
        let cannot = |what: &str, error: std::io::Error| {
            Error::Unchanged(format!("cannot {what} {DIRECTORY}: {error}; nothing is done that could not be undone"))
        };
        DirBuilder::new().recursive(true).mode(0o755).create(DIRECTORY).map_err(|error| cannot("make", error))?;
        let path = Path::new(DIRECTORY).join("lock");
        let open = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let mut file = open.map_err(|error| cannot("write the lock in", error))?;
        loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => return Ok(Lock(Some(lock))),
                Err((_, Errno::EAGAIN | Errno::EINTR)) if deadline.has_passed() => {
                    return Err(Error::Unchanged("another run of virt-bridge did not end in time".into()));
                }
                Err((back, Errno::EAGAIN | Errno::EINTR)) => file = back,
                Err((_, errno)) => return Err(cannot("take the lock in", errno.into())),
            }
            std::thread::sleep(PAUSE.min(deadline.remaining()));
        }
    }
}
