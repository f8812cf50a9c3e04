//! What is done about domains: their interfaces that the rules move, changed one by one.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Instant;

use uuid::Uuid;
use virt::connect::Connect;
use virt::domain::Domain;
use virt::enumutil::Enum;
use virt::error::{Error, ErrorNumber};
use virt::sys;
use virt_bridge::config::InterfaceRule;
use virt_bridge::libvirt::domain::{self, Change, Interface};

use crate::journal::Journal;
use crate::reversals::{Place, Reversals, Verdict};

/// Applies the rules to domains, and remembers what it did.
pub struct Changer {
    rules: Rc<[InterfaceRule]>,
    dry_run: bool,
    reversals: Reversals,
    /// What is wrong, or would be done, and has been said: it is not said again with every look.
    told: BTreeSet<(Uuid, String)>,
}

/// The domain that is looked at.
struct Subject<'a> {
    connection: &'a Connect,
    domain: Domain,
    uuid: Uuid,
    name: String,
    journal: &'a Journal,
}

/// Which of a domain's two sets of interfaces.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Those of its definition.
    Definition,
    /// Those it runs with, in the run of this number.
    Run(u32),
}

impl Part {
    /// Neither has VIR_DOMAIN_XML_SECURE: no interface needs a password, so none is ever asked for.
    fn xml_flags(self) -> sys::virDomainXMLFlags {
        match self {
            Part::Definition => sys::VIR_DOMAIN_XML_INACTIVE,
            Part::Run(_) => 0,
        }
    }

    fn affected(self) -> sys::virDomainModificationImpact {
        match self {
            Part::Definition => sys::VIR_DOMAIN_AFFECT_CONFIG,
            Part::Run(_) => sys::VIR_DOMAIN_AFFECT_LIVE,
        }
    }

    fn run(self) -> Option<u32> {
        match self {
            Part::Definition => None,
            Part::Run(run) => Some(run),
        }
    }
}

impl<'a> Subject<'a> {
    fn new(connection: &'a Connect, domain: Domain, journal: &'a Journal) -> Result<Self, Error> {
        Ok(Subject { connection, uuid: domain.uuid()?, name: domain.name()?, domain, journal })
    }

    /// Whether libvirt has answered, so that only this domain is concerned.
    fn is_answered(&self) -> bool {
        self.connection.is_alive() == Ok(true)
    }
}

/// The domain was undefined, or ended, while it was looked at.
fn is_gone(error: &Error) -> bool {
    error.code() == Enum::Known(ErrorNumber::NoDomain)
}

impl Changer {
    /// Applies `rules`, or only says what they would do.
    pub fn new(rules: Vec<InterfaceRule>, dry_run: bool) -> Self {
        Changer { rules: rules.into(), dry_run, reversals: Reversals::default(), told: BTreeSet::new() }
    }

    /// Takes new rules; what was given up under the old ones is tried again.
    pub fn reload(&mut self, rules: Vec<InterfaceRule>) {
        *self = Changer::new(rules, self.dry_run);
    }

    /// The domain is not defined any more.
    pub fn forget(&mut self, domain: &Uuid) {
        self.keep_only(|other| other != domain);
    }

    fn keep_only(&mut self, exists: impl Fn(&Uuid) -> bool) {
        self.reversals.tidy(Instant::now(), &exists);
        self.told.retain(|(domain, _)| exists(domain));
    }

    /// Looks at every domain, as long as `go_on` says so before each. Returns how many changes were not possible.
    ///
    /// # Errors
    /// When the connection is lost.
    pub fn look_at_all(
        &mut self,
        connection: &Connect,
        journal: &Journal,
        mut go_on: impl FnMut() -> bool,
    ) -> Result<usize, Error> {
        let mut failed = 0;
        let mut present = BTreeSet::new();
        for domain in connection.list_all_domains(0)? {
            if !go_on() {
                return Ok(failed);
            }
            let subject = Subject::new(connection, domain, journal)?;
            present.insert(subject.uuid);
            failed += self.look(&subject)?;
        }
        self.keep_only(|domain| present.contains(domain));
        Ok(failed)
    }

    /// Looks at one domain, if it is still there.
    ///
    /// # Errors
    /// When the connection is lost.
    pub fn look_at(&mut self, connection: &Connect, domain: &Uuid, journal: &Journal) -> Result<(), Error> {
        match connection.lookup_domain_by_uuid(*domain) {
            Ok(domain) => self.look(&Subject::new(connection, domain, journal)?).map(|_| ()),
            Err(error) if is_gone(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Returns how many changes were not possible.
    fn look(&mut self, subject: &Subject) -> Result<usize, Error> {
        match self.look_at_parts(subject) {
            Err(error) if is_gone(&error) => Ok(0),
            Err(error) if subject.is_answered() => {
                self.warn_once(subject, error.message());
                Ok(1)
            }
            other => other,
        }
    }

    fn look_at_parts(&mut self, subject: &Subject) -> Result<usize, Error> {
        let mut failed = 0;
        if subject.domain.is_persistent()? {
            failed += self.look_at_part(subject, Part::Definition)?;
        }
        match subject.domain.id() {
            Some(run) if self.rules.iter().any(|rule| rule.live) => {
                Ok(failed + self.look_at_part(subject, Part::Run(run))?)
            }
            _ => Ok(failed),
        }
    }

    fn look_at_part(&mut self, subject: &Subject, part: Part) -> Result<usize, Error> {
        let xml = subject.domain.xml_desc(part.xml_flags())?;
        let rules = Rc::clone(&self.rules);
        let patched = match domain::patch(xml.as_bytes(), &rules) {
            Ok(patched) => patched,
            Err(error) => {
                self.warn_once(subject, &format!("cannot read the domain's XML: {error}"));
                return Ok(1);
            }
        };
        for (interface, refusal) in patched.refusals() {
            self.warn_once(subject, &format!("{interface} {refusal}"));
        }
        let mut failed = 0;
        for (interface, change) in patched.changes().filter(|(_, change)| part == Part::Definition || change.live) {
            failed += usize::from(!self.change(subject, part, (interface, change), patched.interface_xml(change))?);
        }
        Ok(failed)
    }

    /// Changes one interface; `false`: that was not possible.
    fn change(
        &mut self,
        subject: &Subject,
        part: Part,
        (interface, change): (&Interface, &Change),
        xml: &[u8],
    ) -> Result<bool, Error> {
        let running = if part == Part::Definition { "" } else { ", running" };
        let what = format!("{interface}{running}: {}", change.told_of(interface));
        if self.dry_run {
            self.tell_once(subject, &format!("would change {what}"), Journal::info);
            return Ok(true);
        }
        let name = interface.mac.as_deref().map_or_else(|| interface.position.to_string(), str::to_owned);
        let place = Place { domain: subject.uuid, interface: name, run: part.run() };
        let now = Instant::now();
        match self.reversals.judge(&place, now) {
            Verdict::Change => {}
            Verdict::GiveUp => {
                let until = "set back twice within an hour, so it is left alone until this service is reloaded";
                subject.journal.warning(format!("{}: {interface}: {until}", subject.name));
                return Ok(true);
            }
            Verdict::LeaveAlone => return Ok(true),
        }
        match subject.domain.update_device_flags(&String::from_utf8_lossy(xml), part.affected()) {
            Ok(()) => {
                self.reversals.changed(place, now);
                subject.journal.info(format!("{}: {what}{}", subject.name, self.when(subject, part, change)));
                Ok(true)
            }
            Err(error) if !is_gone(&error) && subject.is_answered() => {
                self.warn_once(subject, &format!("cannot change {what}: {}", error.message()));
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// A running domain keeps its interfaces as they are.
    fn when(&self, subject: &Subject, part: Part, change: &Change) -> &'static str {
        let waits = part == Part::Definition && !change.live && subject.domain.id().is_some();
        if waits { ", from its next start on" } else { "" }
    }

    fn warn_once(&mut self, subject: &Subject, what: &str) {
        self.tell_once(subject, what, Journal::warning);
    }

    fn tell_once(&mut self, subject: &Subject, what: &str, tell: impl Fn(&Journal, String)) {
        let line = format!("{}: {what}", subject.name);
        if self.told.insert((subject.uuid, line.clone())) {
            tell(subject.journal, line);
        }
    }
}
