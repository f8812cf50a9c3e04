//! Patterns for names: `*`, `?` and `[0-9a-f]`, as the shell has them (glob(7)).

use std::str::FromStr;

/// A pattern for whole names, which is whole itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    pattern: String,
    /// Whether it is that of one name alone, which is the pattern itself.
    is_name: bool,
}

impl Glob {
    /// The pattern as it was written.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Whether the pattern is that of the whole name.
    pub fn matches(&self, name: &str) -> bool {
        if self.is_name { self.pattern == name } else { matches(&self.pattern, name) }
    }
}

/// The error completes a line about the key that has the pattern.
impl FromStr for Glob {
    type Err = String;

    fn from_str(pattern: &str) -> Result<Self, String> {
        let mut rest = pattern;
        while !rest.is_empty() {
            rest = behind(rest).ok_or_else(|| format!("the pattern \"{pattern}\" has a [ without its ]"))?;
        }
        match pattern {
            "" => Err("a pattern is empty".into()),
            _ => Ok(Glob { pattern: pattern.to_owned(), is_name: !pattern.contains(['*', '?', '[']) }),
        }
    }
}

/// Whether `pattern` is that of the whole name.
///
/// Where a `*` took too little it takes one more and the rest is tried again, so the time is at most the product of
/// both lengths.
pub fn matches(mut pattern: &str, mut name: &str) -> bool {
    let mut star = None;
    while let Some(c) = name.chars().next() {
        let one = (!pattern.starts_with('*')).then(|| behind(pattern)).flatten();
        if let Some(after) = pattern.strip_prefix('*') {
            pattern = after;
            star = Some((after, name));
        } else if let Some(rest) = one.filter(|rest| takes(&pattern[..pattern.len() - rest.len()], c)) {
            (pattern, name) = (rest, &name[c.len_utf8()..]);
        } else {
            let Some((after, from)) = star else { return false };
            let from = &from[from.chars().next().map_or(0, char::len_utf8)..];
            star = Some((after, from));
            (pattern, name) = (after, from);
        }
    }
    pattern.chars().all(|c| c == '*')
}

/// What stands behind the first part of a pattern; nothing at its end, or where a bracket is not closed.
fn behind(pattern: &str) -> Option<&str> {
    let mut characters = pattern.chars();
    if characters.next()? == '[' {
        // A ] that comes first is one of the set.
        let set = pattern[1..].trim_start_matches(['!', '^']);
        let end = set.bytes().skip(1).position(|b| b == b']')?;
        return Some(&set[end + 2..]);
    }
    Some(characters.as_str())
}

/// Whether `?`, `[…]` or a character that stands for itself takes a character.
fn takes(part: &str, c: char) -> bool {
    let Some(set) = part.strip_prefix('[') else { return part == "?" || part.starts_with(c) };
    let (set, negated) = set.strip_prefix(['!', '^']).map_or((set, false), |set| (set, true));
    let mut rest: Vec<char> = set.chars().collect();
    // The ] that ends it.
    rest.pop();
    let mut rest = rest.as_slice();
    while let Some((&first, others)) = rest.split_first() {
        let (last, others) = match others {
            ['-', last, others @ ..] => (*last, others),
            others => (first, others),
        };
        if (first..=last).contains(&c) {
            return !negated;
        }
        rest = others;
    }
    negated
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
