//! How a takeover or its undoing can end badly, and what that means for the host.

use super::preflight::Refusal;
use crate::netlink;

/// What went wrong, by what it left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// There are reasons not to begin.
    Refused(Vec<Refusal>),
    /// It failed before the first change.
    Unchanged(String),
    /// It failed, and the host is as it was before.
    RolledBack(String),
    /// It failed, and so did the way back.
    Stranded {
        /// What failed.
        cause: String,
        /// Why the way back failed, too.
        rollback: String,
    },
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Refused(refusals) => {
                let texts: Vec<String> = refusals.iter().map(Refusal::to_string).collect();
                f.write_str(&texts.join("; "))
            }
            Error::Unchanged(cause) => write!(f, "{cause}; nothing was changed"),
            Error::RolledBack(cause) => write!(f, "{cause}; the host is as it was before"),
            Error::Stranded { cause, rollback } => {
                write!(f, "{cause}; going back failed too: {rollback}; the next run goes on from there")
            }
        }
    }
}

impl std::error::Error for Error {}

impl Error {
    /// The kernel could not be asked before anything was changed.
    pub(super) fn unread(error: netlink::Error) -> Self {
        Error::Unchanged(format!("cannot read the network state: {error}"))
    }
}
