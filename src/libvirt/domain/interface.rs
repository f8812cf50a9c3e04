//! An interface of a domain: where it is, and where it would be after a move.

use std::borrow::Cow;
use std::ops::Range;

use xml::Problem;

use super::edit::wrong_target;
use super::scan::{Elements, Role};
use super::{Destination, Verdict};

/// An interface of a domain, as it is in the XML given, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface<'a> {
    /// The domain's name; empty if it has none.
    pub domain: Cow<'a, str>,
    /// The number of the interface in its domain, counted from 1.
    pub position: usize,
    /// The line of the XML on which it begins, counted from 1.
    pub line: usize,
    /// Where its element stands in the XML given, in bytes.
    pub span: Range<usize>,
    /// The MAC address as it is written; libvirt makes one up where there is none.
    pub mac: Option<Cow<'a, str>>,
    /// `type`; libvirt takes `user` where there is none.
    pub kind: Cow<'a, str>,
    /// `<source network>`
    pub network: Option<Cow<'a, str>>,
    /// `<source portgroup>`
    pub portgroup: Option<Cow<'a, str>>,
    /// `<source bridge>`; of a running domain also that of its network.
    pub bridge: Option<Cow<'a, str>>,
    /// `<source dev>`
    pub device: Option<Cow<'a, str>>,
    /// `<model type>`
    pub model: Option<Cow<'a, str>>,
    /// `<target dev>`
    pub target: Option<Cow<'a, str>>,
    /// What becomes of it.
    pub verdict: Verdict<'a>,
}

/// The parts that say who or where an interface is; of each the first counts.
const PARTS: [Role; 4] = [Role::Mac, Role::Source, Role::Model, Role::Target];

impl<'a> Interface<'a> {
    /// The interface as it is written.
    pub(super) fn read(
        elements: &Elements<'_, 'a>,
        domain: &Cow<'a, str>,
        position: usize,
        line: usize,
    ) -> Result<Self, Problem> {
        let mut interface = Interface {
            domain: domain.clone(),
            position,
            line,
            span: elements.whole.span(),
            mac: None,
            kind: elements.whole.tag.value("type")?.unwrap_or(Cow::Borrowed("user")),
            network: None,
            portgroup: None,
            bridge: None,
            device: None,
            model: None,
            target: None,
            verdict: Verdict::NoRule,
        };
        for part in PARTS.into_iter().filter_map(|role| elements.part(role)) {
            for attribute in part.tag.attributes() {
                let field = match (part.role, attribute.name()) {
                    (Role::Mac, "address") => &mut interface.mac,
                    (Role::Source, "network") => &mut interface.network,
                    (Role::Source, "portgroup") => &mut interface.portgroup,
                    (Role::Source, "bridge") => &mut interface.bridge,
                    (Role::Source, "dev") => &mut interface.device,
                    (Role::Model, "type") => &mut interface.model,
                    (Role::Target, "dev") => &mut interface.target,
                    _ => continue,
                };
                *field = Some(attribute.decoded()?);
            }
        }
        Ok(interface)
    }

    /// A part that stands there twice; which one counts is libvirt's secret.
    pub(super) fn part_given_twice(elements: &Elements<'_, 'a>) -> Option<&'a str> {
        let mut twice =
            PARTS.into_iter().filter_map(|role| elements.parts.iter().filter(move |part| part.role == role).nth(1));
        twice.next().map(|part| part.tag.name())
    }

    /// Where it is.
    pub(super) fn place(&self) -> Place<'_> {
        Place {
            kind: &self.kind,
            network: self.network.as_deref(),
            portgroup: self.portgroup.as_deref(),
            bridge: self.bridge.as_deref(),
            device: self.device.as_deref(),
            target: self.target.as_deref(),
        }
    }
}

/// Where an interface is, or comes to be.
#[derive(Clone, Copy)]
pub(super) struct Place<'i> {
    pub kind: &'i str,
    pub network: Option<&'i str>,
    pub portgroup: Option<&'i str>,
    pub bridge: Option<&'i str>,
    pub device: Option<&'i str>,
    pub target: Option<&'i str>,
}

impl<'i> Place<'i> {
    /// Whether this is where the destination leads. A portgroup that is not asked for may be any.
    pub fn is_at(&self, to: &Destination) -> bool {
        match to {
            Destination::Keep => true,
            // A running domain's interface may be shown as one of its network's bridge.
            Destination::Network { network, portgroup } => {
                matches!(self.kind, "network" | "bridge" | "direct")
                    && self.network == Some(network)
                    && portgroup.as_ref().is_none_or(|wanted| self.portgroup == Some(wanted))
            }
            Destination::Bridge(bridge) => self.kind == "bridge" && self.bridge == Some(bridge),
        }
    }

    /// The place that an interface comes to from here.
    pub fn behind(self, to: &'i Destination) -> Self {
        let (kind, network, portgroup, bridge) = match to {
            Destination::Keep => return self,
            Destination::Network { network, portgroup } => ("network", Some(network), portgroup.as_deref(), None),
            Destination::Bridge(bridge) => ("bridge", None, None, Some(bridge)),
        };
        Place {
            kind,
            network: network.map(String::as_str),
            portgroup,
            bridge: bridge.map(String::as_str),
            device: None,
            target: self.target.filter(|target| wrong_target(target).is_none()),
        }
    }
}
