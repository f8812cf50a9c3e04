//! Netlink objects in JSON: a text for people, and the message's bytes from which the object comes back whole.

use std::fmt::Display;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Payload;

#[derive(Serialize, Deserialize)]
struct Record {
    text: String,
    raw: String,
}

/// Writes a list of objects.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<T: Payload + Display, S: Serializer>(objects: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(objects.iter().map(|object| Record { text: object.to_string(), raw: hex(&object.encode()) }))
}

/// Reads a list of objects.
///
/// # Errors
/// Those of the deserializer, and bytes that are no such message.
pub fn deserialize<'de, T: Payload, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Vec::<Record>::deserialize(deserializer)?
        .iter()
        .map(|record| {
            let bytes = unhex(&record.raw).ok_or_else(|| D::Error::custom("raw is not a hexadecimal text"))?;
            T::parse(&bytes).map_err(|malformed| D::Error::custom(malformed.0))
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    text.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            // Two digits make a number below 256.
            [high, low] => Some((digit(*high)? * 16 + digit(*low)?) as u8),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_the_way_through_text() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(unhex(&hex(&bytes)), Some(bytes));
        assert_eq!(unhex("0"), None);
        assert_eq!(unhex("zz"), None);
    }
}
