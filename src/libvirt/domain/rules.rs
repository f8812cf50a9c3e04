//! Which rule is for an interface, and where the rules lead it.

use std::borrow::Cow;

use names::glob::Glob;

use super::interface::Place;
use super::metadata::Answers;
use super::scan::Domain;
use super::{Destination, Interface, InterfaceRule, RuleName, parse_uuid};

/// What rules are asked about of a domain.
pub(super) struct Facts<'x> {
    pub name: Cow<'x, str>,
    pub uuid: Option<[u8; 16]>,
    pub title: Cow<'x, str>,
    pub metadata: Answers,
}

impl<'x> Facts<'x> {
    /// The facts of a domain; a name or title that it does not have is an empty one.
    pub fn of(domain: &Domain<'x>, metadata: Answers) -> Self {
        Facts {
            name: domain.name.clone().unwrap_or_default(),
            uuid: domain.uuid.as_deref().map(str::trim).and_then(parse_uuid),
            title: domain.title.clone().unwrap_or_default(),
            metadata,
        }
    }
}

/// Where the rules lead an interface.
pub(super) enum Course<'a> {
    NoRule,
    Kept(RuleName<'a>),
    Right(RuleName<'a>),
    /// To another place.
    Moved(Move<'a>),
    Refused(RuleName<'a>, String),
}

/// How rules lead an interface to another place.
pub(super) struct Move<'a> {
    pub rule: RuleName<'a>,
    /// Those that lead on from where it leads.
    pub further: Vec<RuleName<'a>>,
    /// Whether all of them are for running domains, too.
    pub live: bool,
    pub to: &'a Destination,
}

/// Follows the rules from where the interface is until none leads on.
///
/// So the XML that comes of it is one that no rule changes: patching twice is patching once.
pub(super) fn course<'a>(rules: &'a [InterfaceRule], domain: &Facts, interface: &Interface<'a>) -> Course<'a> {
    let mut at = interface.place();
    let mut course: Option<Move> = None;
    loop {
        let found = rules.iter().enumerate().find(|(index, rule)| fits(*index, rule, domain, interface, &at));
        let (index, rule) = match (found, course) {
            (Some((index, rule)), so_far) if rule.to != Destination::Keep && !at.is_at(&rule.to) => {
                course = so_far;
                (index, rule)
            }
            (_, Some(course)) => return Course::Moved(course),
            (None, None) => return Course::NoRule,
            (Some((index, rule)), None) if rule.to == Destination::Keep => return Course::Kept(name(index, rule)),
            (Some((index, rule)), None) => return Course::Right(name(index, rule)),
        };
        let by = name(index, rule);
        if let Some(why) = immovable(at.kind) {
            return Course::Refused(by, why);
        }
        // One rule never leads twice to the same place but in a circle.
        if course.as_ref().is_some_and(|course| course.has(index)) || interface.place().is_at(&rule.to) {
            return Course::Refused(by, "the rules lead in a circle".into());
        }
        course = Some(match course {
            None => Move { rule: by, further: Vec::new(), live: rule.live, to: &rule.to },
            Some(course) => course.and(by, rule),
        });
        at = at.behind(&rule.to);
    }
}

impl<'a> Move<'a> {
    fn has(&self, index: usize) -> bool {
        [&self.rule].into_iter().chain(&self.further).any(|earlier| earlier.index == index)
    }

    fn and(mut self, name: RuleName<'a>, rule: &'a InterfaceRule) -> Self {
        self.further.push(name);
        Move { live: self.live && rule.live, to: &rule.to, ..self }
    }
}

fn name(index: usize, rule: &InterfaceRule) -> RuleName<'_> {
    RuleName { index, place: rule.place.as_ref() }
}

/// Whether the rule is for the interface where it would be `at` this place.
fn fits(index: usize, rule: &InterfaceRule, domain: &Facts, interface: &Interface, at: &Place) -> bool {
    let from = &rule.from;
    let glob = |pattern: &Option<Glob>, value: Option<&str>| match (pattern, value) {
        (None, _) => true,
        (Some(pattern), Some(value)) => pattern.matches(value),
        (Some(_), None) => false,
    };
    let has_mac =
        |prefix: &[u8]| interface.mac.as_deref().and_then(mac_bytes).is_some_and(|bytes| bytes.starts_with(prefix));
    // libvirt ignores the others; of a network's interface it shows the bridge or device, too, while the domain runs.
    let is = |kinds: &[&str]| kinds.contains(&at.kind);
    let network = at.network.filter(|_| is(&["network", "bridge", "direct"]));
    let bridge = at.bridge.filter(|_| is(&["bridge"]));
    let device = at.device.filter(|_| is(&["direct", "user", "vdpa"]));
    glob(&rule.domain, Some(&domain.name))
        && rule.uuid.is_none_or(|uuid| domain.uuid == Some(uuid))
        && glob(&rule.title, Some(&domain.title))
        && glob(&from.kind, Some(at.kind))
        && glob(&from.network, network)
        && glob(&from.bridge, bridge)
        && glob(&from.device, device)
        && glob(&from.model, interface.model.as_deref())
        && glob(&from.target, at.target)
        && from.mac.as_deref().is_none_or(has_mac)
        && (rule.metadata.is_none() || domain.metadata.fit(index))
}

/// Reads a MAC address as libvirt does: six parts of one or two hex digits (virMacAddrParse in src/util/virmacaddr.c).
fn mac_bytes(text: &str) -> Option<[u8; 6]> {
    let is_byte = |part: &&str| matches!(part.len(), 1..=2) && part.bytes().all(|b| b.is_ascii_hexdigit());
    let byte = |part: &str| Some(part).filter(is_byte).and_then(|part| u8::from_str_radix(part, 16).ok());
    text.trim().split(':').map(byte).collect::<Option<Vec<u8>>>()?.try_into().ok()
}

fn immovable(kind: &str) -> Option<String> {
    let why = match kind {
        "network" | "bridge" | "direct" | "user" => return None,
        "hostdev" => "it is a device of the host that is given to the guest, which no bridge can carry",
        "vdpa" => "it is a vDPA device, which no bridge can carry",
        "vhostuser" => "its packets are in another program's memory, which no bridge can carry",
        "ethernet" => "its tap is somebody else's, who attaches it",
        _ => "only network, bridge, direct and user can be moved",
    };
    Some(format!("type {kind}: {why}"))
}
