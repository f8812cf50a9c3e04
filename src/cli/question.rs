//! A question to whoever sits at a terminal; elsewhere nobody is asked.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

use nix::sys::termios::{FlushArg, tcflush};

/// Whether the answer is yes: without a terminal, or a word, it is no.
pub fn is_agreed(question: &str) -> bool {
    let stdin = io::stdin();
    if !stdin.is_terminal() || !io::stderr().is_terminal() {
        return false;
    }
    // What was typed before is no answer.
    let _ = tcflush(stdin.as_fd(), FlushArg::TCIFLUSH);
    let mut stderr = io::stderr();
    let _ = write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush());
    let mut answer = String::new();
    stdin.read_line(&mut answer).is_ok() && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}
