//! XML that is read while it comes in, one token in memory at a time.

use std::io::{self, ErrorKind, Read};
use std::ops::Range;

use crate::characters::{BYTE_ORDER_MARK, check_characters};
use crate::position::Problem;
use crate::reading::{Reading, Token};
use crate::shape::Shape;

/// All of the input; a network with 50,000 DHCP hosts, the largest that we foresee, has 4 MiB.
const LARGEST: usize = 16 << 20;

/// One tag, text or comment, which is held in memory as a whole.
const LARGEST_TOKEN: usize = 64 << 10;

/// What is read at once, at first; libvirt gives most networks in one. Each page costs a fault.
const CHUNK: usize = 2 << 10;

/// Why there is no next token.
#[derive(Debug)]
pub enum Error {
    /// The input failed.
    Unreadable(io::Error),
    /// It is not well-formed, has a document type declaration, or is too large.
    Malformed(Problem),
}

/// Reads the tokens of an input.
///
/// Document type declarations, by which XML can be larger than its text, are refused.
pub struct Incoming<R> {
    input: R,
    buffer: Vec<u8>,
    /// What has come in but for the tokens that were let go.
    filled: Range<usize>,
    /// Bytes of the input that were before what is in the buffer.
    gone: usize,
    has_ended: bool,
    reading: Reading,
}

impl<R: Read> Incoming<R> {
    /// The tokens of a document.
    pub fn new(input: R) -> Self {
        Incoming { input, buffer: vec![0; CHUNK], filled: 0..0, gone: 0, has_ended: false, reading: Reading::default() }
    }

    /// Where the next token begins, in bytes.
    pub fn position(&self) -> usize {
        self.gone + self.filled.start
    }

    /// The next token; nothing where the input ends, which may be inside of an element.
    ///
    /// # Errors
    /// When the input fails, where it is not well-formed, beyond 16 MiB, and at a token of more than 64 KiB.
    pub fn next_token(&mut self) -> Result<Option<Token<'_>>, Error> {
        let Some((shape, length)) = self.whole_token()? else { return Ok(None) };
        self.check_length(length)?;
        let at = self.position();
        let bytes = &self.buffer[self.filled.start..][..length];
        self.filled.start += length;
        let text = check_characters(bytes).map_err(|problem| Problem::new(at + problem.at, problem.text))?;
        Ok(Some(self.reading.token(shape, text, at)?))
    }

    /// Reads until the next token is there as a whole, or the input ends.
    fn whole_token(&mut self) -> Result<Option<(Shape, usize)>, Error> {
        loop {
            if self.position() == 0 && self.buffer[..self.filled.end].starts_with(BYTE_ORDER_MARK.as_bytes()) {
                self.filled.start = BYTE_ORDER_MARK.len();
            }
            let rest = &self.buffer[self.filled.clone()];
            match (Shape::of(rest), self.has_ended) {
                _ if rest.is_empty() && self.has_ended => return Ok(None),
                (Shape::DocumentType, _) => {
                    return Err(Problem::new(self.position(), "a document type declaration is not allowed").into());
                }
                (shape, true) => return Ok(Some((shape, shape.length(rest).unwrap_or(rest.len())))),
                (shape, false) => match shape.length(rest) {
                    // A text may go on in what comes next.
                    Some(length) if length < rest.len() || !matches!(shape, Shape::Text) => {
                        return Ok(Some((shape, length)));
                    }
                    _ => self.fill()?,
                },
            }
        }
    }

    fn fill(&mut self) -> Result<(), Error> {
        if self.gone + self.filled.end > LARGEST {
            return Err(Problem::new(self.position(), "more than 16 MiB").into());
        }
        self.check_length(self.filled.len())?;
        if self.filled.end == self.buffer.len() {
            self.make_room();
        }
        let read = loop {
            match self.input.read(&mut self.buffer[self.filled.end..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read.map_err(Error::Unreadable)?,
            }
        };
        self.filled.end += read;
        self.has_ended = read == 0;
        Ok(())
    }

    /// Whether the next token, so far of this length, can be held in memory.
    fn check_length(&self, length: usize) -> Result<(), Problem> {
        match length {
            ..=LARGEST_TOKEN => Ok(()),
            _ => Err(Problem::new(self.position(), "a single tag, text or comment of more than 64 KiB")),
        }
    }

    /// Moves what is there to the start of the buffer, which grows when that is most of it.
    fn make_room(&mut self) {
        self.buffer.copy_within(self.filled.clone(), 0);
        self.gone += self.filled.start;
        self.filled = 0..self.filled.len();
        if self.filled.end > self.buffer.len() / 2 {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Error::Malformed(problem)
    }
}
