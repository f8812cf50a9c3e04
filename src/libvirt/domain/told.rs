//! What the rules do with an interface, in words: for logs and terminals, each on one line.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};

use names::printable::Printable;

use super::{Change, Field, Interface, Refusal, Removed, RuleName};

/// By what people know it: its MAC address, or its number where it has none.
impl Display for Interface<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.mac {
            Some(mac) => write!(f, "interface {}", Printable(mac)),
            None => write!(f, "interface {}", self.position),
        }
    }
}

impl Display for Change<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let fields = self.fields.iter().map(Field::to_string);
        let removed =
            self.removed.iter().map(|removed| format!("without {}: {}", Printable(&removed.to_string()), removed.why));
        write!(f, "{}", fields.chain(removed).collect::<Vec<_>>().join(", "))?;
        self.rules.iter().try_for_each(|rule| write!(f, ", {rule}"))
    }
}

impl Display for Field<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let value = |value: &Option<Cow<str>>| Printable(value.as_deref().unwrap_or("none")).to_string();
        write!(f, "{} {} → {}", self.name, value(&self.from), value(&self.to))
    }
}

/// As a tag, such as `<virtualport type='openvswitch'>`.
impl Display for Removed<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.attribute {
            Some((name, value)) => write!(f, "<{} {name}='{value}'>", self.element),
            None => write!(f, "<{}>", self.element),
        }
    }
}

impl Display for Refusal<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "stays where it is: {}; {}", Printable(&self.why), self.rule)
    }
}

impl Display for RuleName<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "by {place}"),
            None => write!(f, "by rule {}", self.index + 1),
        }
    }
}
