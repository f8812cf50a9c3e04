//! Asks ifupdown for a bridge that its configuration has.

use std::path::Path;

use super::interfaces::{self, Kind};
use crate::deadline::Deadline;
use crate::owner::program;
use crate::sysfs;

/// Where the bridge is missing and `/etc/network/interfaces` below `root` has it, lets `ifup` make it; answers whether it
/// did.
///
/// # Errors
/// When `ifup` fails, or has not ended by the deadline: then it is ended.
pub fn bring_up(root: &Path, bridge: &str, deadline: Deadline) -> Result<bool, String> {
    if sysfs::link(root, bridge).exists() || !has_stanza(root, bridge) {
        return Ok(false);
    }
    let failed = |error| format!("{} has {bridge}, but {error}", interfaces::MAIN);
    program::run("ifup", &[bridge], deadline).map(|()| true).map_err(failed)
}

/// Files that cannot be understood have no bridge of ours: then all is as without ifupdown.
fn has_stanza(root: &Path, bridge: &str) -> bool {
    let files = interfaces::read(root).unwrap_or_default();
    let begins =
        |line: &interfaces::Line| line.kind == Kind::Iface && line.words().get(1).is_some_and(|name| name == bridge);
    files.iter().flat_map(|file| &file.lines).any(begins)
}
