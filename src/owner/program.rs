//! Programs of owners, which are asked to do something and must not be waited for without end.

use std::ffi::OsStr;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::deadline::Deadline;

/// Runs a program that may start others, to its own end. They live on, and whoever called us waits for those who hold its
/// pipes, so the program gets none, and nothing of what it says is known.
///
/// # Errors
/// One line, which begins with the command, when it fails or has not ended by the deadline: then it is ended.
pub fn run(program: &str, arguments: &[&str], deadline: Deadline) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    succeeded(command, deadline).map(drop)
}

/// What a program prints that starts no others; it has to be little: nobody reads before its end.
///
/// # Errors
/// As [`run`], with the last line that the program wrote to stderr.
pub fn output(program: &str, arguments: &[&str], deadline: Deadline) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = succeeded(command, deadline)?;
    Ok(text(child.stdout.take()))
}

/// The process, which has ended well.
fn succeeded(mut command: Command, deadline: Deadline) -> Result<Child, String> {
    let words: Vec<_> =
        [command.get_program()].into_iter().chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    let words = words.join(" ");
    let cannot = |what: &str| format!("`{words}` {what}");
    let mut child = command.stdin(Stdio::null()).spawn().map_err(|error| cannot(&format!("cannot be run: {error}")))?;
    match (ended(&mut child, deadline), child.stderr.take()) {
        (Some(true), _) => Ok(child),
        (Some(false), None) => Err(cannot("failed: run it by hand to see why")),
        (Some(false), said @ Some(_)) => {
            let said = text(said);
            Err(cannot(&format!("failed: {}", said.trim().lines().last().unwrap_or("it does not say why"))))
        }
        (None, _) => Err(cannot("did not end in time")),
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
