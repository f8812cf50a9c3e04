//! A start tag and its attributes, each with its place.

use std::borrow::Cow;
use std::ops::Range;

use crate::characters::{Reference, attribute_value, is_of_value, is_space, name_length, reference};
use crate::position::Problem;

/// A well-formed start tag of an XML text.
#[derive(Clone, Debug)]
pub struct Tag<'x> {
    /// From `<` to behind `>`.
    pub span: Range<usize>,
    /// Whether its `xmlns` puts it into a namespace.
    pub is_in_namespace: bool,
    /// Between `<` and `>` or `/>`.
    content: &'x str,
    name_length: usize,
}

/// An attribute of a tag.
#[derive(Clone, Debug)]
pub struct Attribute<'x> {
    /// Where the white space before it begins.
    start: usize,
    name_start: usize,
    value_start: usize,
    /// Its name.
    pub name: &'x str,
    /// What stands between the quotes, as it is written.
    pub raw: &'x str,
    /// `'` or `"`.
    pub quote: char,
    /// Whether its value is what is written: without a reference, and without white space that becomes another.
    is_plain: bool,
}

impl<'x> Tag<'x> {
    /// Reads, and checks, the tag that `text` begins with, and that stands behind `at` bytes; whether a document type may
    /// have declared entities.
    pub(crate) fn read(text: &'x str, at: usize, entities: bool) -> Result<Self, Problem> {
        let inside = &text["<".len()..];
        let name_length = name_length(inside.as_bytes());
        if name_length == 0 {
            return Err(Problem::new(at, "not the name of an element"));
        }
        let mut attributes = attributes(&inside[name_length..], at + "<".len() + name_length);
        let mut is_in_namespace = false;
        let mut names = Names::default();
        for attribute in &mut attributes {
            let attribute = attribute?;
            check_value(&attribute, entities)?;
            is_in_namespace |= attribute.name == "xmlns" && !attribute.raw.is_empty();
            names.add(attribute.name);
        }
        if let Some(name) = names.given_twice() {
            return Err(Problem::new(at, format!("the attribute {name} is given twice")));
        }
        let content = &inside[..inside.len() - attributes.rest().len()];
        let end = match attributes.rest().as_bytes() {
            [b'>', ..] => ">",
            [b'/', b'>', ..] => "/>",
            [] => return Err(Problem::new(at, "a tag that does not end")),
            _ => return Err(Problem::new(attributes.at, "not an attribute")),
        };
        let span = at..attributes.at + end.len();
        Ok(Tag { span, is_in_namespace, content, name_length })
    }

    /// Its name.
    pub fn name(&self) -> &'x str {
        &self.content[..self.name_length]
    }

    /// Where the name ends.
    pub fn name_end(&self) -> usize {
        self.span.start + 1 + self.name_length
    }

    /// Whether it is `<name/>`.
    pub fn is_empty(&self) -> bool {
        self.span.len() == self.content.len() + "</>".len()
    }

    /// Its attributes, as they are written.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'x>> {
        attributes(&self.content[self.name_length..], self.name_end()).map_while(Result::ok)
    }

    /// The attribute of that name.
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
}

/// The attributes at the start of `text`, which stands behind `at` bytes.
pub(crate) fn attributes(text: &str, at: usize) -> Attributes<'_> {
    Attributes { at, rest: text }
}

/// What is left of the attributes of a tag.
pub(crate) struct Attributes<'x> {
    at: usize,
    rest: &'x str,
}

impl<'x> Attributes<'x> {
    /// What stands behind those that were read.
    pub fn rest(&self) -> &'x str {
        self.rest
    }
}

impl<'x> Iterator for Attributes<'x> {
    type Item = Result<Attribute<'x>, Problem>;

    /// The next attribute, or a problem, after which there is none. At the end of the tag what is left begins with that.
    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.rest.as_bytes();
        let name_start = behind_space(bytes, 0);
        if matches!(bytes[name_start..], [] | [b'>' | b'/', ..]) {
            *self = Attributes { at: self.at + name_start, rest: &self.rest[name_start..] };
            return None;
        }
        let problem = |at: usize, text: String| Some(Err(Problem::new(self.at + at, text)));
        let name_end = name_start + name_length(&bytes[name_start..]);
        if name_start == 0 || name_end == name_start {
            return problem(name_start, "not an attribute".into());
        }
        let name = &self.rest[name_start..name_end];
        let equals = behind_space(bytes, name_end);
        let quote_at = behind_space(bytes, equals + 1);
        let (Some(b'='), Some(quote @ (b'\'' | b'"'))) = (bytes.get(equals), bytes.get(quote_at)) else {
            return problem(name_start, format!("the attribute {name} has no value in quotes"));
        };
        let value_start = quote_at + 1;
        let mut is_plain = true;
        let mut ends = |byte: &u8| {
            is_plain &= matches!(byte, b'\'' | b'"');
            byte == quote
        };
        let Some(length) = bytes[value_start..].iter().position(|byte| !is_of_value(*byte) && ends(byte)) else {
            return problem(quote_at, format!("the value of the attribute {name} does not end"));
        };
        let value_end = value_start + length;
        let attribute = Attribute {
            start: self.at,
            name_start: self.at + name_start,
            value_start: self.at + value_start,
            name,
            raw: &self.rest[value_start..value_end],
            quote: char::from(*quote),
            is_plain,
        };
        *self = Attributes { at: attribute.span().end, rest: &self.rest[value_end + 1..] };
        Some(Ok(attribute))
    }
}

impl<'x> Attribute<'x> {
    /// The white space before it, its name, and its value.
    pub fn with_space(&self) -> Range<usize> {
        self.start..self.span().end
    }

    /// From its name to its last quote.
    pub fn span(&self) -> Range<usize> {
        self.name_start..self.value().end + 1
    }

    /// What stands between the quotes.
    pub fn value(&self) -> Range<usize> {
        self.value_start..self.value_start + self.raw.len()
    }

    /// The value, its references resolved.
    ///
    /// # Errors
    /// When it has an entity of the document type, which are not read.
    pub fn decoded(&self) -> Result<Cow<'x, str>, Problem> {
        if self.is_plain {
            return Ok(Cow::Borrowed(self.raw));
        }
        let name = self.name;
        attribute_value(self.raw).map(Cow::Owned).ok_or_else(|| {
            let text =
                format!("the value of the attribute {name} has an entity of the document type, which is not read");
            Problem::new(self.value_start, text)
        })
    }
}

/// Where the white space at `at`, if there is any, ends.
fn behind_space(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(|byte| is_space(*byte)) {
        at += 1;
    }
    at
}

fn check_value(attribute: &Attribute, entities: bool) -> Result<(), Problem> {
    if attribute.is_plain {
        return Ok(());
    }
    let at = attribute.value_start;
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
pub(crate) fn check_reference(name: Option<&str>, entities: bool) -> Result<(), &'static str> {
    match name.and_then(reference) {
        Some(Reference::Character(_)) => Ok(()),
        Some(Reference::Entity) if entities => Ok(()),
        Some(Reference::Entity) => Err("a reference to an unknown entity"),
        None => Err("& without a reference"),
    }
}

/// The names of the attributes of a tag.
#[derive(Default)]
struct Names<'x> {
    /// Those of most tags, without memory of their own.
    few: [&'x str; 8],
    count: usize,
    /// All of them, where they are more.
    many: Vec<&'x str>,
}

impl<'x> Names<'x> {
    fn add(&mut self, name: &'x str) {
        match self.few.get_mut(self.count) {
            Some(place) => *place = name,
            None if self.many.is_empty() => self.many.extend(self.few.iter().copied().chain([name])),
            None => self.many.push(name),
        }
        self.count += 1;
    }

    /// A name that is there twice.
    fn given_twice(mut self) -> Option<&'x str> {
        // Two by two is faster for few, and takes quadratic time for many.
        if let Some(names) = self.few.get(..self.count) {
            return names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)).map(|(_, name)| *name);
        }
        self.many.sort_unstable();
        self.many.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    }
}
