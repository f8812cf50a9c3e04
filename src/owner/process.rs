//! The running programs that may own a link.

use super::Error;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A program that runs in our network namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    pub pid: u32,
    /// The name the kernel has for it, cut to 15 bytes.
    pub comm: String,
    /// Its argument vector as it is now, which it may have rewritten; never empty.
    pub args: Vec<Vec<u8>>,
}

/// The processes among `comms` that run in the network namespace of `/proc/self`, by ascending pid.
///
/// # Errors
/// When `/proc` or a process in it can't be read; a process that ends meanwhile is no error.
pub fn running(root: &Path, comms: &[&str]) -> Result<Vec<Process>, Error> {
    let proc = root.join("proc");
    let own_namespace = fs::read_link(proc.join("self/ns/net")).ok();
    let mut processes = Vec::new();
    for entry in fs::read_dir(&proc).map_err(|e| Error::read(&proc, e))? {
        let entry = entry.map_err(|e| Error::read(&proc, e))?;
        let Some(pid) = pid(&entry.file_name()) else { continue };
        let Some(comm) = comm_of(&entry.path(), comms)? else { continue };
        if !shares_namespace(&entry.path(), own_namespace.as_ref()) {
            continue;
        }
        let args = arguments(&contents(&entry.path().join("cmdline"))?);
        // A zombie still has a name but no arguments, and does nothing any more.
        if !args.is_empty() {
            processes.push(Process { pid, comm, args });
        }
    }
    processes.sort_unstable_by_key(|process| process.pid);
    Ok(processes)
}

fn pid(name: &OsStr) -> Option<u32> {
    name.to_str()?.parse().ok()
}

fn comm_of(process: &Path, comms: &[&str]) -> Result<Option<String>, Error> {
    let comm = contents(&process.join("comm"))?;
    let comm = comm.strip_suffix(b"\n").unwrap_or(&comm);
    Ok(comms.iter().find(|known| known.as_bytes() == comm).map(|known| (*known).to_owned()))
}

/// A process whose namespace we may not see counts as ours: a claim too many costs less than one missed.
fn shares_namespace(process: &Path, own: Option<&PathBuf>) -> bool {
    match fs::read_link(process.join("ns/net")) {
        Ok(namespace) => own == Some(&namespace),
        Err(e) if e.kind() == ErrorKind::PermissionDenied => true,
        Err(_) => own.is_none(),
    }
}

/// The file's bytes; none when the process has ended.
fn contents(path: &Path) -> Result<Vec<u8>, Error> {
    match fs::read(path) {
        Err(e) if has_ended(&e) => Ok(Vec::new()),
        other => other.map_err(|e| Error::read(path, e)),
    }
}

fn has_ended(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(nix::libc::ESRCH)
}

/// Splits a `cmdline`; a rewritten title is followed by NULs up to the old length, which are no arguments.
fn arguments(cmdline: &[u8]) -> Vec<Vec<u8>> {
    let end = cmdline.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    match &cmdline[..end] {
        [] => Vec::new(),
        used => used.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect(),
    }
}

/// The last component of the program's path.
pub fn base_name(path: &[u8]) -> &[u8] {
    Path::new(OsStr::from_bytes(path)).file_name().map_or(path, OsStrExt::as_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_after_a_rewritten_title_is_no_argument() {
        assert_eq!(arguments(b"dhcpcd: eth0 [ip4]\0\0\0\0"), [b"dhcpcd: eth0 [ip4]"]);
        assert_eq!(arguments(b"a\0\0b\0"), [b"a".to_vec(), vec![], b"b".to_vec()]);
        assert!(arguments(b"\0\0").is_empty());
    }

    #[test]
    fn a_process_that_ended_between_listing_and_reading_is_ignored() {
        let ended = Path::new("/proc/4194305");
        assert_eq!(comm_of(ended, &["dhclient"]).unwrap(), None);
        assert!(!shares_namespace(ended, fs::read_link("/proc/self/ns/net").ok().as_ref()));
    }
}
