//! An interface of a domain: where it is, and where it would be after a move.

use std::borrow::Cow;
use std::ops::Range;

use xml::Problem;

use super::Verdict;
use super::edit::wrong_target;
use super::scan::Element;
use crate::config::Destination;

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

/// The parts that say who or where an interface is; of each the first counts.
const PARTS: [&str; 4] = ["mac", "source", "model", "target"];

impl Interface {
    /// The interface as it is written.
    pub(super) fn read(element: &Element, domain: &str, position: usize, line: usize) -> Result<Self, Problem> {
        let mut interface = Interface {
            domain: domain.to_owned(),
            position,
            line,
            span: element.span.clone(),
            mac: None,
            kind: element.tag.value("type")?.map_or_else(|| "user".into(), Cow::into_owned),
            network: None,
            portgroup: None,
            bridge: None,
            device: None,
            model: None,
            target: None,
            verdict: Verdict::NoRule,
        };
        for part in PARTS.iter().filter_map(|name| element.part(name)) {
            for attribute in part.tag.attributes() {
                let field = match (part.tag.name(), attribute.name) {
                    ("mac", "address") => &mut interface.mac,
                    ("source", "network") => &mut interface.network,
                    ("source", "portgroup") => &mut interface.portgroup,
                    ("source", "bridge") => &mut interface.bridge,
                    ("source", "dev") => &mut interface.device,
                    ("model", "type") => &mut interface.model,
                    ("target", "dev") => &mut interface.target,
                    _ => continue,
                };
                *field = Some(attribute.decoded()?.into_owned());
            }
        }
        Ok(interface)
    }

    /// A part that stands there twice; which one counts is libvirt's secret.
    pub(super) fn part_given_twice(element: &Element) -> Option<&'static str> {
        let count = |name: &&str| element.parts.iter().filter(|part| part.tag.name() == *name).count();
        PARTS.into_iter().find(|name| count(name) > 1)
    }

    /// Whether it is there already. A portgroup that is not asked for may be any.
    pub(super) fn is_at(&self, to: &Destination) -> bool {
        match to {
            Destination::Keep => true,
            // A running domain's interface may be shown as one of its network's bridge.
            Destination::Network { network, portgroup } => {
                matches!(self.kind.as_str(), "network" | "bridge" | "direct")
                    && self.network.as_ref() == Some(network)
                    && portgroup.as_ref().is_none_or(|wanted| self.portgroup.as_ref() == Some(wanted))
            }
            Destination::Bridge(bridge) => self.kind == "bridge" && self.bridge.as_ref() == Some(bridge),
        }
    }

    /// Makes it what it is after the move.
    pub(super) fn go(&mut self, to: &Destination) {
        let (kind, network, portgroup, bridge) = match to {
            Destination::Keep => return,
            Destination::Network { network, portgroup } => ("network", Some(network), portgroup.as_ref(), None),
            Destination::Bridge(bridge) => ("bridge", None, None, Some(bridge)),
        };
        self.kind = kind.to_owned();
        self.network = network.cloned();
        self.portgroup = portgroup.cloned();
        self.bridge = bridge.cloned();
        self.device = None;
        self.target = self.target.take().filter(|target| wrong_target(target).is_none());
    }
}
