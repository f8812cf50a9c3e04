//! Programs of owners, which are asked to do something and must not be waited for without end.

use std::io::Read;
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

/// What a program prints, which has to be little: nobody reads before its end.
///
/// # Errors
/// As [`run`], with the last line that the program wrote to stderr.
pub fn output(program: &str, arguments: &[&str], deadline: Deadline) -> Result<String, String> {
    let cannot = |what: &str| format!("`{program} {}` {what}", arguments.join(" "));
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| cannot(&format!("cannot be run: {error}")))?;
    match ended(&mut child, deadline) {
        Some(true) => Ok(text(child.stdout.take())),
        Some(false) => {
            let said = text(child.stderr.take());
            Err(cannot(&format!("failed: {}", said.trim().lines().last().unwrap_or("it does not say why"))))
        }
        None => Err(cannot("did not end in time")),
    }
}

fn text(stream: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    let _ = stream.map(|mut stream| stream.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_says_last_is_the_reason() {
        let soon = Deadline::after(Duration::from_secs(20));
        assert_eq!(output("sh", &["-c", "echo yes"], soon).unwrap(), "yes\n");
        let failed = output("sh", &["-c", "echo a >&2; echo Error: b >&2; exit 3"], soon).unwrap_err();
        assert!(failed.ends_with("failed: Error: b"), "{failed}");
    }

    #[test]
    fn a_program_that_does_not_end_is_ended() {
        let late = output("sleep", &["600"], Deadline::after(Duration::from_millis(50))).unwrap_err();
        assert_eq!(late, "`sleep 600` did not end in time");
    }
}
