//! What the rules do with an interface, in words: for logs and terminals, each on one line.

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

impl Change<'_> {
    /// What is done to the interface, and by which rules.
    pub fn told_of(&self, interface: &Interface) -> String {
        let fields = self.fields(interface).map(|field| field.to_string());
        let removed =
            self.removed.iter().map(|removed| format!("without {}: {}", Printable(&removed.to_string()), removed.why));
        let rules = self.rules().map(RuleName::to_string);
        fields.chain(removed).chain(rules).collect::<Vec<_>>().join(", ")
    }
}

impl Display for Field<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} → {}", self.name, Printable(self.from.unwrap_or("none")), Printable(self.to.unwrap_or("none")))
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
