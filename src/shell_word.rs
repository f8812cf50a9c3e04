//! Names in commands that people copy.

use std::fmt::{self, Display, Formatter};

use crate::printable::Printable;

/// Shows `.0` as one word of a shell's command line, and on one line: in quotes where that takes some.
pub struct ShellWord<'a>(pub &'a str);

impl Display for ShellWord<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let is_plain = |c: char| c.is_alphanumeric() || "-_.,:/@+=%".contains(c);
        if !self.0.is_empty() && self.0.chars().all(is_plain) {
            return f.write_str(self.0);
        }
        write!(f, "'{}'", Printable(&self.0.replace('\'', r"'\''")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_shell_would_take_apart_is_quoted() {
        for (name, word) in [
            ("web-1.example", "web-1.example"),
            ("52:54:00:00:00:10", "52:54:00:00:00:10"),
            ("größe", "größe"),
            ("my lan", "'my lan'"),
            ("`id>&2`", "'`id>&2`'"),
            ("it's", r"'it'\''s'"),
            ("$HOME", "'$HOME'"),
            ("*", "'*'"),
            ("", "''"),
            ("a\nb", "'a\\nb'"),
        ] {
            assert_eq!(ShellWord(name).to_string(), word);
        }
    }
}
