//! What this service says: lines for the journal, or for whoever runs it by hand.

use std::fmt::Display;
use std::io::{self, Write};

use virt_bridge::printable::Printable;

/// Where lines go: what was done to stdout, what is wrong to stderr.
///
/// No line has anything of a domain's XML but names, addresses and the sources of its interfaces: the rest may be
/// secret.
pub struct Journal {
    /// systemd's journal takes the severity from the front of a line (sd-daemon(3)).
    has_severity: bool,
}

impl Journal {
    /// As the environment says.
    pub fn new() -> Self {
        Journal { has_severity: std::env::var_os("JOURNAL_STREAM").is_some() }
    }

    /// What was done.
    pub fn info(&self, message: impl Display) {
        self.write(io::stdout(), 6, message);
    }

    /// What is not as it should be, but goes on.
    pub fn warning(&self, message: impl Display) {
        self.write(io::stderr(), 4, message);
    }

    /// What failed.
    pub fn error(&self, message: impl Display) {
        self.write(io::stderr(), 3, message);
    }

    fn write(&self, mut to: impl Write, severity: u8, message: impl Display) {
        let severity = if self.has_severity { format!("<{severity}>") } else { String::new() };
        // In one piece: stderr has no buffer, and who reads along should see no half line.
        let line = format!("{severity}{}\n", Printable(&message.to_string()));
        // Whoever closed it doesn't want to read it.
        let _ = to.write_all(line.as_bytes());
    }
}
