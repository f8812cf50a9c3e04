//! The XML of a libvirt domain: which of its interfaces the rules move, and the XML with them moved.
//!
//! Pure: bytes and rules in, bytes and what changed out. All bytes outside of a moved `<interface>` stay as they are.

mod characters;
mod edit;
mod metadata;
mod position;
mod rules;
mod scan;
mod tag;
mod tokens;
mod told;

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};
use std::ops::Range;

use self::edit::Replacement;
use self::position::Problem;
use self::rules::{Course, Facts};
use self::scan::Element;
use self::tag::Tag;

use crate::config::{InterfaceRule, RulePlace};
use crate::printable::Printable;

/// The namespace of `<interfaces patch='no'/>` under a domain's `<metadata>`, by which a domain says that no rule is
/// for it.
pub const NAMESPACE: &str = "https://virt-bridge.org/domain/1";

/// The largest XML that is read, in bytes.
pub const LARGEST: usize = 16 << 20;

/// What the rules make of the XML of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patched {
    /// Every interface in the order of the XML, of a snapshot first those of the one, then those of the other domain.
    pub interfaces: Vec<Interface>,
    xml: Option<Vec<u8>>,
}

/// An interface of a domain, as it is in the XML given, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The domain's name; empty if it has none.
    pub domain: String,
    /// The number of the interface in its domain, counted from 1.
    pub position: usize,
    /// The line of the XML on which it begins, counted from 1.
    pub line: usize,
    /// Where its element stands in the XML given, in bytes.
    pub span: Range<usize>,
    /// The MAC address as it is written; libvirt makes one up where there is none.
    pub mac: Option<String>,
    /// `type`; libvirt takes `user` where there is none.
    pub kind: String,
    /// `<source network>`
    pub network: Option<String>,
    /// `<source portgroup>`
    pub portgroup: Option<String>,
    /// `<source bridge>`; of a running domain also that of its network.
    pub bridge: Option<String>,
    /// `<source dev>`
    pub device: Option<String>,
    /// `<model type>`
    pub model: Option<String>,
    /// `<target dev>`
    pub target: Option<String>,
    /// What becomes of it.
    pub verdict: Verdict,
}

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

/// Why the XML cannot be read; nothing of it is changed then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The line of the problem, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub problem: String,
}

/// Applies the rules to the XML of a domain, snapshot or status file.
///
/// # Errors
/// When it is not well-formed XML in UTF-8, not that of a domain, or larger than [`LARGEST`].
pub fn patch(xml: &[u8], rules: &[InterfaceRule]) -> Result<Patched, Error> {
    if xml.len() > LARGEST {
        return Err(Problem::new(LARGEST, "more than 16 MiB").in_xml(xml));
    }
    characters::check(xml).and_then(|text| patch_text(text, rules)).map_err(|problem| problem.in_xml(xml))
}

fn patch_text(xml: &str, rules: &[InterfaceRule]) -> Result<Patched, Problem> {
    let found = scan::scan(xml)?;
    let mut interfaces = Vec::new();
    let mut replacements = Vec::new();
    let mut lines = position::Lines::new(xml);
    for domain in &found.domains {
        let metadata = match &domain.metadata {
            Some(metadata) => metadata::read(xml, metadata, found.has_document_type, rules)?,
            None => metadata::Answers::default(),
        };
        let opt_out = metadata.opt_out;
        let facts = Facts::of(domain, metadata);
        for (index, element) in domain.interfaces.iter().enumerate() {
            let mut interface = Interface::read(element, index + 1, lines.line(element.span.start))?;
            interface.domain = facts.name.to_owned();
            interface.verdict = if opt_out {
                Verdict::OptedOut
            } else {
                judge(xml, element, &interface, rules::course(rules, &facts, &interface), &mut replacements)?
            };
            interfaces.push(interface);
        }
    }
    let xml = (!replacements.is_empty()).then(|| apply(xml, 0..xml.len(), &replacements));
    Ok(Patched { interfaces, xml })
}

/// The verdict on an interface; what it changes is added to `replacements`.
fn judge(
    xml: &str,
    element: &Element,
    interface: &Interface,
    course: Course,
    replacements: &mut Vec<Replacement>,
) -> Result<Verdict, Problem> {
    Ok(match course {
        Course::NoRule => Verdict::NoRule,
        Course::Kept(rule) => Verdict::Kept(rule),
        Course::Right(rule) => Verdict::Right(rule),
        Course::Refused(rule, why) => Verdict::Refused(Refusal { rule, why }),
        Course::Moved { rules, live, to } => {
            if let Some(refusal) = element.part_given_twice().and_then(|part| Refusal::of_twice(&rules, part)) {
                return Ok(Verdict::Refused(refusal));
            }
            let edit = edit::plan(xml, element, interface, to)?;
            let interface_xml = apply(xml, element.span.clone(), &edit.replacements);
            replacements.extend(edit.replacements);
            Verdict::Changed(Change { rules, live, fields: edit.fields, removed: edit.removed, interface_xml })
        }
    })
}

/// A piece of the XML with what comes in place of some of it.
fn apply(xml: &str, span: Range<usize>, replacements: &[Replacement]) -> Vec<u8> {
    let mut result = Vec::with_capacity(span.len() + 64 * replacements.len());
    let mut at = span.start;
    for replacement in replacements {
        result.extend_from_slice(&xml.as_bytes()[at..replacement.span.start]);
        result.extend_from_slice(replacement.text.as_bytes());
        at = replacement.span.end;
    }
    result.extend_from_slice(&xml.as_bytes()[at..span.end]);
    result
}

impl Refusal {
    /// An interface with two of a part that is told of once; which one counts is libvirt's secret.
    fn of_twice(rules: &[RuleName], part: &str) -> Option<Self> {
        let why = format!("it has more than one <{part}>");
        rules.first().map(|rule| Refusal { rule: rule.clone(), why })
    }
}

impl Interface {
    /// The interface as it is written.
    fn read(element: &Element, position: usize, line: usize) -> Result<Self, Problem> {
        let value = |tag: &Tag, name: &str| tag.value(name).map(|value| value.map(Cow::into_owned));
        let of_part = |part: &str, name: &str| match element.parts.iter().find(|found| found.tag.name() == part) {
            Some(part) => value(&part.tag, name),
            None => Ok(None),
        };
        Ok(Interface {
            domain: String::new(),
            position,
            line,
            span: element.span.clone(),
            mac: of_part("mac", "address")?,
            kind: value(&element.tag, "type")?.unwrap_or_else(|| "user".into()),
            network: of_part("source", "network")?,
            portgroup: of_part("source", "portgroup")?,
            bridge: of_part("source", "bridge")?,
            device: of_part("source", "dev")?,
            model: of_part("model", "type")?,
            target: of_part("target", "dev")?,
            verdict: Verdict::NoRule,
        })
    }
}

impl Patched {
    /// The XML after the changes; nothing if there are none.
    pub fn xml(&self) -> Option<&[u8]> {
        self.xml.as_deref()
    }

    /// The interfaces that are moved, and how.
    pub fn changes(&self) -> impl Iterator<Item = (&Interface, &Change)> {
        self.interfaces.iter().filter_map(|interface| match &interface.verdict {
            Verdict::Changed(change) => Some((interface, change)),
            _ => None,
        })
    }

    /// The interfaces that a rule fits and that cannot be moved, and why.
    pub fn refusals(&self) -> impl Iterator<Item = (&Interface, &Refusal)> {
        self.interfaces.iter().filter_map(|interface| match &interface.verdict {
            Verdict::Refused(refusal) => Some((interface, refusal)),
            _ => None,
        })
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, Printable(&self.problem))
    }
}

impl std::error::Error for Error {}
