//! Asks ifupdown for a bridge that its configuration has.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::interfaces::{self, Kind};
use crate::deadline::Deadline;

/// Where the bridge is missing and `/etc/network/interfaces` below `root` has it, lets `ifup` make it; answers whether it
/// did.
///
/// # Errors
/// When `ifup` fails, or has not ended by the deadline: then it is ended.
pub fn bring_up(root: &Path, bridge: &str, deadline: Deadline) -> Result<bool, String> {
    if root.join("sys/class/net").join(bridge).exists() || !has_stanza(root, bridge) {
        return Ok(false);
    }
    let cannot = |what: &str| format!("{} has {bridge}, but `ifup {bridge}` {what}", interfaces::MAIN);
    let mut ifup = Command::new("ifup");
    // A DHCP client that it starts lives on, and libvirtd waits for whoever holds its pipes.
    ifup.arg(bridge).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut ifup = ifup.spawn().map_err(|error| cannot(&format!("cannot be run: {error}")))?;
    match ended(&mut ifup, deadline) {
        Some(true) => Ok(true),
        Some(false) => Err(cannot("failed: run it by hand to see why")),
        None => Err(cannot("did not end in time")),
    }
}

/// Files that cannot be understood have no bridge of ours: then all is as without ifupdown.
fn has_stanza(root: &Path, bridge: &str) -> bool {
    let files = interfaces::read(root).unwrap_or_default();
    let begins =
        |line: &interfaces::Line| line.kind == Kind::Iface && line.words().get(1).is_some_and(|name| name == bridge);
    files.iter().flat_map(|file| &file.lines).any(begins)
}

/// Whether the process succeeded; nothing when it had to be ended.
fn ended(child: &mut Child, deadline: Deadline) -> Option<bool> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.success()),
            Ok(None) if !deadline.has_passed() => std::thread::sleep(Duration::from_millis(10)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
}
