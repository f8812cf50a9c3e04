//! udhcpc goes on on another link: with the options that it had, and the address that the link has asked for.
//!
//! The first thing that it does anywhere is to say `deconfig` to its script, which takes all addresses from the link. So
//! its script is at first a link in /run to this program, which puts the real one there when it hears that word.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};

use super::command_line::{Choice, CommandLine};
use super::{BUSYBOX, COMM, COMM_V6, base_name, command_line};
use crate::netlink::{Address, Link, Socket, address, link};
use crate::owner::lease;
use crate::owner::process::{self, Process};

/// The script where none is named: Debian's, and BusyBox's own (`CONFIG_UDHCPC_DEFAULT_SCRIPT`).
const DEFAULT_SCRIPTS: [&str; 2] = ["/etc/udhcpc/default.script", "/usr/share/udhcpc/default.script"];

/// What says how it begins and ends: to give up, to wait in the background, or to end without a lease.
const BEGINNING: &[u8] = b"bnqr";

/// Whether the process is a client for IPv4 of this link, in the background, whose script can be told. Whoever holds one in
/// the foreground would start it on its old link again.
pub fn can_move(process: &Process, link: &str) -> bool {
    let Some(command_line) = command_line(process) else { return false };
    let is_ipv6 = command_line.program.last().is_none_or(|applet| base_name(applet) == COMM_V6.as_bytes());
    let script = command_line.value(b's').is_none_or(|script| script.starts_with(b"/"));
    let is_held = command_line.has(b'f');
    !is_ipv6 && command_line.is_whole && script && !is_held && command_line.link_name() == link.as_bytes()
}

/// Goes on on another link; answers whether a server has confirmed the lease there.
///
/// # Errors
/// One line that says what failed.
pub fn go_on(client: &Process, from: &str, to: &str) -> Result<bool, String> {
    let unknown = || format!("cannot tell the script of udhcpc on {from}");
    let left = command_line(client).ok_or_else(unknown)?;
    let script = script(&left, from).ok_or_else(unknown)?;
    let command = command(&left, from, to, &script, leased(to)?.as_deref());
    let failed = |error: io::Error| format!("cannot prepare the script of udhcpc on {to}: {error}");
    forget(&left, from).map_err(failed)?;
    let ours = std::env::current_exe().map_err(failed)?;
    lead(&place(to), &ours).map_err(failed)?;
    lease::start_and_wait(command.words(), to)
}

/// What `deconfig` comes to, which udhcpc says first: from now on its words are for its own script.
///
/// # Errors
/// One line where nobody of ours has started the client that says it.
pub fn pass_over_first_word() -> Result<(), String> {
    let running = process::running(Path::new("/"), &[COMM, BUSYBOX]).map_err(|error| error.to_string())?;
    let client = running.into_iter().find(|process| process.pid == parent_id());
    let client = client.and_then(|process| command_line(&process));
    let client = client.ok_or("only a udhcpc that `virt-bridge` has started says that")?;
    let link = String::from_utf8_lossy(client.link_name()).into_owned();
    let script = script(&client, &link).ok_or_else(|| format!("the udhcpc on {link} has no script of its own"))?;
    lead(&place(&link), &script)
        .map_err(|error| format!("cannot lead {} to its script: {error}", place(&link).display()))
}

/// The command line for another link. It stays in the foreground until there is a lease, and then no longer.
fn command(left: &CommandLine, from: &str, to: &str, script: &Path, leased: Option<&str>) -> CommandLine {
    let choice = |letter: u8, value: &[u8]| Choice { letter, value: Some(value.to_vec()) };
    let is_kept = |choice: &&Choice| !BEGINNING.contains(&choice.letter) && !b"is".contains(&choice.letter);
    let kept = left.choices.iter().filter(is_kept).map(|kept| match (kept.letter, &kept.value) {
        (b'p', Some(path)) => choice(b'p', &lease::renamed(path, from, to).unwrap_or_else(|| path.clone())),
        _ => kept.clone(),
    });
    let added = [
        Some(choice(b'i', to.as_bytes())),
        leased.map(|leased| choice(b'r', leased.as_bytes())),
        Some(choice(b's', script.as_os_str().as_bytes())),
        // The last one counts.
        Some(choice(b's', place(to).as_os_str().as_bytes())),
    ];
    CommandLine { choices: kept.chain(added.into_iter().flatten()).collect(), ..left.clone() }
}

/// The script that configures the link.
fn script(command_line: &CommandLine, link: &str) -> Option<PathBuf> {
    let ours = place(link);
    let named = command_line.choices.iter().rev().filter(|choice| choice.letter == b's');
    let mut named = named.filter_map(|choice| Some(Path::new(std::ffi::OsStr::from_bytes(choice.value.as_ref()?))));
    let own = named.find(|script| *script != ours).map(Path::to_owned);
    own.or_else(|| DEFAULT_SCRIPTS.iter().map(PathBuf::from).find(|script| script.exists()))
}

/// What udhcpc on a link is told that its script is, beside the file that ifupdown has its number in.
fn place(link: &str) -> PathBuf {
    PathBuf::from(format!("/run/udhcpc.{link}.script"))
}

/// Lets a symbolic link lead there, whether there is one or not.
fn lead(place: &Path, to: &Path) -> io::Result<()> {
    let new = place.with_extension("new");
    remove(&new)?;
    symlink(to, &new)?;
    fs::rename(&new, place)
}

/// What a client that was ended has left of itself.
fn forget(left: &CommandLine, link: &str) -> io::Result<()> {
    remove(&place(link))?;
    let number = left.value(b'p').filter(|path| lease::renamed(path, link, "").is_some());
    number.map_or(Ok(()), |path| remove(Path::new(std::ffi::OsStr::from_bytes(path))))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// The address to ask for: udhcpc keeps no lease but the address of the link. Where there are several, the server knows
/// which it gave.
fn leased(name: &str) -> Result<Option<String>, String> {
    let unread = |error: crate::netlink::Error| format!("cannot read the address of {name}: {error}");
    let mut socket = Socket::open().map_err(unread)?;
    let Some(link) = socket.get::<Link>(link::by_name(name)).map_err(unread)? else { return Ok(None) };
    let addresses = socket.dump::<Address>(address::of_link(link.index)).map_err(unread)?;
    let mut leased = addresses.iter().filter(|address| !address.is_ipv6() && !address.is_for_link());
    let only = leased.next().filter(|_| leased.next().is_none());
    Ok(only.and_then(Address::local).map(|leased| leased.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(comm: &str, line: &str) -> Process {
        Process { pid: 1, comm: comm.into(), args: line.split(' ').map(|arg| arg.as_bytes().to_vec()).collect() }
    }

    fn commanded(line: &str, from: &str, to: &str) -> String {
        let left = command_line(&process(COMM, line)).unwrap();
        let words = command(&left, from, to, &script(&left, from).unwrap(), Some("192.0.2.7")).words();
        words.iter().map(|word| String::from_utf8_lossy(word)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_command_of_ifupdown_is_that_of_the_other_link_there_and_back() {
        let line = "udhcpc -n -p /run/udhcpc.eth0.pid -i eth0 -x hostname:web -s /etc/own";
        let there = commanded(line, "eth0", "br0");
        let expected =
            "udhcpc -p /run/udhcpc.br0.pid -x hostname:web -i br0 -r 192.0.2.7 -s /etc/own -s /run/udhcpc.br0.script";
        assert_eq!(there, expected);
        assert_eq!(commanded(&there, "br0", "eth0"), expected.replace("br0", "eth0"));
        assert!(can_move(&process(COMM, line), "eth0") && can_move(&process(COMM, &there), "br0"));
        assert!(can_move(&process(BUSYBOX, "/bin/busybox udhcpc -b"), "eth0"));
    }

    #[test]
    fn one_that_is_held_in_the_foreground_or_is_not_understood_stays() {
        for line in ["udhcpc -f -i eth0", "udhcpc -i eth1", "udhcpc -s script -i eth0", "udhcpc --strange", "udhcpc6"] {
            assert!(!can_move(&process(COMM, line), "eth0"), "{line}");
        }
        assert!(!can_move(&process(BUSYBOX, "busybox udhcpc6 -i eth0"), "eth0"));
    }
}
