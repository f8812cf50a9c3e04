//! Where a rehearsal takes place: two network namespaces without names, one for the copy of the host and one for its LAN,
//! and a private /run. They belong to one thread, and are gone with it, however it ends.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};

use super::Error;
use crate::netlink::Socket;

/// The stage of the thread that has set it up.
pub struct Stage {
    host: File,
    lan: File,
    /// To the copy of the host.
    pub socket: Socket,
    /// To its LAN.
    pub lan_socket: Socket,
}

impl Stage {
    /// Leaves the host for good with the calling thread, which from now on is on the copy, still an empty one.
    ///
    /// # Errors
    /// When the process may not make namespaces, or no more of them.
    pub fn set_up() -> Result<Self, Error> {
        hide_run()?;
        enter_new_namespace()?;
        let lan = own_namespace()?;
        let lan_socket = Socket::open()?;
        enter_new_namespace()?;
        Ok(Stage { host: own_namespace()?, lan, socket: Socket::open()?, lan_socket })
    }

    /// The LAN's namespace, to make links in.
    pub fn lan(&self) -> BorrowedFd<'_> {
        self.lan.as_fd()
    }

    /// Does something on the LAN that needs more than its socket.
    ///
    /// # Errors
    /// Those of the work, and when the way there or back is barred.
    pub fn on_lan<T>(&self, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        setns(&self.lan, CloneFlags::CLONE_NEWNET)?;
        let done = work();
        setns(&self.host, CloneFlags::CLONE_NEWNET)?;
        done
    }
}

/// Receipts and the lock of a rehearsal are nobody's else.
fn hide_run() -> Result<(), Error> {
    let cannot = |errno: Errno| Error(format!("cannot hide /run from a rehearsal: {}", errno.desc()));
    unshare(CloneFlags::CLONE_NEWNS).map_err(|errno| no_namespace("mount", errno))?;
    let nothing = None::<&str>;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing).map_err(cannot)?;
    mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), Some("mode=755")).map_err(cannot)
}

fn enter_new_namespace() -> Result<(), Error> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(|errno| no_namespace("network", errno))
}

fn no_namespace(kind: &str, errno: Errno) -> Error {
    let why = match errno {
        // unshare(2): the limit of /proc/sys/user.
        Errno::ENOSPC if kind == "network" => "the limit user.max_net_namespaces is reached",
        Errno::ENOSPC => "the limit user.max_mnt_namespaces is reached",
        errno => errno.desc(),
    };
    Error(format!("cannot make a {kind} namespace to rehearse in: {why}"))
}

/// The links of the calling thread's namespace; /proc/self would be the first thread's.
fn own_namespace() -> Result<File, Error> {
    const OWN: &str = "/proc/thread-self/ns/net";
    File::open(OWN).map_err(|error| Error(format!("open {OWN}: {error}")))
}
