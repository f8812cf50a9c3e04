//! Eight bytes looked at in one step: a word, the first byte in its lowest place.
//!
//! What is compiled for size as a whole, at link time, gets no vector instructions from loops over bytes. How it is done
//! is in "Bit Twiddling Hacks" by Sean Eron Anderson: "Determine if a word has a zero byte", and what follows there.

/// The byte in all eight places.
const fn all(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The top bit of all eight places.
const TOP: u64 = all(0x80);

/// Whether all of these bytes, of some words, are ASCII, and none is less than a space but for line breaks.
#[inline]
pub(crate) fn are_plain(bytes: &[u8]) -> bool {
    let words = bytes.chunks_exact(8).filter_map(|word| word.try_into().ok()).map(u64::from_le_bytes);
    words.fold(0, |odd, word| odd | not_plain(word)) == 0
}

/// The top bit of some bytes if there are such ones.
#[inline]
fn not_plain(word: u64) -> u64 {
    // Of a byte beyond ASCII something is carried to the next, but it is not plain itself.
    let is_shown = word.wrapping_add(all(0x80 - b' '));
    let is_no_line_break = (word ^ all(b'\n')).wrapping_add(all(0x7f));
    (word | (!is_shown & is_no_line_break)) & TOP
}

/// The top bit where a byte is `byte`; where one is, others behind it may be marked, too.
#[inline]
fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ all(byte), 1)
}

/// The top bit where a byte is less than `limit`, with the same reserve.
#[inline]
fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(all(limit)) & !word & TOP
}

/// The place of the first mark.
#[inline]
fn first(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

/// Where the first byte is that is one of `wanted`.
#[inline]
pub(crate) fn find<const N: usize>(text: &[u8], wanted: [u8; N]) -> Option<usize> {
    let mut rest = text;
    while let Some((bytes, behind)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*bytes);
        let marks = wanted.iter().fold(0, |marks, byte| marks | equal(word, *byte));
        if marks != 0 {
            return Some(text.len() - rest.len() + first(marks));
        }
        rest = behind;
    }
    rest.iter().position(|byte| wanted.contains(byte)).map(|at| text.len() - rest.len() + at)
}

/// The length of a value in front of its `quote`, and whether it is what is written: without `&`, `<`, and white space
/// but for spaces.
#[inline]
pub(crate) fn value_length(text: &[u8], quote: u8) -> Option<(usize, bool)> {
    let mut odd_before = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let (word, behind) = match rest.split_first_chunk() {
            Some((bytes, behind)) => (u64::from_le_bytes(*bytes), behind),
            None => (short_word(rest), &[][..]),
        };
        let (end, odd) = (equal(word, quote), equal(word, b'&') | equal(word, b'<') | below(word, b' '));
        if end != 0 {
            let before = (end & end.wrapping_neg()) - 1;
            return Some((text.len() - rest.len() + first(end), odd_before | (odd & before) == 0));
        }
        odd_before |= odd;
        rest = behind;
    }
    None
}

/// Less than eight bytes, with zeros behind them.
fn short_word(text: &[u8]) -> u64 {
    text.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// How often `byte` is there.
pub(crate) fn count(text: &[u8], byte: u8) -> usize {
    // No place counts beyond what it can hold.
    text.chunks(8 * 0xff).map(|part| count_few(part, byte)).sum()
}

fn count_few(text: &[u8], byte: u8) -> usize {
    let mut counts = 0;
    let mut rest = text;
    while let Some((bytes, behind)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*bytes) ^ all(byte);
        counts += (!(((word & all(0x7f)) + all(0x7f)) | word) & TOP) >> 7;
        rest = behind;
    }
    let of_words: usize = counts.to_le_bytes().into_iter().map(usize::from).sum();
    of_words + rest.iter().filter(|&&found| found == byte).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_is_told_from_each_other_in_each_place() {
        for (place, found) in (0..8).flat_map(|place| (0..=u8::MAX).map(move |found| (place, found))) {
            for others in [b'a', b'\n', 0, 0x7f, 0x80, 0xff] {
                let mut bytes = [others; 8];
                bytes[place] = found;
                let is_plain = |byte: &u8| matches!(byte, b' '..=0x7f | b'\n');
                assert_eq!(are_plain(&bytes), bytes.iter().all(is_plain), "{bytes:?}");
                for wanted in [b'\n', b' ', 0xef] {
                    let first = bytes.iter().position(|byte| [wanted, b'x'].contains(byte));
                    assert_eq!(find(&bytes, [wanted, b'x']), first, "{bytes:?} {wanted}");
                }
            }
        }
    }

    #[test]
    fn bytes_are_found_and_counted_whatever_the_length_of_the_text() {
        let text = b"\na\n\nb\n\n\n\n\n\n\n\n\nc\n\x0b\x8a\n";
        for (start, end) in (0..text.len()).flat_map(|start| (start..=text.len()).map(move |end| (start, end))) {
            let text = &text[start..end];
            assert_eq!(count(text, b'\n'), text.iter().filter(|&&byte| byte == b'\n').count(), "{text:?}");
            assert_eq!(find(text, *b"bc"), text.iter().position(|byte| b"bc".contains(byte)), "{text:?}");
        }
        assert_eq!(count(&[b'\n'; 5_000], b'\n'), 5_000);
    }

    #[test]
    fn a_value_ends_at_its_quote_and_is_plain_without_what_stands_for_something_else() {
        for (place, found) in (0..20).flat_map(|place| (0..=u8::MAX).map(move |found| (place, found))) {
            for end in [0, 1, 7, 8, 9, 15, 16, 19] {
                let mut text = [b'a'; 20];
                text[end] = b'"';
                text[place] = found;
                let length = text.iter().position(|byte| *byte == b'"');
                let is_odd = |byte: &u8| *byte < b' ' || matches!(byte, b'&' | b'<');
                let expected = length.map(|length| (length, !text[..length].iter().any(is_odd)));
                assert_eq!(value_length(&text, b'"'), expected, "{text:?}");
            }
        }
    }
}
