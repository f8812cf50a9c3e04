//! Problems with their place in the XML.

use super::Error;

/// Something wrong at a byte of the XML.
#[derive(Debug)]
pub(super) struct Problem {
    pub at: usize,
    pub text: String,
}

impl Problem {
    pub fn new(at: usize, text: impl Into<String>) -> Self {
        Problem { at, text: text.into() }
    }

    /// The error with line and column; `xml` may have bytes that are no UTF-8.
    pub fn in_xml(self, xml: &[u8]) -> Error {
        let before = &xml[..self.at.min(xml.len())];
        let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let is_first_of_character = |byte: &&u8| **byte & 0xc0 != 0x80;
        // A byte order mark is no character.
        let mark = if start == 0 && before.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Error {
            line: 1 + line_breaks(before),
            column: 1 + before[start + mark..].iter().filter(is_first_of_character).count(),
            problem: self.text,
        }
    }
}

/// Tells lines of places that come in the order of the XML, each byte looked at once.
pub(super) struct Lines<'x> {
    xml: &'x str,
    at: usize,
    line: usize,
}

impl<'x> Lines<'x> {
    pub fn new(xml: &'x str) -> Self {
        Lines { xml, at: 0, line: 1 }
    }

    /// The line, counted from 1, that a byte is on.
    pub fn line(&mut self, at: usize) -> usize {
        self.line += line_breaks(&self.xml.as_bytes()[self.at..at]);
        self.at = at;
        self.line
    }
}

fn line_breaks(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte == b'\n').count()
}
