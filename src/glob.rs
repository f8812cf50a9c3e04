//! Patterns for names: `*`, `?` and `[0-9a-f]`, as the shell has them (glob(7)).

use std::str::FromStr;

/// A pattern for whole names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    pattern: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// `*`
    Any,
    /// `?`, `[…]` or a character that stands for itself: ranges, and whether it is none of them.
    One { ranges: Vec<(char, char)>, negated: bool },
}

impl Part {
    fn takes(&self, c: char) -> bool {
        match self {
            Part::Any => true,
            Part::One { ranges, negated } => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&c)) != *negated
            }
        }
    }
}

impl Glob {
    /// The pattern as it was written.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Whether the pattern is that of the whole name.
    ///
    /// Where a `*` took too little it takes one more and the rest is tried again, so the time is at most the product
    /// of both lengths.
    pub fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let (mut part, mut at) = (0, 0);
        let mut star = None;
        while at < name.len() {
            match self.parts.get(part) {
                Some(Part::Any) => {
                    part += 1;
                    star = Some((part, at));
                }
                Some(one) if one.takes(name[at]) => (part, at) = (part + 1, at + 1),
                _ => {
                    let Some((after, taken)) = star else { return false };
                    star = Some((after, taken + 1));
                    (part, at) = (after, taken + 1);
                }
            }
        }
        self.parts[part..].iter().all(|part| *part == Part::Any)
    }
}

/// The error completes a line about the key that has the pattern.
impl FromStr for Glob {
    type Err = String;

    fn from_str(pattern: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = pattern;
        while let Some(first) = rest.chars().next() {
            rest = &rest[first.len_utf8()..];
            parts.push(match first {
                '*' => Part::Any,
                '?' => Part::One { ranges: Vec::new(), negated: true },
                '[' => {
                    // A ] that comes first is one of the set.
                    let skip = rest.len() - rest.trim_start_matches(['!', '^']).len();
                    let end = rest.char_indices().skip(skip + 1).find(|(_, c)| *c == ']').map(|(end, _)| end);
                    let end = end.ok_or_else(|| format!("the pattern \"{pattern}\" has a [ without its ]"))?;
                    let set = set(&rest[..end]);
                    rest = &rest[end + 1..];
                    set
                }
                literal => Part::One { ranges: vec![(literal, literal)], negated: false },
            });
        }
        match parts.is_empty() {
            true => Err("a pattern is empty".into()),
            false => Ok(Glob { pattern: pattern.to_owned(), parts }),
        }
    }
}

/// What stands between brackets.
fn set(text: &str) -> Part {
    let set = text.strip_prefix(['!', '^']);
    let characters: Vec<char> = set.unwrap_or(text).chars().collect();
    let mut ranges = Vec::new();
    let mut rest = characters.as_slice();
    while let Some((&first, others)) = rest.split_first() {
        rest = match others {
            ['-', last, others @ ..] => {
                ranges.push((first, *last));
                others
            }
            others => {
                ranges.push((first, first));
                others
            }
        };
    }
    Part::One { ranges, negated: set.is_some() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_names_as_the_shell_does() {
        for (pattern, name, expected) in [
            ("br0", "br0", true),
            ("br0", "br00", false),
            ("br0", "xbr0", false),
            ("*", "", true),
            ("*", "anything", true),
            ("?", "", false),
            ("br?", "br0", true),
            ("br?", "br10", false),
            ("podman[0-9]*", "podman12", true),
            ("podman[0-9]*", "podman", false),
            ("[!a-c]x", "dx", true),
            ("[!a-c]x", "bx", false),
            ("[]a]", "]", true),
            ("[a-]", "-", true),
            ("a*b*c", "aXbYbc", true),
            ("a*b*c", "aXbYb", false),
            ("*a", "aaab", false),
            ("é?", "éx", true),
        ] {
            assert_eq!(pattern.parse::<Glob>().unwrap().matches(name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern: Glob = "*a".repeat(30).parse().unwrap();
        assert!(!pattern.matches(&("a".repeat(29) + &"b".repeat(3000))));
    }

    #[test]
    fn a_broken_pattern_says_why() {
        assert_eq!("br[0".parse::<Glob>().unwrap_err(), "the pattern \"br[0\" has a [ without its ]");
        assert_eq!("[]".parse::<Glob>().unwrap_err(), "the pattern \"[]\" has a [ without its ]");
        assert_eq!("".parse::<Glob>().unwrap_err(), "a pattern is empty");
    }
}
