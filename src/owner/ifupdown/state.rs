//! What ifupdown believes to be up: `/run/network/ifstate`, and a file for each link beside it (ifupdown 0.8).

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use crate::owner::edit;

const STATE: &str = "/run/network/ifstate";
const LOCK: &str = "/run/network/.ifstate.lock";

/// Lets ifupdown know that the link is up by the stanza of its name, as after `ifup`.
///
/// # Errors
/// When its state cannot be read or written.
pub fn note(root: &Path, link: &str) -> io::Result<()> {
    change(root, link, true)
}

/// Lets ifupdown know that the link is down.
///
/// # Errors
/// When its state cannot be read or written.
pub fn forget(root: &Path, link: &str) -> io::Result<()> {
    change(root, link, false)
}

/// Makes the link up or not, in the list of all and in its own file, which is the one that ifdown believes.
fn change(root: &Path, link: &str, is_up: bool) -> io::Result<()> {
    let place = edit::below(root, Path::new(STATE));
    // Without its directory there is no ifupdown of this kind, and ifupdown2 compares the links with its files instead.
    if !place.parent().is_some_and(Path::is_dir) || super::is_ifupdown2(root) {
        return Ok(());
    }
    let _lock = lock(root)?;
    let own = place.with_file_name(format!("ifstate.{link}"));
    let others = edit::text(&place)?.unwrap_or_default();
    let is_other = |line: &&str| line.split_once('=').is_none_or(|(name, _)| name != link);
    let others = others.lines().filter(is_other).map(|line| format!("{line}\n"));
    let all: String = others.chain(is_up.then(|| format!("{link}={link}\n"))).collect();
    // ifup and ifdown lock the link's own file, and keep it for the next time.
    if is_up || own.exists() {
        fs::write(&own, if is_up { format!("{link}\n") } else { String::new() })?;
    }
    edit::replace(&place, all.as_bytes(), 0o644)
}

/// The lock that ifup and ifdown hold while they change their state; it goes with the file.
fn lock(root: &Path) -> io::Result<File> {
    let place = edit::below(root, Path::new(LOCK));
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(place)?;
    let whole =
        libc::flock { l_type: libc::F_WRLCK as i16, l_whence: libc::SEEK_SET as i16, l_start: 0, l_len: 0, l_pid: 0 };
    fcntl(&file, FcntlArg::F_SETLKW(&whole))?;
    Ok(file)
}
