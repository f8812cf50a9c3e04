//! What a verb has done of several things, and what it could not, line by line.

use serde::Serialize;

use super::exit::{Exit, Failure};
use crate::printable;

/// What was done, or would be, and what could not be.
#[derive(Serialize)]
pub struct Done {
    /// One line each.
    pub done: Vec<String>,
    /// One line each.
    pub failures: Vec<String>,
}

impl Done {
    /// Prints what was done. What was done stays done where nobody reads of it.
    ///
    /// # Errors
    /// What could not be done.
    pub fn tell(self, as_json: bool) -> Result<(), Failure> {
        let _ = if as_json { super::print_json(&self) } else { super::print_text(&printable::lines(&self.in_words())) };
        match self.failures.as_slice() {
            [] => Ok(()),
            _ if self.done.is_empty() => Err(Failure::several(Exit::Unchanged, self.failures)),
            _ => Err(Failure::several(Exit::NeedsAttention, self.failures)),
        }
    }

    fn in_words(&self) -> String {
        if self.done.is_empty() && self.failures.is_empty() {
            return "nothing to do\n".into();
        }
        self.done.iter().map(|line| format!("{line}\n")).collect()
    }
}
