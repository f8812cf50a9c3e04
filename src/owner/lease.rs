//! DHCP clients that go from one link to another with their lease: same server, same client identifier, same MAC, so the
//! same address.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::process::{self, Process};
use super::{Owner, dhclient, dhcpcd};
use crate::deadline::Deadline;

/// How long a server may take to confirm the lease; later than that it is still asked.
const ANSWER: Duration = Duration::from_secs(10);

/// A DHCP client that can be handed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// What it is.
    pub owner: Owner,
    process: Process,
}

impl Client {
    /// Those that serve the link, and it alone.
    ///
    /// # Errors
    /// When the processes cannot be read.
    pub fn all_of(link: &str) -> Result<Vec<Client>, String> {
        let running = process::running(Path::new("/"), &[dhclient::COMM, dhcpcd::COMM]);
        let running = running.map_err(|error| error.to_string())?;
        Ok(running.into_iter().filter_map(|process| Some(Client { owner: owner(&process, link)?, process })).collect())
    }

    /// Whether the other one does the same work: dhclient runs once for IPv4 and once for IPv6.
    pub fn is_like(&self, other: &Client) -> bool {
        let is_ipv6 = |client: &Client| client.owner == Owner::Dhclient && dhclient::is_ipv6(&client.process.args);
        self.owner == other.owner && is_ipv6(self) == is_ipv6(other)
    }

    /// Lets it, which has ended on one link, go on on another that has the address already; answers whether a server has
    /// confirmed the lease there.
    ///
    /// # Errors
    /// One line that says what failed; the address stays, without anybody who renews it.
    pub fn go_on(&self, from: &str, to: &str) -> Result<bool, String> {
        match self.owner {
            Owner::Dhclient => dhclient::go_on(&self.process, from, to),
            _ => dhcpcd::go_on(&self.process, from, to),
        }
    }

    /// Sends it a signal; one that has ended meanwhile needs none.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn signal(&self, signal: Signal) -> Result<(), String> {
        match kill(Pid::from_raw(self.process.pid as i32), signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(errno) => Err(format!("cannot signal {} (process {}): {errno}", self.owner, self.process.pid)),
        }
    }
}

fn owner(process: &Process, link: &str) -> Option<Owner> {
    if process.comm == dhclient::COMM {
        dhclient::can_move(&process.args, link).then_some(Owner::Dhclient)
    } else {
        dhcpcd::serves(process, link).then_some(Owner::Dhcpcd)
    }
}

/// Starts a client, which goes into the background by itself.
///
/// # Errors
/// When it cannot be started, or says that it failed.
pub fn start(command: impl IntoIterator<Item = Vec<u8>>, to: &str) -> Result<(), String> {
    let mut words = command.into_iter().map(OsString::from_vec);
    let program = words.next().unwrap_or_default();
    let name = program.to_string_lossy().into_owned();
    let mut client = Command::new(program);
    client.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // What is typed on our terminal, or its end, is not meant for the client.
    client.process_group(0);
    match client.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{name} on {to} ended with {status}")),
        Err(error) => Err(format!("cannot start {name} on {to}: {error}")),
    }
}

/// Waits until a server has answered, which the lease shows; whether one has.
pub fn is_renewed<T: PartialEq>(known: &T, lease: impl Fn() -> T) -> bool {
    let deadline = Deadline::after(ANSWER);
    while lease() == *known {
        if deadline.has_passed() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}
