//! A whole XML text as tokens, each checked for what makes XML well-formed.
//!
//! Not checked is what stands in a document type declaration, and that names have only the letters that XML gives them.

use std::ops::Range;

use crate::characters::BYTE_ORDER_MARK;
use crate::position::Problem;
use crate::reading::{Reading, Token};
use crate::shape::Shape;

/// Reads tokens.
pub struct Tokens<'x> {
    xml: &'x str,
    /// Where the next token begins.
    at: usize,
    reading: Reading,
}

impl<'x> Tokens<'x> {
    /// The tokens of a document.
    pub fn of_document(xml: &'x str) -> Self {
        let at = if xml.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        Tokens { xml, at, reading: Reading::default() }
    }

    /// The tokens of one element of a document that was read before.
    pub fn of_element(xml: &'x str, span: Range<usize>, has_document_type: bool) -> Self {
        Tokens { xml: &xml[..span.end], at: span.start, reading: Reading::inside(has_document_type) }
    }

    /// Whether a document type was declared so far.
    pub fn has_document_type(&self) -> bool {
        self.reading.has_document_type()
    }

    /// The next token; nothing at the end of a whole document.
    ///
    /// # Errors
    /// Where it is not well-formed.
    // With all that it calls inside of the loop that asks for tokens: they would cost a twentieth more by way of memory.
    #[inline(always)]
    pub fn next_token(&mut self) -> Result<Option<Token<'x>>, Problem> {
        let rest = &self.xml[self.at..];
        if rest.is_empty() {
            return self.reading.end(self.at).map(|()| None);
        }
        let token = self.reading.token(Shape::of(rest.as_bytes()), rest, self.at)?;
        self.at = token.span.end;
        Ok(Some(token))
    }
}
