//! The attributes of a start tag, each with its place.

use std::borrow::Cow;
use std::ops::Range;

use crate::characters::{attribute_value, is_space, name_length};
use crate::position::Problem;
use crate::words;

/// An attribute of a tag.
#[derive(Clone, Copy, Debug)]
pub struct Attribute<'x> {
    /// The text that its bounds are of.
    text: &'x str,
    /// Bytes before that text.
    at: usize,
    bounds: Bounds,
}

impl<'x> Attribute<'x> {
    /// Its name.
    #[inline]
    pub fn name(&self) -> &'x str {
        &self.text[self.bounds.name_start..self.bounds.name_end]
    }

    /// What stands between the quotes, as it is written.
    #[inline]
    pub fn raw(&self) -> &'x str {
        &self.text[self.bounds.value_start..self.bounds.value_end]
    }

    /// `'` or `"`.
    pub fn quote(&self) -> char {
        char::from(self.text.as_bytes()[self.bounds.value_end])
    }

    /// The white space before it, its name, and its value.
    pub fn with_space(&self) -> Range<usize> {
        self.at + self.bounds.start..self.span().end
    }

    /// From its name to its last quote.
    pub fn span(&self) -> Range<usize> {
        self.at + self.bounds.name_start..self.at + self.bounds.end()
    }

    /// What stands between the quotes.
    pub fn value(&self) -> Range<usize> {
        self.at + self.bounds.value_start..self.at + self.bounds.value_end
    }

    /// Whether its value is what is written: without a reference, and without white space that becomes another.
    pub(crate) fn is_plain(&self) -> bool {
        self.bounds.is_plain
    }

    /// The value, its references resolved.
    ///
    /// # Errors
    /// When it has an entity of the document type, which are not read.
    pub fn decoded(&self) -> Result<Cow<'x, str>, Problem> {
        if self.is_plain() {
            return Ok(Cow::Borrowed(self.raw()));
        }
        let name = self.name();
        attribute_value(self.raw()).map(Cow::Owned).ok_or_else(|| {
            let text =
                format!("the value of the attribute {name} has an entity of the document type, which is not read");
            Problem::new(self.value().start, text)
        })
    }
}

/// Where an attribute and its parts are in a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Where the white space before it begins.
    start: usize,
    name_start: usize,
    name_end: usize,
    value_start: usize,
    value_end: usize,
    is_plain: bool,
}

impl Bounds {
    /// The name in the text.
    pub fn name<'x>(&self, text: &'x [u8]) -> &'x [u8] {
        &text[self.name_start..self.name_end]
    }

    /// Whether there is nothing between the quotes.
    pub fn has_empty_value(&self) -> bool {
        self.value_start == self.value_end
    }

    /// Whether the value is what is written.
    pub fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Behind the last quote.
    fn end(&self) -> usize {
        self.value_end + 1
    }
}

/// The attributes in a text, from some place on.
pub(crate) struct Attributes<'x> {
    text: &'x str,
    /// Where the next one, or the white space before it, begins.
    from: usize,
    /// Bytes before the text.
    at: usize,
}

impl<'x> Attributes<'x> {
    /// Those of `text` that stand behind its first `from` bytes; and the text behind `at` bytes.
    pub fn of(text: &'x str, from: usize, at: usize) -> Self {
        Attributes { text, from, at }
    }

    /// Where they end in the text, once there is no further one.
    pub fn end(&self) -> usize {
        self.from
    }

    /// The attribute within these bounds.
    #[inline]
    pub fn attribute(&self, bounds: &Bounds) -> Attribute<'x> {
        Attribute { text: self.text, at: self.at, bounds: *bounds }
    }

    /// Where the next attribute is.
    ///
    /// By its bytes alone, because to take each name and value as text costs more than to find them.
    #[inline(always)]
    pub fn next_bounds(&mut self) -> Result<Option<Bounds>, Problem> {
        let (bytes, start) = (self.text.as_bytes(), self.from);
        let name_start = behind_space(bytes, start);
        if matches!(bytes.get(name_start), None | Some(b'>' | b'/')) {
            self.from = name_start;
            return Ok(None);
        }
        let name_end = name_start + name_length(&bytes[name_start..]);
        if name_start == start || name_end == name_start {
            return Err(self.problem(name_start, "not an attribute"));
        }
        let quote_at = match bytes[name_end..] {
            [b'=', b'\'' | b'"', ..] => name_end + "=".len(),
            _ => self.quote_behind_space(name_start, name_end)?,
        };
        let value_start = quote_at + 1;
        let Some((length, is_plain)) = words::value_length(&bytes[value_start..], bytes[quote_at]) else {
            return Err(self.endless(name_start..name_end, quote_at));
        };
        let bounds = Bounds { start, name_start, name_end, value_start, value_end: value_start + length, is_plain };
        self.from = bounds.end();
        Ok(Some(bounds))
    }

    /// Where the value of a name begins, with white space around the `=`.
    #[cold]
    fn quote_behind_space(&self, name_start: usize, name_end: usize) -> Result<usize, Problem> {
        let bytes = self.text.as_bytes();
        let equals = behind_space(bytes, name_end);
        let quote_at = behind_space(bytes, equals + 1);
        match (bytes.get(equals), bytes.get(quote_at)) {
            (Some(b'='), Some(b'\'' | b'"')) => Ok(quote_at),
            _ => {
                let name = &self.text[name_start..name_end];
                Err(self.problem(name_start, &format!("the attribute {name} has no value in quotes")))
            }
        }
    }

    #[cold]
    fn endless(&self, name: Range<usize>, quote_at: usize) -> Problem {
        self.problem(quote_at, &format!("the value of the attribute {} does not end", &self.text[name]))
    }

    #[cold]
    fn problem(&self, at: usize, text: &str) -> Problem {
        Problem::new(self.at + at, text)
    }
}

impl<'x> Iterator for Attributes<'x> {
    type Item = Result<Attribute<'x>, Problem>;

    /// The next attribute, or a problem, after which there is none.
    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.next_bounds().map(|bounds| bounds.map(|bounds| self.attribute(&bounds))).transpose()
    }
}

/// Where the white space at `at`, if there is any, ends.
#[inline]
fn behind_space(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(|byte| is_space(*byte)) {
        at += 1;
    }
    at
}
