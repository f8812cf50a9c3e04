//! A start tag with its place.

use std::borrow::Cow;
use std::ops::Range;

use crate::attribute::{Attribute, Attributes};
use crate::characters::{Reference, name_length, reference};
use crate::position::Problem;

/// A well-formed start tag of an XML text.
#[derive(Clone, Debug)]
pub struct Tag<'x> {
    /// Bytes before its `<`.
    at: usize,
    /// Between `<` and `>` or `/>`.
    content: &'x str,
    name_length: usize,
    /// Whether it is `<name/>`.
    pub is_empty: bool,
    /// Whether its `xmlns` puts it into a namespace.
    pub is_in_namespace: bool,
}

impl<'x> Tag<'x> {
    /// Reads, and checks, the tag that `text` begins with, and that stands behind `at` bytes; whether a document type may
    /// have declared entities.
    #[inline(always)]
    pub(crate) fn read(text: &'x str, at: usize, entities: bool) -> Result<Self, Problem> {
        let bytes = text.as_bytes();
        let name_start = "<".len();
        let name_length = name_length(&bytes[name_start..]);
        if name_length == 0 {
            return Err(Problem::new(at, "not the name of an element"));
        }
        let mut is_in_namespace = false;
        let mut names = Names::default();
        let mut attributes = Attributes::of(text, name_start + name_length, at);
        while let Some(bounds) = attributes.next_bounds()? {
            let name = bounds.name(bytes);
            if !bounds.is_plain() {
                check_value(&attributes.attribute(&bounds), entities)?;
            }
            is_in_namespace |= name == b"xmlns" && !bounds.has_empty_value();
            names.add(name);
        }
        if let Some(name) = names.given_twice() {
            let name = String::from_utf8_lossy(name);
            return Err(Problem::new(at, format!("the attribute {name} is given twice")));
        }
        let end = attributes.end();
        let is_empty = match bytes[end..] {
            [b'>', ..] => false,
            [b'/', b'>', ..] => true,
            [] => return Err(Problem::new(at, "a tag that does not end")),
            _ => return Err(Problem::new(at + end, "not an attribute")),
        };
        Ok(Tag { at, content: &text[name_start..end], name_length, is_empty, is_in_namespace })
    }

    /// From `<` to behind `>`.
    pub fn span(&self) -> Range<usize> {
        let around = if self.is_empty { "</>" } else { "<>" };
        self.at..self.at + self.content.len() + around.len()
    }

    /// Its name.
    #[inline]
    pub fn name(&self) -> &'x str {
        &self.content[..self.name_length]
    }

    /// Where the name ends.
    pub fn name_end(&self) -> usize {
        self.at + "<".len() + self.name_length
    }

    /// Its attributes, as they are written.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'x>> {
        Attributes::of(self.content, self.name_length, self.at + "<".len()).map_while(Result::ok)
    }

    /// The attribute of that name.
    pub fn attribute(&self, name: &str) -> Option<Attribute<'x>> {
        self.attributes().find(|attribute| attribute.name() == name)
    }

    /// The value of an attribute, its references resolved.
    ///
    /// # Errors
    /// When it has an entity of the document type, which are not read.
    pub fn value(&self, name: &str) -> Result<Option<Cow<'x, str>>, Problem> {
        self.attribute(name).map(|attribute| attribute.decoded()).transpose()
    }
}

fn check_value(attribute: &Attribute, entities: bool) -> Result<(), Problem> {
    if attribute.is_plain() {
        return Ok(());
    }
    let at = attribute.value().start;
    if let Some(offset) = attribute.raw().find('<') {
        return Err(Problem::new(at + offset, format!("< in the value of the attribute {}", attribute.name())));
    }
    for (offset, _) in attribute.raw().match_indices('&') {
        let rest = &attribute.raw()[offset + 1..];
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
    few: [&'x [u8]; 8],
    count: usize,
    /// The first of the few that is one of those before it.
    twice: Option<&'x [u8]>,
    /// All of them, where they are more.
    many: Vec<&'x [u8]>,
}

impl<'x> Names<'x> {
    #[inline]
    fn add(&mut self, name: &'x [u8]) {
        // Two by two is faster for few, and takes quadratic time for many.
        match self.few.split_at_mut_checked(self.count) {
            Some((before, [place, ..])) => {
                if before.contains(&name) {
                    self.twice = self.twice.or(Some(name));
                }
                *place = name;
                self.count += 1;
            }
            _ => self.add_to_many(name),
        }
    }

    #[cold]
    fn add_to_many(&mut self, name: &'x [u8]) {
        if self.many.is_empty() {
            self.many.extend(self.few);
        }
        self.many.push(name);
    }

    /// A name that is there twice.
    #[inline]
    fn given_twice(&mut self) -> Option<&'x [u8]> {
        if self.many.is_empty() {
            return self.twice;
        }
        self.many.sort_unstable();
        self.many.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    }
}
