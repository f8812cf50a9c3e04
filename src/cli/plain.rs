//! Text for a terminal whose locale has no more than ASCII (`LANG=C`), which would show anything else as rubbish.

use std::borrow::Cow;
use std::env;
use std::io::IsTerminal;

/// The text as standard output can show it: a file or a pipe gets all of it.
pub fn for_stdout(text: &str) -> Cow<'_, str> {
    if !std::io::stdout().is_terminal() || is_utf8(|variable| env::var(variable).ok()) {
        return text.into();
    }
    text.chars().map(in_ascii).collect::<String>().into()
}

/// As setlocale(3) chooses the locale for characters.
fn is_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
    locale.is_some_and(|locale| ["utf-8", "utf8"].iter().any(|name| locale.to_lowercase().contains(name)))
}

/// What we draw with, a letter for a letter, so that columns stay columns. Names that somebody else gave stay as they are.
fn in_ascii(letter: char) -> char {
    match letter {
        '│' | '├' => '|',
        '└' => '`',
        '─' => '-',
        '↓' => 'v',
        '↑' => '^',
        '→' => '>',
        'µ' => 'u',
        '…' => '.',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_says_which_letters_there_are() {
        let with = |variables: &[(&str, &str)]| {
            is_utf8(|name| variables.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned()))
        };
        assert!(with(&[("LANG", "de_DE.UTF-8")]) && with(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8")]));
        assert!(!with(&[]) && !with(&[("LANG", "C")]) && !with(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]));
    }

    #[test]
    fn what_is_drawn_has_a_letter_for_each() {
        let drawn = "└─ eth0  ↓ 1 B, ↑ 2 B\n   │  größe";
        assert_eq!(drawn.chars().map(in_ascii).collect::<String>(), "`- eth0  v 1 B, ^ 2 B\n   |  größe");
    }
}
