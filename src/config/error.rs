//! What can be wrong with the configuration, as one line that names the place.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use crate::printable::Printable;

/// Why the configuration could not be read; shown as `FILE:LINE: KEY: PROBLEM`, always one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The file (or directory) at fault.
    pub file: PathBuf,
    /// The line, counted from 1, if the problem has one.
    pub line: Option<usize>,
    /// The whole key, such as `bridge.br0.on-stop`, if the problem has one.
    pub key: Option<String>,
    /// What is wrong, and what would be allowed.
    pub problem: String,
}

impl Error {
    /// A problem of the file as a whole.
    pub(super) fn of_file(file: impl Into<PathBuf>, problem: impl Display) -> Self {
        Error { file: file.into(), line: None, key: None, problem: problem.to_string() }
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Printable(&self.file.to_string_lossy()))?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(key) = &self.key {
            write!(f, ": {}", Printable(key))?;
        }
        write!(f, ": {}", Printable(&self.problem))
    }
}

impl std::error::Error for Error {}

/// `text` as it is quoted in a problem: cut where it would hide the rest of the line.
pub(super) fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("\"{}…\"", &text[..end]),
        None => format!("\"{text}\""),
    }
}

/// The nearest of `known` to a mistyped `name`, if it is near enough to be what was meant.
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    // Longer names cannot be near one of ours, and the comparison is quadratic.
    if name.len() > 32 {
        return None;
    }
    let (distance, nearest) = known.iter().map(|&k| (distance(name, k), k)).min()?;
    (distance <= 1 + nearest.len() / 4).then_some(nearest)
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_suggested_only_if_near() {
        let keys = ["uplink", "stp", "forward-delay", "on-stop"];
        for (typed, meant) in [
            ("forward_delay", Some("forward-delay")),
            ("onstop", Some("on-stop")),
            ("up-link", Some("uplink")),
            ("STP", None),
            ("mtu", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, &keys), meant, "{typed:?}");
        }
        assert_eq!(nearest(&"x".repeat(1 << 20), &keys), None);
    }

    #[test]
    fn an_error_is_one_line_whatever_the_names_are() {
        let error = Error {
            file: "/etc/a\nb.toml".into(),
            line: Some(3),
            key: Some("bridge.\"x\x1b\"".into()),
            problem: "y\r\nz".into(),
        };
        assert_eq!(error.to_string(), "/etc/a\\nb.toml:3: bridge.\"x\\u{1b}\": y\\r\\nz");
    }
}
