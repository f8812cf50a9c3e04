//! What has to change in the XML of an interface for it to be somewhere else.

use std::borrow::Cow;
use std::ops::Range;

use names::interface_name;
use xml::{Attribute, Problem, Tag, escaped, is_space};

use super::scan::{Element, Elements, Role};
use super::{Destination, Interface, Removed};

/// A piece of the XML and what comes in its place.
#[derive(Debug)]
pub(super) struct Replacement<'a> {
    pub span: Range<usize>,
    pub text: Cow<'a, str>,
}

/// What one interface after the other is edited with, so that memory is asked for once.
#[derive(Default)]
pub(super) struct Edit<'a> {
    /// All that changes in the interface, in the order of the XML, without overlaps.
    pub replacements: Vec<Replacement<'a>>,
    removed: Vec<Removed<'a>>,
    /// Those of `<source>` that say where the interface is.
    present: Vec<Attribute<'a>>,
}

/// Attributes of `<source>` that say where an interface is; libvirt's for these types.
const SOURCE: [&str; 7] = ["network", "bridge", "dev", "portgroup", "portid", "mode", "macTableManager"];

/// What `<source>` is to have: names and values.
type Wanted<'a> = [Option<(&'static str, &'a str)>; 2];

/// Why an interface elsewhere cannot keep this `<target dev>`.
///
/// libvirt generates these names and drops them from a definition (virDomainNetDefParseXML in
/// src/conf/domain_conf.c; "vif" is that of its driver for Xen).
pub(super) fn wrong_target(target: &str) -> Option<&'static str> {
    let is_generated =
        |prefix: &str| target.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if ["vnet", "macvtap", "macvlan", "vif"].into_iter().any(is_generated) {
        return Some("libvirt generates this name");
    }
    interface_name::check(target).err().map(|_| "no tap can have this name")
}

impl<'a> Edit<'a> {
    /// Works out the edit that moves an interface; answers with what is taken away.
    pub fn plan(
        &mut self,
        xml: &'a str,
        elements: &Elements<'_, 'a>,
        interface: &Interface<'a>,
        to: &'a Destination,
    ) -> Result<Vec<Removed<'a>>, Problem> {
        self.replacements.clear();
        let (kind, wanted) = match to {
            Destination::Keep => return Ok(Vec::new()),
            Destination::Network { network, portgroup } => {
                let portgroup = portgroup.as_deref().map(|portgroup| ("portgroup", portgroup));
                ("network", [Some(("network", network.as_str())), portgroup])
            }
            Destination::Bridge(bridge) => ("bridge", [Some(("bridge", bridge.as_str())), None]),
        };
        self.set_type(&elements.whole.tag, interface, kind);
        match elements.part(Role::Source) {
            Some(source) => self.set_source(&source.tag, &wanted)?,
            None => self.add_source(xml, elements, &wanted),
        }
        for part in elements.parts {
            self.remove_what_would_be_wrong(xml, part, interface, to)?;
        }
        self.replacements.sort_by_key(|replacement| replacement.span.start);
        Ok(std::mem::take(&mut self.removed))
    }

    fn replace(&mut self, span: Range<usize>, text: impl Into<Cow<'a, str>>) {
        self.replacements.push(Replacement { span, text: text.into() });
    }

    fn set_type(&mut self, tag: &Tag, interface: &Interface<'a>, kind: &'static str) {
        if interface.kind == kind {
            return;
        }
        match tag.attribute("type") {
            Some(attribute) => self.replace(attribute.value(), kind),
            None => self.replace(tag.name_end()..tag.name_end(), format!(" type='{kind}'")),
        }
    }

    /// Sets the wanted attributes, each in the place of one that goes where there is one, and takes away the rest.
    fn set_source(&mut self, tag: &Tag<'a>, wanted: &Wanted<'a>) -> Result<(), Problem> {
        let mut present = std::mem::take(&mut self.present);
        present.clear();
        present.extend(tag.attributes().filter(|attribute| SOURCE.contains(&attribute.name())));
        let is_wanted = |attribute: &Attribute| wanted.iter().flatten().any(|(name, _)| *name == attribute.name());
        let mut leaving = present.iter().filter(|attribute| !is_wanted(attribute));
        let quote = || tag.attributes().next().map_or('\'', |attribute| attribute.quote());
        let mut end = tag.name_end();
        for (name, value) in wanted.iter().flatten() {
            if let Some(attribute) = present.iter().find(|attribute| attribute.name() == *name) {
                if attribute.decoded()? != *value {
                    self.replace(attribute.value(), escaped(value, attribute.quote()));
                }
                end = attribute.span().end;
            } else if let Some(attribute) = leaving.next() {
                let quote = attribute.quote();
                let text = format!("{name}={quote}{}{quote}", escaped(value, quote));
                self.replace(attribute.span(), text);
                end = attribute.span().end;
            } else {
                let quote = quote();
                self.replace(end..end, format!(" {name}={quote}{}{quote}", escaped(value, quote)));
            }
        }
        for attribute in leaving {
            self.replace(attribute.with_space(), "");
        }
        for attribute in &present {
            if let Some(why) = why_not_in_source(attribute.name()) {
                self.remove_attribute(tag, attribute, why);
            }
        }
        self.present = present;
        Ok(())
    }

    /// Adds a `<source>` behind `<mac>`, or as the first part.
    fn add_source(&mut self, xml: &str, elements: &Elements, wanted: &Wanted) {
        let attributes: String =
            wanted.iter().flatten().map(|(name, value)| format!(" {name}='{}'", escaped(value, '\''))).collect();
        let source = format!("<source{attributes}/>");
        if let Some(mac) = elements.part(Role::Mac) {
            let space = &xml[line_before(xml, mac.span().start)..mac.span().start];
            return self.replace(mac.span().end..mac.span().end, format!("{space}{source}"));
        }
        let tag = &elements.whole.tag;
        if tag.is_empty {
            return self.replace(tag.span().end - "/>".len()..tag.span().end, format!(">{source}</interface>"));
        }
        let inside = &xml[tag.span().end..];
        let space = &inside[..inside.bytes().take_while(|byte| is_space(*byte)).count()];
        let space = space.split_once("\n").map_or("", |_| space);
        self.replace(tag.span().end..tag.span().end, format!("{space}{source}"));
    }

    fn remove_what_would_be_wrong(
        &mut self,
        xml: &str,
        part: &Element<'a>,
        interface: &Interface,
        to: &Destination,
    ) -> Result<(), Problem> {
        let tag = &part.tag;
        let is_user = interface.kind == "user";
        let has = |names: &[&str]| names.iter().any(|name| tag.attribute(name).is_some());
        let why = match tag.name() {
            "virtualport" => Some("a Linux bridge has no virtualports"),
            "actual" => Some("it tells of the network before"),
            "ip" | "route" if is_user => Some("only type user gives the guest addresses"),
            "portForward" if is_user => Some("only type user forwards ports"),
            "backend" if is_user && has(&["type", "logFile", "hostname", "fqdn"]) => {
                Some("only type user has this backend")
            }
            "target" => interface.target.as_deref().and_then(wrong_target),
            "inbound" if matches!(to, Destination::Bridge(_)) => {
                self.remove_floor(tag);
                None
            }
            _ => None,
        };
        if let Some(why) = why {
            let attribute = tag.attributes().next().map(|first| (first.name(), first.raw()));
            self.note_removed(Removed { element: tag.name(), attribute, why });
            self.replace(line_before(xml, part.span().start)..part.span().end, "");
        }
        Ok(())
    }

    /// libvirt refuses `floor` but for networks (virNetDevBandwidthParse in src/conf/netdev_bandwidth_conf.c).
    fn remove_floor(&mut self, inbound: &Tag<'a>) {
        if let Some(floor) = inbound.attribute("floor") {
            self.remove_attribute(inbound, &floor, "only networks guarantee bandwidth");
            self.replace(floor.with_space(), "");
        }
    }

    fn remove_attribute(&mut self, tag: &Tag<'a>, attribute: &Attribute<'a>, why: &'static str) {
        self.note_removed(Removed { element: tag.name(), attribute: Some((attribute.name(), attribute.raw())), why });
    }

    fn note_removed(&mut self, removed: Removed<'a>) {
        // Most often it remains the only one.
        self.removed.reserve_exact(1);
        self.removed.push(removed);
    }
}

/// Why an attribute of `<source>` that is no field goes.
fn why_not_in_source(name: &str) -> Option<&'static str> {
    match name {
        "mode" => Some("only macvtap has modes"),
        "portid" => Some("the port is one of the network before"),
        "macTableManager" => Some("it tells of the bridge before"),
        _ => None,
    }
}

/// Where the line begins, line break included, if there is only white space before `at`; otherwise `at`.
fn line_before(xml: &str, at: usize) -> usize {
    let before = &xml.as_bytes()[..at];
    let end = before.iter().rposition(|byte| !matches!(byte, b' ' | b'\t'));
    match &before[..end.map_or(0, |end| end + 1)] {
        [line @ .., b'\r', b'\n'] | [line @ .., b'\n'] => line.len(),
        _ => at,
    }
}
