//! Words of a line, replaced without touching what stands between them.

/// The text with each word, counted from 0, as `change` wants it.
pub fn map_words(text: &str, mut change: impl FnMut(usize, &str) -> String) -> String {
    // A backslash at the end of a line continues it and is no part of a word.
    let is_gap = |c: char| c.is_whitespace() || c == '\\';
    let (mut changed, mut rest, mut count) = (String::new(), text, 0);
    while !rest.is_empty() {
        let gap = rest.find(|c| !is_gap(c)).unwrap_or(rest.len());
        changed.push_str(&rest[..gap]);
        rest = &rest[gap..];
        let end = rest.find(is_gap).unwrap_or(rest.len());
        if end > 0 {
            changed.push_str(&change(count, &rest[..end]));
            count += 1;
        }
        rest = &rest[end..];
    }
    changed
}

/// Whether the name stands in the word by itself, as in `conf/eth0/forwarding` and `dev=eth0`.
pub fn mentions(word: &str, name: &str) -> bool {
    word.split(|c: char| !(c.is_alphanumeric() || "._-".contains(c)))
        .any(|part| part == name || part.split('.').any(|key| key == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_words_stays() {
        let text = "\tauto  lo\\\n   eth0 \n";
        assert_eq!(map_words(text, |_, word| word.to_owned()), text);
        assert_eq!(
            map_words(text, |at, word| if at == 2 { "br0".into() } else { word.into() }),
            "\tauto  lo\\\n   br0 \n"
        );
    }

    #[test]
    fn a_name_is_found_in_paths_and_settings_but_not_in_other_names() {
        for word in ["eth0", "net.ipv4.conf.eth0.rp_filter=1", "/sys/class/net/eth0/x", "'eth0'"] {
            assert!(mentions(word, "eth0"), "{word}");
        }
        for word in ["eth01", "veth0", "eth0-old"] {
            assert!(!mentions(word, "eth0"), "{word}");
        }
    }
}
