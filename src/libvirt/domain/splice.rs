//! The XML as it comes out: what stays, and what comes in place of the rest.

use std::ops::Range;

use super::edit::Replacement;

/// Takes the changes in the order of the XML.
pub(super) struct Splice<'x> {
    xml: &'x str,
    /// Up to where the XML has been taken over.
    at: usize,
    /// Nothing as long as nothing changes.
    result: Vec<u8>,
}

impl<'x> Splice<'x> {
    /// Changes this XML.
    pub fn new(xml: &'x str) -> Self {
        Splice { xml, at: 0, result: Vec::new() }
    }

    /// The XML before the changes.
    pub fn xml(&self) -> &'x str {
        self.xml
    }

    /// Changes an element; says where it stands then.
    pub fn replace(&mut self, element: &Range<usize>, replacements: &[Replacement]) -> Range<usize> {
        if self.at == 0 {
            // Most domains have a few interfaces, which do not become much longer.
            self.result.reserve(self.xml.len() + self.xml.len() / 8);
        }
        self.copy(element.start);
        let start = self.result.len();
        for replacement in replacements {
            self.copy(replacement.span.start);
            self.result.extend_from_slice(replacement.text.as_bytes());
            self.at = replacement.span.end;
        }
        self.copy(element.end);
        start..self.result.len()
    }

    /// The whole XML after the changes; nothing if there are none.
    pub fn finish(mut self) -> Option<Vec<u8>> {
        if self.at == 0 {
            return None;
        }
        self.copy(self.xml.len());
        Some(self.result)
    }

    fn copy(&mut self, end: usize) {
        self.result.extend_from_slice(&self.xml.as_bytes()[self.at..end]);
        self.at = end;
    }
}
