//! DHCP clients that go from one link to another with their lease: same server, same client identifier, same MAC, so the
//! same address.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::process::{self, Process};
use super::{Owner, dhclient, dhcpcd, udhcpc};
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
        let comms = [dhclient::COMM, dhcpcd::COMM, udhcpc::COMM, udhcpc::BUSYBOX];
        let running = process::running(Path::new("/"), &comms);
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
            Owner::Udhcpc => udhcpc::go_on(&self.process, from, to),
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
    let (owner, is_movable) = match process.comm.as_str() {
        dhclient::COMM => (Owner::Dhclient, dhclient::can_move(&process.args, link)),
        dhcpcd::COMM => (Owner::Dhcpcd, dhcpcd::serves(process, link)),
        _ => (Owner::Udhcpc, udhcpc::can_move(process, link)),
    };
    is_movable.then_some(owner)
}

/// Starts a client, which goes into the background by itself.
///
/// # Errors
/// When it cannot be started, or says that it failed.
pub fn start(command: Vec<Vec<u8>>, to: &str) -> Result<(), String> {
    let name = name(&command);
    let status = prepared(command).status().map_err(|error| format!("cannot start {name} on {to}: {error}"))?;
    succeeded(&name, to, status)
}

/// Starts a client that goes into the background as soon as it has a lease; answers whether it has one in time. Without, it
/// goes on asking, and then goes there.
///
/// # Errors
/// When it cannot be started, or says that it failed.
pub fn start_and_wait(command: Vec<Vec<u8>>, to: &str) -> Result<bool, String> {
    let name = name(&command);
    let cannot = |what: &str, error: std::io::Error| format!("cannot {what} {name} on {to}: {error}");
    let mut client = prepared(command).spawn().map_err(|error| cannot("start", error))?;
    let deadline = Deadline::after(ANSWER);
    loop {
        match client.try_wait().map_err(|error| cannot("wait for", error))? {
            Some(status) => return succeeded(&name, to, status).map(|()| true),
            None if deadline.has_passed() => return Ok(false),
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

fn name(command: &[Vec<u8>]) -> String {
    command.first().map(|program| String::from_utf8_lossy(program).into_owned()).unwrap_or_default()
}

fn prepared(command: Vec<Vec<u8>>) -> Command {
    let mut words = command.into_iter().map(OsString::from_vec);
    let mut client = Command::new(words.next().unwrap_or_default());
    client.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // What is typed on our terminal, or its end, is not meant for the client.
    client.process_group(0);
    client
}

fn succeeded(name: &str, to: &str, status: ExitStatus) -> Result<(), String> {
    if status.success() { Ok(()) } else { Err(format!("{name} on {to} ended with {status}")) }
}

/// `/var/lib/dhcp/dhclient.eth0.leases` for another link; nothing where the name has no link in it.
pub fn renamed(path: &[u8], from: &str, to: &str) -> Option<Vec<u8>> {
    let path = std::str::from_utf8(path).ok()?;
    let (directory, name) = path.rsplit_once('/')?;
    let (before, after) = name.split_once(&format!(".{from}."))?;
    Some(format!("{directory}/{before}.{to}.{after}").into_bytes())
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
