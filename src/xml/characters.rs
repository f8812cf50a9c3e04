//! What XML 1.0 says of characters, names and references.

use std::borrow::Cow;

use quick_xml::escape::resolve_predefined_entity;

use crate::position::Problem;
use crate::words;

/// U+FEFF, which may stand before all else.
pub(crate) const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Checks that all of `xml`, the text of a document, is UTF-8 and has only characters of the rule `Char`.
///
/// # Errors
/// Where it is not, or has others.
pub fn check(xml: &[u8]) -> Result<&str, Problem> {
    let text = check_characters(xml)?;
    match text.strip_prefix(BYTE_ORDER_MARK) {
        Some(rest) if rest.starts_with(BYTE_ORDER_MARK) => {
            Err(Problem::new(BYTE_ORDER_MARK.len(), "a second byte order mark"))
        }
        _ => Ok(text),
    }
}

/// Checks that all of `xml` is UTF-8 and has only characters of the rule `Char`.
pub(crate) fn check_characters(xml: &[u8]) -> Result<&str, Problem> {
    let text = std::str::from_utf8(xml).map_err(|error| Problem::new(error.valid_up_to(), "not UTF-8 text"))?;
    let mut rest = xml;
    while let Some((bytes, behind)) = rest.split_first_chunk::<32>() {
        if !words::are_plain(bytes) {
            find_forbidden(xml, rest, bytes.len())?;
        }
        rest = behind;
    }
    find_forbidden(xml, rest, rest.len())?;
    Ok(text)
}

/// Looks at the first bytes of what is the `rest` of `xml`, one by one.
fn find_forbidden(xml: &[u8], rest: &[u8], length: usize) -> Result<(), Problem> {
    match (0..length).find(|&at| is_forbidden(&rest[at..])) {
        Some(at) => Err(Problem::new(xml.len() - rest.len() + at, "a character that XML does not allow")),
        None => Ok(()),
    }
}

/// Whether text begins with what is no `Char`: U+FFFE and U+FFFF by their bytes, because to decode every character is
/// slow.
fn is_forbidden(text: &[u8]) -> bool {
    match text {
        [0xef, 0xbf, 0xbe | 0xbf, ..] => true,
        [byte, ..] => *byte < b' ' && !is_space(*byte),
        [] => false,
    }
}

/// The rule `S`, for one byte.
pub fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The length of the name at the start of `text`; 0 if there is none.
///
/// Characters beyond ASCII all count as part of a name, which is more than the rule `Name` has.
#[inline]
pub(crate) fn name_length(text: &[u8]) -> usize {
    if matches!(text.first(), Some(b'-' | b'.' | b'0'..=b'9')) {
        return 0;
    }
    text.iter().position(|&byte| !is_of_name(byte)).unwrap_or(text.len())
}

#[inline]
pub(crate) fn is_of_name(byte: u8) -> bool {
    OF_NAME[usize::from(byte)]
}

/// By byte, which is faster than to compare with each range.
const OF_NAME: [bool; 256] = {
    let mut of_name = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        of_name[byte] =
            matches!(byte as u8, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b':' | b'-' | b'.' | 0x80..);
        byte += 1;
    }
    of_name
};

/// What a reference, without `&` and `;`, stands for.
pub enum Reference {
    /// A character, or one of the five entities that XML knows.
    Character(char),
    /// An entity that a document type may declare.
    Entity,
}

/// Reads a reference, without `&` and `;`; nothing if there can be no such one.
pub fn reference(name: &str) -> Option<Reference> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix('x') {
            Some(digits) => digits_only(digits, 16).and_then(|digits| u32::from_str_radix(digits, 16).ok()),
            None => digits_only(number, 10).and_then(|digits| digits.parse().ok()),
        };
        return code.and_then(char::from_u32).filter(|&c| is_legal(c)).map(Reference::Character);
    }
    match resolve_predefined_entity(name).and_then(|text| text.chars().next()) {
        Some(c) => Some(Reference::Character(c)),
        None => (!name.is_empty() && name_length(name.as_bytes()) == name.len()).then_some(Reference::Entity),
    }
}

fn digits_only(text: &str, radix: u32) -> Option<&str> {
    text.chars().all(|c| c.is_digit(radix)).then_some(text)
}

fn is_legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// The value of an attribute whose text is well-formed; nothing if it has an entity of the document type.
pub(crate) fn attribute_value(raw: &str) -> Option<String> {
    let mut value = String::with_capacity(raw.len());
    let lines = raw.replace("\r\n", "\n");
    let mut rest = lines.as_str();
    while let Some(at) = rest.find(['&', '\t', '\n', '\r']) {
        value.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if lines.as_bytes()[lines.len() - rest.len() - 1] != b'&' {
            value.push(' ');
            continue;
        }
        let (name, after) = rest.split_once(';')?;
        let Reference::Character(c) = reference(name)? else { return None };
        value.push(c);
        rest = after;
    }
    value.push_str(rest);
    Some(value)
}

/// Text as the value of an attribute in these quotes.
pub fn escaped(text: &str, quote: char) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'&' | b'<' | b'>') || char::from(byte) == quote) {
        return Cow::Borrowed(text);
    }
    let mut value = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => value.push_str("&amp;"),
            '<' => value.push_str("&lt;"),
            '>' => value.push_str("&gt;"),
            '"' if quote == '"' => value.push_str("&quot;"),
            '\'' if quote == '\'' => value.push_str("&apos;"),
            c => value.push(c),
        }
    }
    Cow::Owned(value)
}
