//! What the rules make of an interface.

use std::ops::Range;

use super::{Destination, Interface, RulePlace};

/// What becomes of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// No rule fits; it stays.
    NoRule,
    /// The domain says `<interfaces patch='no'/>`; it stays.
    OptedOut,
    /// The first rule that fits says `keep`; it stays.
    Kept(RuleName<'a>),
    /// It already is where the first rule that fits wants it.
    Right(RuleName<'a>),
    /// It is moved.
    Changed(Change<'a>),
    /// A rule fits, but the interface cannot be moved; it stays.
    Refused(Refusal<'a>),
}

/// Which rule it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleName<'a> {
    /// The number of the rule, counted from 0.
    pub index: usize,
    /// Where it stands; nothing for one of the command line.
    pub place: Option<&'a RulePlace>,
}

/// How an interface is moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    /// The rule that fits.
    pub rule: RuleName<'a>,
    /// The rules that fit where it leads, and where the next one leads.
    pub further: Vec<RuleName<'a>>,
    /// Whether all of these rules are for running domains, too.
    pub live: bool,
    /// Where they lead.
    pub to: &'a Destination,
    /// What was taken away.
    pub removed: Vec<Removed<'a>>,
    /// Where its element stands in the XML after the changes, in bytes.
    pub span: Range<usize>,
}

/// One value that changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'c> {
    /// What it is: `type`, `source network`, `source portgroup`, `source bridge`, `source dev`.
    pub name: &'static str,
    /// The value before.
    pub from: Option<&'c str>,
    /// The value now.
    pub to: Option<&'c str>,
}

/// Something that would be wrong after the move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removed<'a> {
    /// The element that was taken away, or of which the attribute was.
    pub element: &'a str,
    /// Its first attribute, or the one that was taken away: the name, and the value as it was written.
    pub attribute: Option<(&'a str, &'a str)>,
    /// Why.
    pub why: &'static str,
}

/// Why an interface that a rule fits cannot be moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal<'a> {
    /// The rule that fits.
    pub rule: RuleName<'a>,
    /// Why not.
    pub why: String,
}

impl<'a> Change<'a> {
    /// The rules in the order in which they were applied: one, unless it leads to where another one fits.
    pub fn rules(&self) -> impl Iterator<Item = &RuleName<'a>> {
        [&self.rule].into_iter().chain(&self.further)
    }

    /// What of the interface, which is told of as it was, has another value now.
    pub fn fields<'c>(&'c self, interface: &'c Interface) -> impl Iterator<Item = Field<'c>> {
        let (from, to) = (interface.place(), interface.place().behind(self.to));
        let fields = [
            ("type", Some(from.kind), Some(to.kind)),
            ("source network", from.network, to.network),
            ("source portgroup", from.portgroup, to.portgroup),
            ("source bridge", from.bridge, to.bridge),
            ("source dev", from.device, to.device),
        ];
        fields.into_iter().filter(|(_, from, to)| from != to).map(|(name, from, to)| Field { name, from, to })
    }
}

impl<'a> Refusal<'a> {
    /// An interface with two of a part that is told of once; which one counts is libvirt's secret.
    pub(super) fn of_twice(rule: RuleName<'a>, part: &str) -> Self {
        Refusal { rule, why: format!("it has more than one <{part}>") }
    }
}
