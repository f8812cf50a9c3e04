//! Text of unknown origin, made safe for one line of a log or a terminal.

use std::fmt::{self, Display, Formatter, Write};

/// Shows `.0` on one line: whatever could start a new line, move the cursor or turn the reading direction is escaped.
///
/// Names of networks and values of configuration files reach syslog and `virsh`, and neither escapes them.
pub struct Printable<'a>(pub &'a str);

impl Display for Printable<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if is_dangerous(c) { write!(f, "{}", c.escape_default())? } else { f.write_char(c)? }
        }
        Ok(())
    }
}

/// The same for lines with columns: ends of lines and tabulators stay.
pub fn lines(text: &str) -> String {
    let parts = text.split_inclusive(['\t', '\n']);
    parts
        .map(|part| {
            let words = part.trim_end_matches(['\t', '\n']);
            format!("{}{}", Printable(words), &part[words.len()..])
        })
        .collect()
}

/// JSON with the same characters escaped as JSON has it; without the JSON's own ends of lines they are in strings only.
pub fn json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_dangerous(c) && c != '\n' {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| shown.push_str(&format!("\\u{unit:04x}")));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Control characters, line and paragraph separators, and the invisible and bidirectional marks of Unicode TR 36.
fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_could_deceive_is_escaped() {
        for (text, shown) in [
            ("br0", "br0"),
            ("größe 大 \\ \"x\"", "größe 大 \\ \"x\""),
            ("a\nb\tc\r", "a\\nb\\tc\\r"),
            ("\x1b[31mred\0", "\\u{1b}[31mred\\u{0}"),
            ("a\u{202e}b\u{2028}c\u{9b}", "a\\u{202e}b\\u{2028}c\\u{9b}"),
        ] {
            assert_eq!(Printable(text).to_string(), shown);
        }
        assert_eq!(json("{\n\"a\": \"\u{9b}大\u{202e}\"}"), "{\n\"a\": \"\\u009b大\\u202e\"}");
        assert_eq!(lines("\ta\x1b[2J\tb\r\n\n+c"), "\ta\\u{1b}[2J\tb\\r\n\n+c");
    }
}
