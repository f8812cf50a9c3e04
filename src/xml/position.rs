//! Problems with their place in the XML.

use crate::words;

/// Something wrong at a byte of the XML.
#[derive(Debug)]
pub struct Problem {
    /// Bytes before it.
    pub at: usize,
    /// What is wrong.
    pub text: String,
}

impl Problem {
    /// Something wrong behind `at` bytes.
    pub fn new(at: usize, text: impl Into<String>) -> Self {
        Problem { at, text: text.into() }
    }

    /// Its line, and its column in characters, both counted from 1; `xml` may have bytes that are no UTF-8.
    pub fn place(&self, xml: &[u8]) -> (usize, usize) {
        let before = &xml[..self.at.min(xml.len())];
        let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let is_first_of_character = |byte: &&u8| **byte & 0xc0 != 0x80;
        // A byte order mark is no character.
        let mark = if start == 0 && before.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        (1 + line_breaks(before), 1 + before[start + mark..].iter().filter(is_first_of_character).count())
    }
}

/// Tells lines of places that come in the order of the XML, each byte looked at once.
pub struct Lines<'x> {
    xml: &'x str,
    at: usize,
    line: usize,
}

impl<'x> Lines<'x> {
    /// Begins at the first line.
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
    words::count(bytes, b'\n')
}
