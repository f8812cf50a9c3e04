//! Reading one token after another, and what matters of those before it.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::attribute::Attributes;
use crate::characters::{is_space, name_length};
use crate::open_elements::OpenElements;
use crate::position::Problem;
use crate::shape::Shape;
use crate::tag::{Tag, check_reference};
use crate::words;

/// libxml2's limit, which libvirt keeps (xmlParserMaxDepth in libxml2's parserInternals.c).
const DEEPEST: usize = 256;

/// A piece of XML and its place.
pub struct Token<'x> {
    /// Where it stands, in bytes.
    pub span: Range<usize>,
    /// What it is.
    pub kind: Kind<'x>,
}

/// What a token is.
pub enum Kind<'x> {
    /// `<name>`
    Start(Tag<'x>),
    /// `<name/>`
    Empty(Tag<'x>),
    /// `</name>`
    End,
    /// Text, without references.
    Text(&'x str),
    /// The content of a CDATA section.
    Cdata(&'x str),
    /// A reference without `&` and `;`.
    Reference(&'x str),
    /// Comments, processing instructions, declarations.
    Other,
}

/// What has been read, as far as it matters.
#[derive(Default)]
pub(crate) struct Reading {
    open: OpenElements,
    /// Whether an XML declaration would come too late.
    has_begun: bool,
    has_root: bool,
    has_document_type: bool,
}

impl Reading {
    /// What has been read before an element inside of a document.
    pub fn inside(has_document_type: bool) -> Self {
        Reading { has_begun: true, has_document_type, ..Reading::default() }
    }

    /// Whether a document type was declared so far.
    pub fn has_document_type(&self) -> bool {
        self.has_document_type
    }

    /// Checks the token of this shape that `text` begins with, and that stands behind `at` bytes.
    #[inline(always)]
    pub fn token<'x>(&mut self, shape: Shape, text: &'x str, at: usize) -> Result<Token<'x>, Problem> {
        let (length, kind) = match shape {
            Shape::Tag => {
                let tag = self.open(text, at)?;
                (tag.span().len(), if tag.is_empty { Kind::Empty(tag) } else { Kind::Start(tag) })
            }
            Shape::Text => self.text(text, at)?,
            Shape::End => (self.close(text, at)?, Kind::End),
            _ => self.rare(shape, text, at)?,
        };
        self.has_begun = true;
        Ok(Token { span: at..at + length, kind })
    }

    /// Whether the document can end at `at`.
    pub fn end(&self, at: usize) -> Result<(), Problem> {
        match () {
            () if self.open.depth() > 0 => Err(Problem::new(at, "it ends inside of an element")),
            () if !self.has_root => Err(Problem::new(at, "there is no element in it")),
            () => Ok(()),
        }
    }

    /// The length of what domains have little of, and what it is.
    #[inline(never)]
    fn rare<'x>(&mut self, shape: Shape, text: &'x str, at: usize) -> Result<(usize, Kind<'x>), Problem> {
        if shape == Shape::DocumentType {
            return Ok((self.document_type(text, at)?, Kind::Other));
        }
        let length = shape.length(text.as_bytes()).ok_or_else(|| Problem::new(at, unfinished(shape)))?;
        Ok((length, self.kind(shape, &text[..length], at)?))
    }

    fn kind<'x>(&mut self, shape: Shape, raw: &'x str, at: usize) -> Result<Kind<'x>, Problem> {
        match shape {
            Shape::Reference | Shape::Cdata if self.open.depth() == 0 => Err(outside(at)),
            Shape::Cdata => Ok(Kind::Cdata(&raw["<![CDATA[".len()..raw.len() - "]]>".len()])),
            Shape::Reference => {
                let name = raw[1..].strip_suffix(';');
                check_reference(name, self.has_document_type).map_err(|text| Problem::new(at, text))?;
                Ok(Kind::Reference(name.unwrap_or_default()))
            }
            Shape::Comment => comment(raw, at),
            _ => instruction(raw, at, !self.has_begun),
        }
    }

    /// The length of an end tag.
    fn close(&mut self, text: &str, at: usize) -> Result<usize, Problem> {
        if let Some(length) = self.open.close_plain(text) {
            return Ok(length);
        }
        let length = Shape::End.length(text.as_bytes()).ok_or_else(|| Problem::new(at, unfinished(Shape::End)))?;
        let name = text["</".len()..length - ">".len()].trim_end_matches([' ', '\t', '\n', '\r']);
        self.open.close(name).map_err(|text| Problem::new(at, text))?;
        Ok(length)
    }

    #[inline(always)]
    fn open<'x>(&mut self, text: &'x str, at: usize) -> Result<Tag<'x>, Problem> {
        if self.open.depth() == 0 && self.has_root {
            return Err(Problem::new(at, "a second root element"));
        }
        if self.open.depth() == DEEPEST {
            return Err(Problem::new(at, format!("elements are more than {DEEPEST} deep")));
        }
        let tag = Tag::read(text, at, self.has_document_type)?;
        self.has_root = true;
        if !tag.is_empty {
            self.open.open(tag.name());
        }
        Ok(tag)
    }

    /// The length of a text, and what it is.
    #[inline(always)]
    fn text<'x>(&self, text: &'x str, at: usize) -> Result<(usize, Kind<'x>), Problem> {
        let mut length = 0;
        loop {
            length += words::find(&text.as_bytes()[length..], *b"<&>").unwrap_or(text.len() - length);
            match text.as_bytes()[length..] {
                [b'>', ..] if self.open.depth() > 0 && text[..length].ends_with("]]") => {
                    return Err(Problem::new(at + length - "]]".len(), "]]> in a text"));
                }
                [b'>', ..] => length += 1,
                _ => break,
            }
        }
        let raw = &text[..length];
        if self.open.depth() > 0 {
            return Ok((length, Kind::Text(raw)));
        }
        match raw.bytes().position(|byte| !is_space(byte)) {
            Some(offset) => Err(outside(at + offset)),
            None => Ok((length, Kind::Other)),
        }
    }

    /// The length of a document type declaration. libvirt writes none; quick-xml knows where one ends.
    fn document_type(&mut self, text: &str, at: usize) -> Result<usize, Problem> {
        if self.has_root || self.has_document_type {
            return Err(Problem::new(at, "a document type declaration that is not before the root element"));
        }
        let mut reader = Reader::from_str(text);
        let length = match reader.read_event() {
            Ok(Event::DocType(_)) => reader.buffer_position() as usize,
            Ok(_) => return Err(Problem::new(at, "not a document type declaration")),
            Err(error) => return Err(Problem::new(at + reader.error_position() as usize, error.to_string())),
        };
        // A default for an attribute would be invisible here.
        if let Some(offset) = text[..length].find("<!ATTLIST") {
            return Err(Problem::new(at + offset, "a document type that declares attributes is not supported"));
        }
        self.has_document_type = true;
        Ok(length)
    }
}

fn unfinished(shape: Shape) -> &'static str {
    match shape {
        Shape::Reference => "& without a reference",
        Shape::Comment => "a comment that does not end",
        Shape::Cdata => "a CDATA section that does not end",
        Shape::Instruction => "a processing instruction that does not end",
        _ => "a tag that does not end",
    }
}

fn outside(at: usize) -> Problem {
    Problem::new(at, "text outside of the root element")
}

fn comment<'x>(raw: &str, at: usize) -> Result<Kind<'x>, Problem> {
    let content = &raw["<!--".len()..raw.len() - "-->".len()];
    if content.contains("--") || content.ends_with('-') {
        return Err(Problem::new(at, "-- in a comment"));
    }
    Ok(Kind::Other)
}

fn instruction<'x>(raw: &str, at: usize, is_first: bool) -> Result<Kind<'x>, Problem> {
    let content = &raw["<?".len()..raw.len() - "?>".len()];
    let (target, rest) = content.split_at(name_length(content.as_bytes()));
    match target {
        _ if target.is_empty() || rest.bytes().next().is_some_and(|byte| !is_space(byte)) => {}
        "xml" if !is_first => return Err(Problem::new(at, "an XML declaration that is not at the start")),
        "xml" => return declaration(rest, at),
        _ if target.eq_ignore_ascii_case("xml") => {}
        _ => return Ok(Kind::Other),
    }
    Err(Problem::new(at, "not a processing instruction"))
}

/// Checks the text of an XML declaration, which stands at `at`, behind its target.
fn declaration<'x>(text: &str, at: usize) -> Result<Kind<'x>, Problem> {
    let problem = |text: &str| Err(Problem::new(at, text));
    let mut attributes = Attributes::of(text, 0, at + "<?xml".len());
    let parts: Vec<_> = attributes.by_ref().collect::<Result<_, _>>()?;
    let parts: Vec<_> = parts.iter().map(|part| (part.name(), part.raw())).collect();
    if attributes.end() < text.len() {
        return problem("an XML declaration that is not well-formed");
    }
    let (version, rest) = match parts.as_slice() {
        [("version", version), rest @ ..] => (*version, rest),
        _ => return problem("an XML declaration without a version"),
    };
    if !version.strip_prefix("1.").is_some_and(|minor| !minor.is_empty() && minor.bytes().all(|b| b.is_ascii_digit())) {
        return problem("an unknown version of XML");
    }
    let rest = match rest {
        [("encoding", encoding), rest @ ..] if is_utf8(encoding) => rest,
        [("encoding", encoding), ..] => {
            return problem(&format!("the encoding {encoding} is not possible; allowed: UTF-8"));
        }
        rest => rest,
    };
    match rest {
        [] | [("standalone", "yes" | "no")] => Ok(Kind::Other),
        _ => problem("an XML declaration that is not well-formed"),
    }
}

fn is_utf8(encoding: &str) -> bool {
    encoding.eq_ignore_ascii_case("UTF-8") || encoding.eq_ignore_ascii_case("UTF8")
}
