//! How the command ends, for scripts.

use std::process::ExitCode;

/// The exit codes; 2, wrong usage, is clap's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Failed, and nothing was changed.
    Unchanged = 1,
    /// Failed, and the host is as it was before.
    RolledBack = 3,
    /// Failed, and somebody must look.
    NeedsAttention = 4,
    /// Asked whether something would change: it would.
    WouldChange = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// What the command says when it fails, and how it ends.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// One line.
    pub text: String,
}

impl Failure {
    /// A failure before anything was changed.
    pub fn unchanged(text: impl Into<String>) -> Self {
        Failure { exit: Exit::Unchanged, text: text.into() }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}
