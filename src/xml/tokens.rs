//! A whole XML text as tokens, each checked for what makes XML well-formed.
//!
//! quick-xml finds the tokens and pairs the tags; what it leaves unchecked is checked here. Not checked is what stands
//! in a document type declaration, and that names have only the letters that XML gives them.

use std::ops::Range;

use memchr::memchr_iter;
use quick_xml::Reader;
use quick_xml::events::Event;

use crate::characters::{is_space, name_length};
use crate::position::Problem;
use crate::tag::{Tag, check_reference};

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

/// Reads tokens.
pub struct Tokens<'x> {
    xml: &'x str,
    /// Where the reader began.
    start: usize,
    reader: Reader<&'x [u8]>,
    depth: usize,
    has_root: bool,
    has_document_type: bool,
    names: Vec<&'x str>,
}

impl<'x> Tokens<'x> {
    /// The tokens of a document.
    pub fn of_document(xml: &'x str) -> Self {
        // quick-xml would not count a byte order mark.
        let start = if xml.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self::of_element(xml, start..xml.len(), false)
    }

    /// The tokens of one element of a document that was read before.
    pub fn of_element(xml: &'x str, span: Range<usize>, has_document_type: bool) -> Self {
        let mut reader = Reader::from_str(&xml[span.clone()]);
        reader.config_mut().enable_all_checks(true);
        Tokens { xml, start: span.start, reader, depth: 0, has_root: false, has_document_type, names: Vec::new() }
    }

    /// Whether a document type was declared so far.
    pub fn has_document_type(&self) -> bool {
        self.has_document_type
    }

    /// The next token; nothing at the end of a whole document.
    ///
    /// # Errors
    /// Where it is not well-formed.
    pub fn next_token(&mut self) -> Result<Option<Token<'x>>, Problem> {
        let from = self.position();
        let event = self.reader.read_event().map_err(|error| {
            let at = self.start + self.reader.error_position() as usize;
            Problem::new(at, error.to_string())
        })?;
        let span = from..self.position();
        let raw = &self.xml[span.clone()];
        let kind = match event {
            Event::Start(_) => Kind::Start(self.open(span.clone(), 1)?),
            Event::Empty(_) => {
                let tag = self.open(span.clone(), 2)?;
                self.depth -= 1;
                Kind::Empty(tag)
            }
            Event::End(_) => {
                self.depth -= 1;
                Kind::End
            }
            Event::Text(_) => self.text(&span, raw)?,
            Event::CData(_) if self.depth == 0 => return Err(outside(from)),
            Event::CData(_) => Kind::Cdata(&raw["<![CDATA[".len()..raw.len() - "]]>".len()]),
            Event::GeneralRef(_) => self.reference(from, &raw[1..raw.len() - 1])?,
            Event::Comment(_) => comment(from, raw)?,
            Event::PI(_) => instruction(from, raw)?,
            Event::Decl(_) => self.declaration(span.clone())?,
            Event::DocType(_) => self.document_type(from, raw)?,
            Event::Eof => return self.end(from),
        };
        Ok(Some(Token { span, kind }))
    }

    fn position(&self) -> usize {
        self.start + self.reader.buffer_position() as usize
    }

    fn open(&mut self, span: Range<usize>, closing: usize) -> Result<Tag<'x>, Problem> {
        if self.depth == 0 && self.has_root {
            return Err(Problem::new(span.start, "a second root element"));
        }
        if self.depth == DEEPEST {
            return Err(Problem::new(span.start, format!("elements are more than {DEEPEST} deep")));
        }
        self.has_root = true;
        self.depth += 1;
        Tag::read(self.xml, span, closing, self.has_document_type, &mut self.names)
    }

    fn text(&self, span: &Range<usize>, raw: &'x str) -> Result<Kind<'x>, Problem> {
        if self.depth == 0 {
            return match raw.bytes().position(|byte| !is_space(byte)) {
                Some(at) => Err(outside(span.start + at)),
                None => Ok(Kind::Other),
            };
        }
        // To search for all three takes a preparation that is longer than most texts.
        match memchr_iter(b'>', raw.as_bytes()).find(|&at| raw[..at].ends_with("]]")) {
            Some(at) => Err(Problem::new(span.start + at - 2, "]]> in a text")),
            None => Ok(Kind::Text(raw)),
        }
    }

    fn reference(&self, at: usize, name: &'x str) -> Result<Kind<'x>, Problem> {
        if self.depth == 0 {
            return Err(outside(at));
        }
        check_reference(Some(name), self.has_document_type).map_err(|text| Problem::new(at, text))?;
        Ok(Kind::Reference(name))
    }

    fn declaration(&mut self, span: Range<usize>) -> Result<Kind<'x>, Problem> {
        let problem = |text: &str| Err(Problem::new(span.start, text));
        if span.start != self.start || self.start > '\u{feff}'.len_utf8() {
            return problem("an XML declaration that is not at the start");
        }
        let declaration = Tag::read(self.xml, span.start + 1..span.end, "?>".len(), false, &mut self.names)?;
        let parts: Vec<_> = declaration.attributes().map(|part| (part.name, part.raw)).collect();
        let (version, rest) = match parts.as_slice() {
            [("version", version), rest @ ..] => (*version, rest),
            _ => return problem("an XML declaration without a version"),
        };
        if !version
            .strip_prefix("1.")
            .is_some_and(|minor| !minor.is_empty() && minor.bytes().all(|b| b.is_ascii_digit()))
        {
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

    fn document_type(&mut self, at: usize, raw: &str) -> Result<Kind<'x>, Problem> {
        if self.has_root || self.has_document_type {
            return Err(Problem::new(at, "a document type declaration that is not before the root element"));
        }
        // A default for an attribute would be invisible here.
        if let Some(offset) = raw.find("<!ATTLIST") {
            return Err(Problem::new(at + offset, "a document type that declares attributes is not supported"));
        }
        self.has_document_type = true;
        Ok(Kind::Other)
    }

    fn end(&self, at: usize) -> Result<Option<Token<'x>>, Problem> {
        match () {
            () if self.depth > 0 => Err(Problem::new(at, "it ends inside of an element")),
            () if !self.has_root => Err(Problem::new(at, "there is no element in it")),
            () => Ok(None),
        }
    }
}

fn outside(at: usize) -> Problem {
    Problem::new(at, "text outside of the root element")
}

fn comment<'x>(at: usize, raw: &str) -> Result<Kind<'x>, Problem> {
    let content = &raw["<!--".len()..raw.len() - "-->".len()];
    if content.contains("--") || content.ends_with('-') {
        return Err(Problem::new(at, "-- in a comment"));
    }
    Ok(Kind::Other)
}

fn instruction<'x>(at: usize, raw: &str) -> Result<Kind<'x>, Problem> {
    let content = &raw.as_bytes()["<?".len()..raw.len() - "?>".len()];
    let (target, rest) = content.split_at(name_length(content));
    if target.is_empty() || target.eq_ignore_ascii_case(b"xml") || rest.first().is_some_and(|byte| !is_space(*byte)) {
        return Err(Problem::new(at, "not a processing instruction"));
    }
    Ok(Kind::Other)
}

fn is_utf8(encoding: &str) -> bool {
    encoding.eq_ignore_ascii_case("UTF-8") || encoding.eq_ignore_ascii_case("UTF8")
}
