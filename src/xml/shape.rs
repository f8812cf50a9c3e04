//! What a token is and where it ends, by its bytes alone.
//!
//! Bytes are looked at by ones and eights: most tokens are short, and a search by vector instructions first asks the
//! processor whether it has them, which takes a virtual machine longer than all of the XML (CPUID leaves it, some 10 µs
//! each time).

use crate::characters::is_of_name;
use crate::words;

/// What a token is, as its first bytes say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Text,
    /// `&…;`
    Reference,
    /// `<name …>` or `<name …/>`, and all that begins like nothing else.
    Tag,
    /// `</name>`
    End,
    Comment,
    Cdata,
    /// `<?…?>`, the XML declaration too.
    Instruction,
    DocumentType,
}

impl Shape {
    /// The shape of the token that `text` begins with; there is some.
    #[inline]
    pub fn of(text: &[u8]) -> Self {
        match text {
            [b'&', ..] => Shape::Reference,
            [b'<', b'/', ..] => Shape::End,
            [b'<', b'?', ..] => Shape::Instruction,
            [b'<', b'!', rest @ ..] if rest.starts_with(b"--") => Shape::Comment,
            [b'<', b'!', rest @ ..] if rest.starts_with(b"[CDATA[") => Shape::Cdata,
            [b'<', b'!', rest @ ..] if rest.starts_with(b"DOCTYPE") => Shape::DocumentType,
            [b'<', ..] => Shape::Tag,
            _ => Shape::Text,
        }
    }

    /// The length of the token of this shape that `text` begins with; nothing if its end is not there. A text ends where
    /// `text` does, and the end of a document type declaration is not looked for.
    pub fn length(self, text: &[u8]) -> Option<usize> {
        match self {
            Shape::Text => Some(words::find(text, *b"<&").unwrap_or(text.len())),
            Shape::Reference => reference_length(text),
            Shape::Tag => tag_length(text),
            Shape::End => behind(text, "</".len(), b">"),
            Shape::Comment => behind(text, "<!--".len(), b"-->"),
            Shape::Cdata => behind(text, "<![CDATA[".len(), b"]]>"),
            Shape::Instruction => behind(text, "<?".len(), b"?>"),
            Shape::DocumentType => None,
        }
    }
}

/// Where the first `end` at or after `from` is over.
fn behind(text: &[u8], from: usize, end: &[u8]) -> Option<usize> {
    text[from..].windows(end.len()).position(|bytes| bytes == end).map(|at| from + at + end.len())
}

/// Up to what cannot be in a reference.
fn reference_length(text: &[u8]) -> Option<usize> {
    let end = 1 + text[1..].iter().position(|&byte| byte != b'#' && !is_of_name(byte))?;
    Some(if text[end] == b';' { end + 1 } else { end })
}

/// Up to the first `>` outside of quotes.
fn tag_length(text: &[u8]) -> Option<usize> {
    let mut open_quote = None;
    for (at, &byte) in text.iter().enumerate() {
        match (open_quote, byte) {
            (Some(quote), _) if byte == quote => open_quote = None,
            (None, b'\'' | b'"') => open_quote = Some(byte),
            (None, b'>') => return Some(at + 1),
            _ => {}
        }
    }
    None
}
