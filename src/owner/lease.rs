//! DHCP clients that go from one link to another with their lease: same server, same client identifier, same MAC, so the
//! same address.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::process::{self, Process};
use super::{Owner, dhclient, dhcpcd};
use crate::deadline::Deadline;

/// How long a server may take to confirm the lease; later than that it is still asked.
const ANSWER: Duration = Duration::from_secs(10);

/// The DHCP clients of one link that can be handed over.
#[derive(Debug)]
pub struct Clients {
    link: String,
    clients: Vec<(Owner, Process)>,
}

impl Clients {
    /// Those that run for the link now.
    ///
    /// # Errors
    /// When the processes cannot be read.
    pub fn of(link: &str) -> Result<Self, String> {
        let running = process::running(Path::new("/"), &[dhclient::COMM, dhcpcd::COMM]);
        let running = running.map_err(|error| error.to_string())?;
        let clients = running.into_iter().filter_map(|process| Some((owner(&process, link)?, process))).collect();
        Ok(Clients { link: link.to_owned(), clients })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Lets them stand still until what this answers with is dropped: dhcpcd answers the move of its addresses with new
    /// ones.
    pub fn held(&self) -> Held<'_> {
        self.signal(Signal::SIGSTOP);
        Held(self)
    }

    fn signal(&self, signal: Signal) {
        for (_, client) in &self.clients {
            // One that has ended meanwhile is seen when it is handed over.
            let _ = kill(Pid::from_raw(client.pid as i32), signal);
        }
    }
}

/// Clients that stand still.
pub struct Held<'a>(&'a Clients);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.signal(Signal::SIGCONT);
    }
}

fn owner(process: &Process, link: &str) -> Option<Owner> {
    if process.comm == dhclient::COMM {
        dhclient::can_move(&process.args, link).then_some(Owner::Dhclient)
    } else {
        dhcpcd::can_move(process, link).then_some(Owner::Dhcpcd)
    }
}

/// Ends the clients without a word to the server or their script, and starts them on another link with the same lease.
/// The link must have the address already. Answers with what is not as it should be.
///
/// # Errors
/// One line that says what failed; the address stays, without anybody who renews it.
pub fn hand_over(clients: &Clients, to: &str) -> Result<Vec<String>, String> {
    let from = clients.link.as_str();
    let mut warnings = Vec::new();
    for (owner, client) in &clients.clients {
        // A signal that the client could answer would make it take the address away.
        match kill(Pid::from_raw(client.pid as i32), Signal::SIGKILL) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => return Err(format!("cannot end {owner} (process {}) on {from}: {errno}", client.pid)),
        }
        let is_confirmed = match owner {
            Owner::Dhclient => dhclient::go_on(client, from, to)?,
            _ => dhcpcd::go_on(client, from, to)?,
        };
        if !is_confirmed {
            warnings.push(format!("no DHCP server has confirmed the lease on {to} yet; {owner} goes on asking"));
        }
    }
    Ok(warnings)
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
