//! Attributes of a netlink message, kept whole whether we know their meaning or not.

use netlink_packet_core::{Emitable, NLA_F_NESTED, NLA_F_NET_BYTEORDER, Nla, NlaBuffer, NlasIterator};

use super::Malformed;

const FLAGS: u16 = NLA_F_NESTED | NLA_F_NET_BYTEORDER;

/// One attribute: its kind with the flags the kernel gave it, and its value as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    kind: u16,
    value: Vec<u8>,
}

impl Nla for Attribute {
    fn value_len(&self) -> usize {
        self.value.len()
    }

    fn kind(&self) -> u16 {
        self.kind
    }

    fn emit_value(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.value);
    }
}

/// The attributes of a message or of a nested attribute, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(Vec<Attribute>);

impl Attributes {
    /// Reads the attributes that fill `bytes`.
    ///
    /// # Errors
    /// When a length points outside of `bytes`.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        NlasIterator::new(bytes).map(|nla| Ok(Attribute::from(&nla?))).collect::<Result<_, _>>().map(Attributes)
    }

    /// The value of the first attribute of this kind.
    pub fn get(&self, kind: u16) -> Option<&[u8]> {
        self.0.iter().find(|attribute| attribute.kind & !FLAGS == kind).map(|attribute| attribute.value.as_slice())
    }

    /// The value as a number of one byte; nothing when it is missing or has another length.
    pub fn u8(&self, kind: u16) -> Option<u8> {
        self.get(kind)?.try_into().map(u8::from_ne_bytes).ok()
    }

    /// The value as a number of four bytes in the host's order; nothing when it is missing or has another length.
    pub fn u32(&self, kind: u16) -> Option<u32> {
        self.get(kind)?.try_into().map(u32::from_ne_bytes).ok()
    }

    /// The value as text, without the NUL that ends it.
    pub fn string(&self, kind: u16) -> Option<String> {
        let value = self.get(kind)?;
        let text = value.strip_suffix(&[0]).unwrap_or(value);
        Some(String::from_utf8_lossy(text).into_owned())
    }

    /// The attributes inside of this one; nothing when it is missing or not readable.
    pub fn nested(&self, kind: u16) -> Option<Attributes> {
        Attributes::parse(self.get(kind)?).ok()
    }

    /// Adds an attribute, or changes the value of the first one of its kind where it stands.
    pub fn set(&mut self, kind: u16, value: impl Into<Vec<u8>>) {
        let value = value.into();
        match self.0.iter_mut().find(|attribute| attribute.kind & !FLAGS == kind & !FLAGS) {
            Some(attribute) => attribute.value = value,
            None => self.0.push(Attribute { kind, value }),
        }
    }

    /// The same attributes with one more.
    pub fn with(mut self, kind: u16, value: impl Into<Vec<u8>>) -> Self {
        self.set(kind, value);
        self
    }

    /// The same attributes with one more that holds others.
    pub fn with_nested(self, kind: u16, inner: &Attributes) -> Self {
        self.with(kind | NLA_F_NESTED, inner.encode())
    }

    /// Takes away every attribute of this kind.
    pub fn remove(&mut self, kind: u16) {
        self.0.retain(|attribute| attribute.kind & !FLAGS != kind);
    }

    /// The attributes as bytes of a message.
    pub fn encode(&self) -> Vec<u8> {
        let attributes = self.0.as_slice();
        let mut bytes = vec![0; attributes.buffer_len()];
        attributes.emit(&mut bytes);
        bytes
    }
}

impl From<&NlaBuffer<&[u8]>> for Attribute {
    fn from(nla: &NlaBuffer<&[u8]>) -> Self {
        let nested = if nla.nested_flag() { NLA_F_NESTED } else { 0 };
        let order = if nla.network_byte_order_flag() { NLA_F_NET_BYTEORDER } else { 0 };
        Attribute { kind: nla.kind() | nested | order, value: nla.value().to_vec() }
    }
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
        attributes.remove(1);
        assert_eq!(attributes.get(1), None);
        assert_eq!(attributes.u8(2), Some(2));
    }
}
