//! Programs of owners, which are asked to do something and must not be waited for without end.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::deadline::Deadline;

/// Runs a program to its end.
///
/// # Errors
/// One line, which begins with the command, when it fails or has not ended by the deadline: then it is ended.
pub fn run(program: &str, arguments: &[&str], deadline: Deadline) -> Result<(), String> {
    let cannot = |what: &str| format!("`{program} {}` {what}", arguments.join(" "));
    let mut command = Command::new(program);
    // What it starts lives on, and libvirtd waits for whoever holds its pipes.
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| cannot(&format!("cannot be run: {error}")))?;
    match ended(&mut child, deadline) {
        Some(true) => Ok(()),
        Some(false) => Err(cannot("failed: run it by hand to see why")),
        None => Err(cannot("did not end in time")),
    }
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
