//! A key of a configuration file with its value and place; reading it as what it has to be.

use std::fmt::Display;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::RulePlace;
use super::error::{Error, nearest, quoted};
use super::source::Source;

/// Where a key stands.
#[derive(Clone)]
pub(super) struct Place<'s> {
    source: &'s Source,
    offset: usize,
    /// The whole key, such as `bridge.br0.stp`; empty for the document.
    pub key: String,
}

impl Place<'_> {
    /// The file and line, for a rule that is told of later.
    pub fn rule_place(&self) -> RulePlace {
        RulePlace { file: self.source.path.clone(), line: self.source.line(self.offset) }
    }

    /// The error that this key is at fault.
    pub fn error(&self, problem: impl Display) -> Error {
        Error {
            file: self.source.path.clone(),
            line: Some(self.source.line(self.offset)),
            key: Some(self.key.clone()),
            problem: problem.to_string(),
        }
    }
}

/// A key, its value and its place.
pub(super) struct Entry<'s, 't> {
    pub place: Place<'s>,
    /// The last part of the key.
    pub name: &'t str,
    value: &'t DeValue<'s>,
}

/// Parses the text of `source`.
pub(super) fn parse(source: &Source) -> Result<DeTable<'_>, Error> {
    let document = DeTable::parse(&source.text).map_err(|e| Error {
        line: Some(source.line(e.span().map_or(0, |span| span.start))),
        ..Error::of_file(&source.path, e.message())
    })?;
    Ok(document.into_inner())
}

/// The entries of a parsed document.
pub(super) fn entries<'s, 't>(source: &'s Source, document: &'t DeTable<'s>) -> Vec<Entry<'s, 't>> {
    below(&Place { source, offset: 0, key: String::new() }, document)
}

fn below<'s, 't>(place: &Place<'s>, table: &'t DeTable<'s>) -> Vec<Entry<'s, 't>> {
    let entry = |name: &'t str, offset, value| {
        let shown = shown_key(name);
        let key = if place.key.is_empty() { shown } else { format!("{}.{shown}", place.key) };
        Entry { place: Place { source: place.source, offset, key }, name, value }
    };
    table.iter().map(|(name, value)| entry(name.get_ref(), name.span().start, value.get_ref())).collect()
}

/// One part of a key as TOML writes it: `br0`, `"eth0.100"`.
pub(super) fn shown_key(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if bare { name.to_owned() } else { quoted(name) }
}

impl<'s, 't> Entry<'s, 't> {
    /// The entries of a table.
    pub fn entries(&self) -> Result<Vec<Entry<'s, 't>>, Error> {
        match self.value {
            DeValue::Table(table) => Ok(below(&self.place, table)),
            _ => Err(self.impossible("a table")),
        }
    }

    /// The tables of an array of tables, as entries of the array's key.
    pub fn tables(&self) -> Result<Vec<Entry<'s, 't>>, Error> {
        let DeValue::Array(array) = self.value else { return Err(self.impossible("an array of tables")) };
        let table = |table: &'t Spanned<DeValue<'s>>| Entry {
            place: Place { offset: table.span().start, ..self.place.clone() },
            name: self.name,
            value: table.get_ref(),
        };
        Ok(array.iter().map(table).collect())
    }

    pub fn is_table(&self) -> bool {
        matches!(self.value, DeValue::Table(_))
    }

    pub fn bool(&self) -> Result<bool, Error> {
        self.value.as_bool().ok_or_else(|| self.impossible("true, false"))
    }

    pub fn text(&self, allowed: &str) -> Result<&'t str, Error> {
        self.value.as_str().ok_or_else(|| self.impossible(allowed))
    }

    /// The texts of an array; an error for what is none.
    pub fn texts(&self, allowed: &'static str) -> Result<impl Iterator<Item = Result<&'t str, Error>>, Error> {
        let DeValue::Array(array) = self.value else { return Err(self.impossible(allowed)) };
        Ok(array.iter().map(move |text| text.get_ref().as_str().ok_or_else(|| self.impossible(allowed))))
    }

    /// A length of time: whole seconds, or a text with its unit.
    pub fn duration(&self) -> Result<Duration, Error> {
        const ALLOWED: &str = "whole seconds, or a text such as \"3s\" or \"500ms\"";
        let parsed = match self.value {
            DeValue::Integer(n) => u64::from_str_radix(n.as_str(), n.radix()).ok().map(Duration::from_secs),
            DeValue::String(text) => parse_duration(text),
            _ => return Err(self.impossible(ALLOWED)),
        };
        parsed.ok_or_else(|| self.error(format!("{} is no length of time; allowed: {ALLOWED}", self.shown())))
    }

    /// The error that this key is at fault.
    pub fn error(&self, problem: impl Display) -> Error {
        self.place.error(problem)
    }

    /// The error that this value is none of `allowed`.
    pub fn not_known(&self, allowed: &str) -> Error {
        self.error(format!("{} is not known; allowed: {allowed}", self.shown()))
    }

    /// The error that there is no such key beside `known`.
    pub fn unknown_key(&self, known: &[&str]) -> Error {
        match nearest(self.name, known) {
            Some(meant) => self.error(format!("unknown key; did you mean \"{meant}\"?")),
            None => self.error(format!("unknown key; allowed: {}", known.join(", "))),
        }
    }

    /// The error that a value of this type or size cannot be, only what is `allowed`.
    pub fn impossible(&self, allowed: &str) -> Error {
        self.error(format!("{} is not possible; allowed: {allowed}", self.shown()))
    }

    /// The value as an error shows it.
    fn shown(&self) -> String {
        match self.value {
            DeValue::String(text) => quoted(text),
            DeValue::Integer(n) => n.to_string(),
            DeValue::Boolean(b) => b.to_string(),
            DeValue::Array(_) => "an array".into(),
            other => format!("a {}", other.type_str()),
        }
    }
}

/// Reads `3s`, `500ms` or `0`; nothing where the text is no length of time.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number = text[..unit].parse().ok()?;
    match &text[unit..] {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "" if number == 0 => Some(Duration::ZERO),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_need_a_unit() {
        let ms = |n| Some(Duration::from_millis(n));
        for (text, parsed) in [
            ("3s", ms(3000)),
            ("500ms", ms(500)),
            ("0", ms(0)),
            ("0s", ms(0)),
            ("3", None),
            ("", None),
            ("s", None),
            ("-1s", None),
            ("+1s", None),
            ("1.5s", None),
            ("1 s", None),
            ("1m", None),
            ("99999999999999999999s", None),
            ("١s", None),
        ] {
            assert_eq!(parse_duration(text), parsed, "{text:?}");
        }
    }
}
