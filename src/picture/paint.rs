//! Colours, where somebody sees them.

use std::io::IsTerminal;

/// Paints text for a terminal, or leaves it alone.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    is_on: bool,
}

impl Paint {
    /// For standard output: colours on a terminal, unless NO_COLOR (no-color.org) is set to anything.
    pub fn of_stdout() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Paint { is_on: std::io::stdout().is_terminal() && !refused && can_move_cursor() }
    }

    /// Whether there are colours.
    pub fn is_on(self) -> bool {
        self.is_on
    }

    /// What a reader looks for.
    pub fn name(self, text: &str) -> String {
        self.with("1", text)
    }

    /// What is as it should be.
    pub fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    /// What may not be.
    pub fn odd(self, text: &str) -> String {
        self.with("33", text)
    }

    /// What is not.
    pub fn bad(self, text: &str) -> String {
        self.with("31", text)
    }

    /// What matters less.
    pub fn quiet(self, text: &str) -> String {
        self.with("2", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.is_on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Whether a terminal knows what an escape sequence is.
pub fn can_move_cursor() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}
