//! The lease goes from one link to another: same server, same client identifier, same MAC, so the same address.

use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{ffi::OsString, fs};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{COMM, link_names};
use crate::deadline::Deadline;
use crate::owner::edit;
use crate::owner::process::{self, Process};

/// How long a server may take to confirm the lease; later than that it is still asked.
const ANSWER: Duration = Duration::from_secs(10);

/// The options whose values are files of one link.
const FILES: [&[u8]; 3] = [b"-lf", b"-df", b"-pf"];

/// The dhclients of one link that can be handed over.
#[derive(Debug)]
pub struct Clients {
    link: String,
    processes: Vec<Process>,
}

impl Clients {
    /// Those that run for the link now.
    ///
    /// # Errors
    /// When the processes cannot be read.
    pub fn of(link: &str) -> Result<Self, String> {
        let running = process::running(Path::new("/"), &[COMM]).map_err(|error| error.to_string())?;
        let processes = running.into_iter().filter(|process| can_move(&process.args, link)).collect();
        Ok(Clients { link: link.to_owned(), processes })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.processes.is_empty()
    }
}

/// Whether the command line is that of a client for IPv4 which serves this link alone and keeps its lease in a file of the
/// link's name, as ifupdown starts it.
pub fn can_move(args: &[Vec<u8>], link: &str) -> bool {
    let has_own_leases = args.windows(2).any(|pair| pair[0] == b"-lf" && renamed(&pair[1], link, "").is_some());
    link_names(&args[1..]) == [link.as_bytes()] && has_own_leases && !args.iter().any(|arg| arg == b"-6")
}

/// Ends the clients without a word to the server or their script, and starts them on another link with the same lease.
/// The link must have the address already. Answers with what is not as it should be.
///
/// # Errors
/// One line that says what failed; the address stays, without anybody who renews it.
pub fn hand_over(clients: &Clients, to: &str) -> Result<Vec<String>, String> {
    let mut warnings = Vec::new();
    for client in &clients.processes {
        let from = clients.link.as_str();
        let command = command(&client.args, from, to);
        // A signal that dhclient could handle would make it take the address away.
        match kill(Pid::from_raw(client.pid as i32), Signal::SIGKILL) {
            Ok(()) | Err(nix::errno::Errno::ESRCH) => {}
            Err(errno) => return Err(format!("cannot end dhclient (process {}) on {from}: {errno}", client.pid)),
        }
        let leases =
            move_files(&client.args, from, to).map_err(|error| format!("cannot copy the lease of {from}: {error}"))?;
        let known = last_lease(&leases);
        let program = OsString::from_vec(command[0].clone());
        let arguments = command[1..].iter().map(|arg| OsString::from_vec(arg.clone()));
        let quiet = Command::new(program)
            .arg("-nw")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match quiet {
            Ok(status) if status.success() => {}
            Ok(status) => return Err(format!("dhclient on {to} ended with {status}")),
            Err(error) => return Err(format!("cannot start dhclient on {to}: {error}")),
        }
        if !is_confirmed(&leases, &known) {
            warnings.push(format!("no DHCP server has confirmed the lease on {to} yet; dhclient goes on asking"));
        }
    }
    Ok(warnings)
}

/// The command line for another link, without the `-nw` that an earlier hand-over has added.
fn command(args: &[Vec<u8>], from: &str, to: &str) -> Vec<Vec<u8>> {
    let mut command = Vec::new();
    let mut is_file = false;
    for arg in args.iter().filter(|arg| *arg != b"-nw") {
        let other = if is_file { renamed(arg, from, to) } else { (arg == from.as_bytes()).then(|| to.into()) };
        command.push(other.unwrap_or_else(|| arg.clone()));
        is_file = FILES.contains(&arg.as_slice());
    }
    command
}

/// `/var/lib/dhcp/dhclient.eth0.leases` for another link; nothing where the name has no link in it.
fn renamed(path: &[u8], from: &str, to: &str) -> Option<Vec<u8>> {
    let path = std::str::from_utf8(path).ok()?;
    let (directory, name) = path.rsplit_once('/')?;
    let (before, after) = name.split_once(&format!(".{from}."))?;
    Some(format!("{directory}/{before}.{to}.{after}").into_bytes())
}

/// Copies the lease and the client's identifier; answers with the place of the lease.
fn move_files(args: &[Vec<u8>], from: &str, to: &str) -> io::Result<PathBuf> {
    let mut leases = PathBuf::new();
    for pair in args.windows(2).filter(|pair| pair[0] == b"-lf" || pair[0] == b"-df") {
        let Some(other) = renamed(&pair[1], from, to) else { continue };
        let (old, new) = (PathBuf::from(OsString::from_vec(pair[1].clone())), PathBuf::from(OsString::from_vec(other)));
        if let Some(text) = edit::text(&old)? {
            // dhclient passes over leases of another link.
            let moved = text.replace(&format!("interface \"{from}\";"), &format!("interface \"{to}\";"));
            edit::replace(&new, moved.as_bytes(), 0o644)?;
        }
        if pair[0] == b"-lf" {
            leases = new;
        }
    }
    Ok(leases)
}

/// Waits until another lease is the last one in the file.
fn is_confirmed(leases: &Path, known: &Option<String>) -> bool {
    let deadline = Deadline::after(ANSWER);
    while last_lease(leases) == *known {
        if deadline.has_passed() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}

/// Until when the last lease of the file lasts; dhclient adds a lease for every answer of a server.
fn last_lease(leases: &Path) -> Option<String> {
    let text = fs::read_to_string(leases).ok()?;
    text.lines().rfind(|line| line.trim_start().starts_with("expire ")).map(|line| line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Vec<Vec<u8>> {
        line.split(' ').map(|arg| arg.as_bytes().to_vec()).collect()
    }

    #[test]
    fn the_command_of_ifupdown_is_that_of_the_other_link() {
        let line = "dhclient -4 -v -i -pf /run/dhclient.eth0.pid -lf /var/lib/dhcp/dhclient.eth0.leases -I -df \
                    /var/lib/dhcp/dhclient6.eth0.leases eth0";
        let other = command(&args(line), "eth0", "br0");
        assert_eq!(other, args(&line.replace("eth0", "br0")));
        assert!(can_move(&args(line), "eth0") && !can_move(&args(line), "eth1"));
        assert!(can_move(&other, "br0"));
    }

    #[test]
    fn a_client_that_shares_its_leases_or_speaks_ipv6_stays() {
        assert!(!can_move(&args("dhclient eth0"), "eth0"));
        assert!(!can_move(&args("dhclient -lf /var/lib/dhcp/dhclient.leases eth0"), "eth0"));
        assert!(!can_move(&args("dhclient -lf /l/dhclient.eth0.leases eth0 eth1"), "eth0"));
        assert!(!can_move(&args("dhclient -6 -lf /l/dhclient.eth0.leases eth0"), "eth0"));
    }
}
