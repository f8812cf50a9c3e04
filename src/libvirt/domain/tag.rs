//! A start tag and its attributes, each with its place.

use std::borrow::Cow;
use std::ops::Range;

use super::characters::{Reference, attribute_value, is_space, name_length, reference};
use super::position::Problem;

/// A well-formed start tag of an XML text.
#[derive(Clone, Debug)]
pub(super) struct Tag<'x> {
    xml: &'x str,
    /// From `<` to behind `>`.
    pub span: Range<usize>,
    name: Range<usize>,
    end: usize,
}

/// An attribute of a tag.
#[derive(Clone, Debug)]
pub(super) struct Attribute<'x> {
    /// The white space before it, its name, and its value.
    pub with_space: Range<usize>,
    /// From its name to its last quote.
    pub span: Range<usize>,
    /// Its name.
    pub name: &'x str,
    /// What stands between the quotes.
    pub value: Range<usize>,
    /// As it is written.
    pub raw: &'x str,
    /// `'` or `"`.
    pub quote: u8,
}

impl<'x> Tag<'x> {
    /// Splits the tag, or XML declaration, of `span`, whose content ends `closing` bytes before the span, and checks
    /// it; `names` is memory for the names.
    pub fn read(
        xml: &'x str,
        span: Range<usize>,
        opening: usize,
        closing: usize,
        entities: bool,
        names: &mut Vec<&'x str>,
    ) -> Result<Self, Problem> {
        let start = span.start + opening;
        let end = span.end - closing;
        let name_end = start + name_length(&xml.as_bytes()[start..end]);
        if name_end == start {
            return Err(Problem::new(span.start, "not the name of an element"));
        }
        let tag = Tag { xml, span, name: start..name_end, end };
        names.clear();
        let mut at = name_end;
        while let Some(attribute) = tag.attribute_at(at)? {
            check_value(&attribute, entities)?;
            names.push(attribute.name);
            at = attribute.with_space.end;
        }
        match duplicate(names) {
            Some(name) => Err(Problem::new(tag.span.start, format!("the attribute {name} is given twice"))),
            None => Ok(tag),
        }
    }

    pub fn name(&self) -> &'x str {
        &self.xml[self.name.clone()]
    }

    /// Where the name ends.
    pub fn name_end(&self) -> usize {
        self.name.end
    }

    /// Whether it is `<name/>`.
    pub fn is_empty(&self) -> bool {
        self.xml[..self.span.end].ends_with("/>")
    }

    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'x>> {
        let mut at = self.name.end;
        std::iter::from_fn(move || {
            let attribute = self.attribute_at(at).ok()??;
            at = attribute.with_space.end;
            Some(attribute)
        })
    }

    pub fn attribute(&self, name: &str) -> Option<Attribute<'x>> {
        self.attributes().find(|attribute| attribute.name == name)
    }

    /// The value of an attribute, its references resolved.
    ///
    /// # Errors
    /// When it has an entity of the document type, which are not read.
    pub fn value(&self, name: &str) -> Result<Option<Cow<'x, str>>, Problem> {
        self.attribute(name).map(|attribute| attribute.decoded()).transpose()
    }

    /// The attribute at `at`; nothing at the end of the tag.
    fn attribute_at(&self, at: usize) -> Result<Option<Attribute<'x>>, Problem> {
        let bytes = &self.xml.as_bytes()[..self.end];
        let skip_space = |at: usize| at + bytes[at..].iter().take_while(|byte| is_space(**byte)).count();
        let name_start = skip_space(at);
        if name_start == self.end {
            return Ok(None);
        }
        let name_end = name_start + name_length(&bytes[name_start..]);
        if name_start == at || name_end == name_start {
            return Err(Problem::new(name_start, "not an attribute"));
        }
        let name = &self.xml[name_start..name_end];
        let equals = skip_space(name_end);
        let quote_at = skip_space(equals + usize::from(equals < self.end));
        let quote = bytes.get(quote_at).copied().filter(|byte| matches!(byte, b'\'' | b'"'));
        let (Some(b'='), Some(quote)) = (bytes.get(equals), quote) else {
            return Err(Problem::new(name_start, format!("the attribute {name} has no value in quotes")));
        };
        let start = quote_at + 1;
        let Some(length) = bytes[start..].iter().position(|&byte| byte == quote) else {
            return Err(Problem::new(quote_at, format!("the value of the attribute {name} does not end")));
        };
        let value = start..start + length;
        let raw = &self.xml[value.clone()];
        let end = value.end + 1;
        Ok(Some(Attribute { with_space: at..end, span: name_start..end, name, value, raw, quote }))
    }
}

impl<'x> Attribute<'x> {
    /// The value, its references resolved.
    pub fn decoded(&self) -> Result<Cow<'x, str>, Problem> {
        let unread = || {
            Problem::new(
                self.value.start,
                format!(
                    "the value of the attribute {} has an entity of the document type, which is not read",
                    self.name
                ),
            )
        };
        attribute_value(self.raw).ok_or_else(unread)
    }
}

fn check_value(attribute: &Attribute, entities: bool) -> Result<(), Problem> {
    if !attribute.raw.bytes().any(|byte| matches!(byte, b'<' | b'&')) {
        return Ok(());
    }
    let at = attribute.value.start;
    if let Some(offset) = attribute.raw.find('<') {
        return Err(Problem::new(at + offset, format!("< in the value of the attribute {}", attribute.name)));
    }
    for (offset, _) in attribute.raw.match_indices('&') {
        let rest = &attribute.raw[offset + 1..];
        // A longer name is no entity of anybody's, and many long ones would cost quadratic time.
        let end = rest.bytes().take(LONGEST_REFERENCE).position(|byte| byte == b';');
        check_reference(end.map(|end| &rest[..end]), entities).map_err(|text| Problem::new(at + offset, text))?;
    }
    Ok(())
}

const LONGEST_REFERENCE: usize = 256;

/// Checks a reference without `&` and `;`; nothing is one that does not end.
pub(super) fn check_reference(name: Option<&str>, entities: bool) -> Result<(), &'static str> {
    match name.and_then(reference) {
        Some(Reference::Character(_)) => Ok(()),
        Some(Reference::Entity) if entities => Ok(()),
        Some(Reference::Entity) => Err("a reference to an unknown entity"),
        None => Err("& without a reference"),
    }
}

/// A name that is there twice.
fn duplicate<'x>(names: &mut [&'x str]) -> Option<&'x str> {
    // Two by two is faster for few, and takes quadratic time for many.
    if names.len() <= 8 {
        return names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)).map(|(_, name)| *name);
    }
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}
