//! Attributes of a netlink message, kept whole whether we know their meaning or not.

use std::ops::Range;

use netlink_packet_core::{NLA_F_NESTED, NLA_F_NET_BYTEORDER, NlasIterator};

use super::Malformed;

const FLAGS: u16 = NLA_F_NESTED | NLA_F_NET_BYTEORDER;
/// Length and kind, two bytes each.
const HEADER_LENGTH: usize = 4;

/// The attributes of a message or of a nested attribute, in the order in which they came: as the bytes that they are in
/// a message, because a link has fifty, most of which nobody asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(Vec<u8>);

impl Attributes {
    /// Reads the attributes that fill `bytes`.
    ///
    /// # Errors
    /// When a length points outside of `bytes`.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        View::parse(bytes).map(Attributes::from)
    }

    /// The same attributes, to be read where they stand.
    fn view(&self) -> View<'_> {
        View(&self.0)
    }

    /// The value of the first attribute of this kind.
    pub fn get(&self, kind: u16) -> Option<&[u8]> {
        self.view().get(kind)
    }

    /// The values of all attributes of this kind.
    pub fn all(&self, kind: u16) -> impl Iterator<Item = &[u8]> {
        self.view().all(kind)
    }

    /// The value as a number of one byte; nothing when it is missing or has another length.
    pub fn u8(&self, kind: u16) -> Option<u8> {
        self.view().u8(kind)
    }

    /// The value as a number of four bytes in the host's order; nothing when it is missing or has another length.
    pub fn u32(&self, kind: u16) -> Option<u32> {
        self.view().u32(kind)
    }

    /// The value as text, without the NUL that ends it.
    pub fn string(&self, kind: u16) -> Option<String> {
        self.view().string(kind)
    }

    /// The attributes inside of this one; nothing when it is missing or not readable.
    pub fn nested(&self, kind: u16) -> Option<View<'_>> {
        self.view().nested(kind)
    }

    /// Adds an attribute, or changes the value of the first one of its kind where it stands.
    pub fn set(&mut self, kind: u16, value: impl AsRef<[u8]>) {
        let place = self.view().places().find(|(other, ..)| *other == kind & !FLAGS).map(|(_, whole, _)| whole);
        let kind = match &place {
            // With the flags that the kernel gave it.
            Some(place) => u16::from_ne_bytes([self.0[place.start + 2], self.0[place.start + 3]]),
            None => kind,
        };
        let end = self.0.len();
        self.0.splice(place.unwrap_or(end..end), encoded(kind, value.as_ref()));
    }

    /// The same attributes with one more.
    pub fn with(mut self, kind: u16, value: impl AsRef<[u8]>) -> Self {
        self.set(kind, value);
        self
    }

    /// The same attributes with one more that holds others.
    pub fn with_nested(self, kind: u16, inner: &Attributes) -> Self {
        self.with(kind | NLA_F_NESTED, &inner.0)
    }

    /// Takes away every attribute of this kind.
    pub fn remove(&mut self, kind: u16) {
        let found: Vec<_> =
            self.view().places().filter(|(other, ..)| *other == kind).map(|(_, whole, _)| whole).collect();
        found.into_iter().rev().for_each(|whole| drop(self.0.drain(whole)));
    }

    /// The attributes as bytes of a message.
    pub fn encode(&self) -> Vec<u8> {
        self.0.clone()
    }
}

/// Attributes that are read where they stand: those inside of another, most of which nobody asks for either.
#[derive(Clone, Copy, Debug, Default)]
pub struct View<'a>(&'a [u8]);

impl<'a> View<'a> {
    /// Reads the attributes that fill `bytes`.
    ///
    /// # Errors
    /// When a length points outside of `bytes`.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        NlasIterator::new(bytes).try_for_each(|attribute| attribute.map(drop))?;
        Ok(View(bytes))
    }

    /// Each attribute: its kind without flags, where it stands with its padding, and where its value stands.
    fn places(self) -> impl Iterator<Item = (u16, Range<usize>, Range<usize>)> {
        let mut start = 0;
        std::iter::from_fn(move || {
            let [l0, l1, k0, k1] = *self.0.get(start..)?.first_chunk()?;
            let end = start + usize::from(u16::from_ne_bytes([l0, l1]));
            let next = end.next_multiple_of(4);
            let value = start + HEADER_LENGTH..end;
            let whole = std::mem::replace(&mut start, next)..next;
            Some((u16::from_ne_bytes([k0, k1]) & !FLAGS, whole, value))
        })
    }

    /// As [`Attributes::get`].
    pub fn get(self, kind: u16) -> Option<&'a [u8]> {
        let (_, _, value) = self.places().find(|(other, ..)| *other == kind)?;
        self.0.get(value)
    }

    /// As [`Attributes::all`].
    pub fn all(self, kind: u16) -> impl Iterator<Item = &'a [u8]> {
        self.places().filter(move |(other, ..)| *other == kind).filter_map(move |(_, _, value)| self.0.get(value))
    }

    /// As [`Attributes::u8`].
    pub fn u8(self, kind: u16) -> Option<u8> {
        self.get(kind)?.try_into().map(u8::from_ne_bytes).ok()
    }

    /// As [`Attributes::u32`].
    pub fn u32(self, kind: u16) -> Option<u32> {
        self.get(kind)?.try_into().map(u32::from_ne_bytes).ok()
    }

    /// As [`Attributes::string`].
    pub fn string(self, kind: u16) -> Option<String> {
        self.text(kind).map(|text| String::from_utf8_lossy(text).into_owned())
    }

    /// The bytes of a text, without the NUL that ends it.
    pub fn text(self, kind: u16) -> Option<&'a [u8]> {
        let value = self.get(kind)?;
        Some(value.strip_suffix(&[0]).unwrap_or(value))
    }

    /// As [`Attributes::nested`].
    pub fn nested(self, kind: u16) -> Option<View<'a>> {
        View::parse(self.get(kind)?).ok()
    }
}

impl From<View<'_>> for Attributes {
    fn from(View(bytes): View<'_>) -> Self {
        let mut bytes = bytes.to_vec();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        Attributes(bytes)
    }
}

/// An attribute as bytes of a message, padding included.
fn encoded(kind: u16, value: &[u8]) -> Vec<u8> {
    // The kernel's own limit of a value is that of the length field.
    let length = (HEADER_LENGTH + value.len()) as u16;
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A text value as the kernel reads it: ended by NUL.
pub fn c_string(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_that_nobody_knows_come_out_as_they_went_in() {
        let bytes = [6, 0, 0xff, 0x3f, 1, 2, 0, 0, 8, 0, 7, 0x80, 4, 0, 1, 0];
        assert_eq!(Attributes::parse(&bytes).unwrap().encode(), bytes);
        let unpadded = [5, 0, 1, 0, 7];
        assert_eq!(Attributes::parse(&unpadded).unwrap().encode(), [5, 0, 1, 0, 7, 0, 0, 0]);
    }

    #[test]
    fn a_length_beyond_the_end_is_malformed() {
        assert!(Attributes::parse(&[9, 0, 1, 0, 1, 2, 3, 4]).is_err());
        assert!(Attributes::parse(&[3, 0, 1, 0]).is_err());
    }

    #[test]
    fn setting_changes_a_value_where_it_stands() {
        let mut attributes = Attributes::default().with(1, [1]).with(2, [2]);
        attributes.set(1, [3]);
        assert_eq!(attributes, Attributes::default().with(1, [3]).with(2, [2]));
        attributes.set(1, [1, 2, 3, 4, 5]);
        assert_eq!((attributes.get(1), attributes.u8(2)), (Some(&[1, 2, 3, 4, 5][..]), Some(2)));
        attributes.remove(1);
        assert_eq!(attributes.get(1), None);
        assert_eq!(attributes, Attributes::default().with(2, [2]));
        attributes.set(3 | NLA_F_NESTED, [0; 4]);
        attributes.set(3, [8, 0, 1, 0, 1, 0, 0, 0]);
        assert_eq!(attributes.nested(3).unwrap().u32(1), Some(1));
        assert_eq!(attributes.encode()[10..12], (3 | NLA_F_NESTED).to_ne_bytes());
    }
}
