//! How the command ends, for scripts.

use std::process::ExitCode;

use crate::bridge::Refusal;
use crate::printable::Printable;

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
    exit: Exit,
    complaints: Vec<Complaint>,
}

#[derive(Debug)]
struct Complaint {
    cause: String,
    hint: Option<String>,
}

impl Failure {
    /// A failure of one cause.
    pub fn new(exit: Exit, cause: impl Into<String>) -> Self {
        Failure { exit, complaints: vec![Complaint { cause: cause.into(), hint: None }] }
    }

    /// A failure before anything was changed.
    pub fn unchanged(cause: impl Into<String>) -> Self {
        Failure::new(Exit::Unchanged, cause)
    }

    /// A failure of several causes.
    pub fn several(exit: Exit, causes: impl IntoIterator<Item = String>) -> Self {
        let complaints = causes.into_iter().map(|cause| Complaint { cause, hint: None });
        Failure { exit, complaints: complaints.collect() }
    }

    /// What stands against a takeover or its undoing.
    pub fn refused(refusals: impl IntoIterator<Item = Refusal>) -> Self {
        let complaint = |refusal: Refusal| Complaint { cause: refusal.reason, hint: Some(refusal.hint) };
        Failure { exit: Exit::Unchanged, complaints: refusals.into_iter().map(complaint).collect() }
    }

    /// The same failure, with what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(complaint) = self.complaints.last_mut() {
            complaint.hint = Some(hint.into());
        }
        self
    }

    /// Whether this hint stands below everything that speaks against it.
    pub fn is_only(&self, hint: &str) -> bool {
        self.complaints.iter().all(|complaint| complaint.hint.as_deref() == Some(hint))
    }

    /// What is wrong, in one line without hints.
    pub fn causes(&self) -> String {
        let causes = self.complaints.iter().map(|complaint| Printable(&complaint.cause).to_string());
        causes.collect::<Vec<_>>().join("; ")
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for complaint in &self.complaints {
            writeln!(f, "virt-bridge: {}", Printable(&complaint.cause))?;
            if let Some(hint) = &complaint.hint {
                writeln!(f, "hint: {}", Printable(hint))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_its_causes_with_their_hints_a_line_each() {
        let failure = Failure::several(Exit::NeedsAttention, ["one".to_owned(), "two\x1b[31m".to_owned()]);
        assert_eq!(
            failure.hint("mend it").to_string(),
            "virt-bridge: one\nvirt-bridge: two\\u{1b}[31m\nhint: mend it\n"
        );
    }
}
