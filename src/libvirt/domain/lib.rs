//! The XML of a libvirt domain: which of its interfaces the rules move, and the XML with them moved.
//!
//! Pure: bytes and rules in, bytes and what changed out. All bytes outside of a moved `<interface>` stay as they are.
#![deny(unsafe_code)]

mod edit;
mod interface;
mod metadata;
mod rule;
mod rules;
mod scan;
mod splice;
mod told;
mod verdict;

use std::fmt::{self, Display, Formatter};

use names::printable::Printable;
use xml::Problem;

pub use self::interface::Interface;
pub use self::rule::{Destination, InterfaceMatch, InterfaceRule, MetadataMatch, RulePlace, parse_uuid};
pub use self::verdict::{Change, Field, Refusal, Removed, RuleName, Verdict};

use self::edit::Edit;
use self::rules::{Course, Facts, Move};
use self::scan::{Domain, Elements};
use self::splice::Splice;

/// The namespace of `<interfaces patch='no'/>` under a domain's `<metadata>`, by which a domain says that no rule is
/// for it.
pub const NAMESPACE: &str = "https://virt-bridge.org/domain/1";

/// The largest XML that is read, in bytes.
pub const LARGEST: usize = 16 << 20;

/// What the rules make of the XML of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patched<'a> {
    /// Every interface in the order of the XML, of a snapshot first those of the one, then those of the other domain.
    pub interfaces: Vec<Interface<'a>>,
    xml: Option<Vec<u8>>,
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
pub fn patch<'a>(xml: &'a [u8], rules: &'a [InterfaceRule]) -> Result<Patched<'a>, Error> {
    if xml.len() > LARGEST {
        return Err(Error::of(Problem::new(LARGEST, "more than 16 MiB"), xml));
    }
    xml::check(xml).and_then(|text| patch_text(text, rules)).map_err(|problem| Error::of(problem, xml))
}

fn patch_text<'a>(xml: &'a str, rules: &'a [InterfaceRule]) -> Result<Patched<'a>, Problem> {
    let found = scan::scan(xml)?;
    let mut interfaces = Vec::with_capacity(found.domains.iter().map(Domain::count).sum());
    let mut splice = Splice::new(xml);
    let mut edit = Edit::default();
    let mut lines = xml::Lines::new(xml);
    for domain in &found.domains {
        let metadata = match &domain.metadata {
            Some(metadata) => metadata::read(xml, metadata, found.has_document_type, rules)?,
            None => metadata::Answers::default(),
        };
        let opt_out = metadata.opt_out;
        let facts = Facts::of(domain, metadata);
        for (index, elements) in domain.interfaces().enumerate() {
            let line = lines.line(elements.whole.span().start);
            let mut interface = Interface::read(&elements, &facts.name, index + 1, line)?;
            interface.verdict = if opt_out {
                Verdict::OptedOut
            } else {
                judge(&elements, &interface, rules::course(rules, &facts, &interface), &mut edit, &mut splice)?
            };
            interfaces.push(interface);
        }
    }
    Ok(Patched { interfaces, xml: splice.finish() })
}

/// The verdict on an interface; what it changes is done.
fn judge<'a>(
    elements: &Elements<'_, 'a>,
    interface: &Interface<'a>,
    course: Course<'a>,
    edit: &mut Edit<'a>,
    splice: &mut Splice<'a>,
) -> Result<Verdict<'a>, Problem> {
    Ok(match course {
        Course::NoRule => Verdict::NoRule,
        Course::Kept(rule) => Verdict::Kept(rule),
        Course::Right(rule) => Verdict::Right(rule),
        Course::Refused(rule, why) => Verdict::Refused(Refusal { rule, why }),
        Course::Moved(Move { rule, further, live, to }) => {
            if let Some(part) = Interface::part_given_twice(elements) {
                return Ok(Verdict::Refused(Refusal::of_twice(rule, part)));
            }
            let removed = edit.plan(splice.xml(), elements, interface, to)?;
            let span = splice.replace(&interface.span, &edit.replacements);
            Verdict::Changed(Change { rule, further, live, to, removed, span })
        }
    })
}

impl<'a> Patched<'a> {
    /// The XML after the changes; nothing if there are none.
    pub fn xml(&self) -> Option<&[u8]> {
        self.xml.as_deref()
    }

    /// The `<interface>` element alone, as it is after its change.
    pub fn interface_xml(&self, change: &Change) -> &[u8] {
        self.xml().and_then(|xml| xml.get(change.span.clone())).unwrap_or_default()
    }

    /// The interfaces that are moved, and how.
    pub fn changes(&self) -> impl Iterator<Item = (&Interface<'a>, &Change<'a>)> {
        self.interfaces.iter().filter_map(|interface| match &interface.verdict {
            Verdict::Changed(change) => Some((interface, change)),
            _ => None,
        })
    }

    /// The interfaces that a rule fits and that cannot be moved, and why.
    pub fn refusals(&self) -> impl Iterator<Item = (&Interface<'a>, &Refusal<'a>)> {
        self.interfaces.iter().filter_map(|interface| match &interface.verdict {
            Verdict::Refused(refusal) => Some((interface, refusal)),
            _ => None,
        })
    }
}

impl Error {
    fn of(problem: Problem, xml: &[u8]) -> Self {
        let (line, column) = problem.place(xml);
        Error { line, column, problem: problem.text }
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, Printable(&self.problem))
    }
}

impl std::error::Error for Error {}
