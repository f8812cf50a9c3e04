//! What the rules make of an interface.

use crate::config::RulePlace;

/// What becomes of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No rule fits; it stays.
    NoRule,
    /// The domain says `<interfaces patch='no'/>`; it stays.
    OptedOut,
    /// The first rule that fits says `keep`; it stays.
    Kept(RuleName),
    /// It already is where the first rule that fits wants it.
    Right(RuleName),
    /// It is moved.
    Changed(Change),
    /// A rule fits, but the interface cannot be moved; it stays.
    Refused(Refusal),
}

/// Which rule it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleName {
    /// The number of the rule, counted from 0.
    pub index: usize,
    /// Where it stands; nothing for one of the command line.
    pub place: Option<RulePlace>,
}

/// How an interface is moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The rules in the order in which they were applied: one, unless the first leads to where the next one fits.
    pub rules: Vec<RuleName>,
    /// Whether all of these rules are for running domains, too.
    pub live: bool,
    /// What has another value now.
    pub fields: Vec<Field>,
    /// What was taken away.
    pub removed: Vec<Removed>,
    /// The `<interface>` element alone, as it is now.
    pub interface_xml: Vec<u8>,
}

/// One value that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What it is: `type`, `source network`, `source bridge`, `source portgroup`.
    pub name: &'static str,
    /// The value before.
    pub from: Option<String>,
    /// The value now.
    pub to: Option<String>,
}

/// Something that would be wrong after the move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// What was taken away, such as `<virtualport type='openvswitch'>`.
    pub what: String,
    /// Why.
    pub why: &'static str,
}

/// Why an interface that a rule fits cannot be moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The rule that fits.
    pub rule: RuleName,
    /// Why not.
    pub why: String,
}

impl Refusal {
    /// An interface with two of a part that is told of once; which one counts is libvirt's secret.
    pub(super) fn of_twice(rules: &[RuleName], part: &str) -> Option<Self> {
        let why = format!("it has more than one <{part}>");
        rules.first().map(|rule| Refusal { rule: rule.clone(), why })
    }
}
