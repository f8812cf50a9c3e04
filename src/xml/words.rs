//! Eight bytes looked at in one step.
//!
//! What is compiled for size as a whole, at link time, gets no vector instructions from loops over bytes. How it is done
//! is in "Bit Twiddling Hacks" by Sean Eron Anderson: "Determine if a word has a zero byte", and what follows there.

/// The byte in all eight places.
const fn all(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Whether one of the bytes is less than a space and no line break.
///
/// Nothing is carried from one byte to the next, so that each is told from the others.
pub(crate) fn has_control(bytes: [u8; 8]) -> bool {
    let word = u64::from_ne_bytes(bytes);
    let at_least = |word: u64, limit: u8| ((word & all(0x7f)) + all(0x80 - limit)) | word;
    !at_least(word, b' ') & at_least(word ^ all(b'\n'), 1) & all(0x80) != 0
}

/// Whether one of the bytes is `byte`.
pub(crate) fn has(bytes: [u8; 8], byte: u8) -> bool {
    let word = u64::from_ne_bytes(bytes) ^ all(byte);
    word.wrapping_sub(all(1)) & !word & all(0x80) != 0
}

/// How often `byte` is there.
pub(crate) fn count(text: &[u8], byte: u8) -> usize {
    let mut total = 0;
    let mut rest = text;
    while let Some((bytes, behind)) = rest.split_first_chunk() {
        if has(*bytes, byte) {
            total += count_each(bytes, byte);
        }
        rest = behind;
    }
    total + count_each(rest, byte)
}

fn count_each(bytes: &[u8], byte: u8) -> usize {
    bytes.iter().filter(|&&found| found == byte).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_is_told_from_each_other_in_each_place() {
        for (place, found) in (0..8).flat_map(|place| (0..=u8::MAX).map(move |found| (place, found))) {
            for others in [b'a', 0, 0x7f, 0x80, 0xff] {
                let mut bytes = [others; 8];
                bytes[place] = found;
                for wanted in [b'\n', b' ', 0xef] {
                    assert_eq!(has(bytes, wanted), bytes.contains(&wanted), "{bytes:?} {wanted}");
                }
                let is_control = |&byte: &u8| byte < b' ' && byte != b'\n';
                assert_eq!(has_control(bytes), bytes.iter().any(is_control), "{bytes:?}");
            }
        }
    }

    #[test]
    fn bytes_are_counted_whatever_the_length_of_the_text() {
        let text = b"\na\n\nb\n\n\n\n\n\n\n\n\nc\n\x0b\x8a\n";
        for (start, end) in (0..text.len()).flat_map(|start| (start..=text.len()).map(move |end| (start, end))) {
            let text = &text[start..end];
            assert_eq!(count(text, b'\n'), text.iter().filter(|&&byte| byte == b'\n').count(), "{text:?}");
        }
    }
}
