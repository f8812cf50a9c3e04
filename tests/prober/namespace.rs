//! Doing something inside another network namespace.

use std::{fs::File, io, path::Path, thread};

use nix::sched::{CloneFlags, setns};

/// Runs `action` on a thread of its own that has entered the network namespace at `path`.
///
/// A socket belongs to the namespace it was made in, whichever thread uses it afterwards.
pub fn inside<T: Send>(path: &Path, action: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    let entered = || {
        let namespace =
            File::open(path).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
        setns(namespace, CloneFlags::CLONE_NEWNET)?;
        action()
    };
    thread::scope(|scope| scope.spawn(entered).join().expect("a thread in a namespace does not panic"))
}
