//! What is known of a network while its XML comes in.

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::BridgedNetwork;

/// libxml2's limit, which libvirt keeps.
const DEEPEST: usize = 256;

/// The parser holds the names of all open elements; no element of libvirt's comes near.
const LONGEST_ELEMENT_NAME: usize = 256;

/// libvirt makes a file name of it, which cannot have more than 255 bytes.
const LONGEST_NETWORK_NAME: usize = 255;

/// Whether the network can still be ours.
pub(super) enum Verdict {
    Open,
    NotOurs,
}

/// A problem of the XML, in words.
type Problem = String;

#[derive(Default)]
pub(super) struct Draft {
    /// The elements that are open, the root first.
    path: Vec<Element>,
    has_root: bool,
    has_network: bool,
    bridge_mode: bool,
    name: String,
    bridge: Option<String>,
}

/// An element, as far as it matters where it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Element {
    /// `<hookData>` or `<networkstatus>`
    Wrapper,
    Network,
    Name,
    Forward,
    /// `<interface>`, `<pf>` or `<address>` in `<forward>`: macvtap or device assignment.
    ForwardDevice,
    Bridge,
    Virtualport,
    Portgroup,
    PortgroupVirtualport,
    /// What only a network has whose bridge libvirt makes. Refused in bridge mode by networkValidate in
    /// src/network/bridge_driver.c and virNetworkDefParseXML in src/conf/network_conf.c.
    OfManagedBridge,
    Other,
}

impl Element {
    fn inside(parent: Option<Element>, name: &[u8]) -> Result<Element, Problem> {
        Ok(match (parent, name) {
            (None, b"hookData" | b"networkstatus") => Element::Wrapper,
            (None | Some(Element::Wrapper), b"network") => Element::Network,
            (None, _) => {
                return Err(format!("the root element is <{}>, not that of a network", String::from_utf8_lossy(name)));
            }
            (Some(Element::Network), b"name") => Element::Name,
            (Some(Element::Network), b"forward") => Element::Forward,
            (Some(Element::Network), b"bridge") => Element::Bridge,
            (Some(Element::Network), b"virtualport") => Element::Virtualport,
            (Some(Element::Network), b"portgroup") => Element::Portgroup,
            (Some(Element::Network), b"ip" | b"dns" | b"domain" | b"mac" | b"mtu") => Element::OfManagedBridge,
            (Some(Element::Forward), b"interface" | b"pf" | b"address") => Element::ForwardDevice,
            (Some(Element::Portgroup), b"virtualport") => Element::PortgroupVirtualport,
            (Some(_), _) => Element::Other,
        })
    }
}

impl Draft {
    /// Whether any element has come.
    pub fn has_root(&self) -> bool {
        self.has_root
    }

    /// Takes the next event of the parser.
    pub fn take(&mut self, event: Event) -> Result<Verdict, Problem> {
        match event {
            Event::Start(start) => return self.open(&start),
            Event::Empty(start) => {
                let verdict = self.open(&start);
                self.path.pop();
                return verdict;
            }
            Event::End(_) => {
                self.path.pop();
            }
            Event::Text(text) => self.text(legal(&text)?)?,
            Event::CData(text) => self.text(legal(&text)?)?,
            Event::GeneralRef(reference) => self.text(resolve(&reference)?.encode_utf8(&mut [0; 4]))?,
            Event::Comment(content) => legal(&content).map(drop)?,
            Event::PI(content) => legal(&content).map(drop)?,
            Event::Decl(content) => legal(&content).map(drop)?,
            // Entities are declared there, and libvirt never writes one.
            Event::DocType(_) => return Err("a document type declaration is not allowed".into()),
            Event::Eof => {}
        }
        Ok(Verdict::Open)
    }

    /// The network, once the XML has ended; its bridge may have any name.
    pub fn finish(self) -> Result<Option<BridgedNetwork>, Problem> {
        if !self.path.is_empty() {
            return Err("it ends inside of an element".into());
        }
        if !self.has_network {
            return Err("there is no <network> in it".into());
        }
        let Some(bridge) = self.bridge.filter(|_| self.bridge_mode) else { return Ok(None) };
        if self.name.is_empty() {
            return Err("the network has no name".into());
        }
        Ok(Some(BridgedNetwork { name: self.name, bridge }))
    }

    fn open(&mut self, start: &BytesStart) -> Result<Verdict, Problem> {
        check_tag(start)?;
        if self.path.is_empty() && self.has_root {
            return Err("a second root element".into());
        }
        if self.path.len() >= DEEPEST {
            return Err(format!("elements are more than {DEEPEST} deep"));
        }
        let element = Element::inside(self.path.last().copied(), start.name().as_ref())?;
        self.has_root = true;
        self.path.push(element);
        self.judge(element, start)
    }

    fn judge(&mut self, element: Element, start: &BytesStart) -> Result<Verdict, Problem> {
        let ours = match element {
            Element::Network if self.has_network => return Err("a second <network>".into()),
            Element::Network => {
                self.has_network = true;
                true
            }
            // Without a mode libvirt takes nat; with a device, guests get macvtap.
            Element::Forward => {
                self.bridge_mode = attribute(start, "mode")?.as_deref() == Some("bridge");
                self.bridge_mode && attribute(start, "dev")?.is_none()
            }
            Element::Bridge => {
                self.bridge = attribute(start, "name")?.filter(|name| !name.is_empty());
                self.bridge.is_some()
            }
            // libvirt adds a tap to a Linux bridge only without a virtualport (virNetDevTapAttachBridge in
            // src/util/virnetdevtap.c).
            Element::Virtualport => false,
            // A bridge is Open vSwitch's or the kernel's, so one group tells for all.
            Element::PortgroupVirtualport => attribute(start, "type")?.as_deref() != Some("openvswitch"),
            Element::ForwardDevice | Element::OfManagedBridge => false,
            Element::Wrapper | Element::Name | Element::Portgroup | Element::Other => true,
        };
        Ok(if ours { Verdict::Open } else { Verdict::NotOurs })
    }

    fn text(&mut self, text: &str) -> Result<(), Problem> {
        match self.path.last() {
            None if !text.bytes().all(|b| b.is_ascii_whitespace()) => Err("text outside of the root element".into()),
            Some(Element::Name) if self.name.len() + text.len() > LONGEST_NETWORK_NAME => {
                Err(format!("the network's name has more than {LONGEST_NETWORK_NAME} bytes"))
            }
            Some(Element::Name) => {
                self.name.push_str(text);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Checks what the parser leaves unchecked in a tag.
fn check_tag(start: &BytesStart) -> Result<(), Problem> {
    legal(start)?;
    let element = start.name();
    let name = element.as_ref();
    let starts_well = name.first().is_some_and(|&b| b.is_ascii_alphabetic() || b == b'_' || !b.is_ascii());
    let goes_on_well = name.iter().all(|&b| b.is_ascii_alphanumeric() || b"_:.-".contains(&b) || !b.is_ascii());
    if !(starts_well && goes_on_well && name.len() <= LONGEST_ELEMENT_NAME) {
        return Err("not the name of an element".into());
    }
    match start.attributes().find_map(Result::err) {
        Some(error) => Err(error.to_string()),
        None => Ok(()),
    }
}

/// The value of an attribute, its references resolved.
fn attribute(start: &BytesStart, name: &str) -> Result<Option<String>, Problem> {
    let found = start.attributes().flatten().find(|attribute| attribute.key.as_ref() == name.as_bytes());
    let Some(attribute) = found else { return Ok(None) };
    match attribute.normalized_value(XmlVersion::Explicit1_0) {
        Ok(value) => Ok(Some(value.into_owned())),
        Err(error) => Err(error.to_string()),
    }
}

/// `&amp;`, `&#38;` and their like; no other entity exists without a document type.
fn resolve(reference: &BytesRef) -> Result<char, Problem> {
    let name = legal(reference)?;
    let predefined = resolve_predefined_entity(name).and_then(|text| text.chars().next());
    let numbered = || reference.resolve_char_ref().ok().flatten().filter(|&c| is_legal(c));
    predefined.or_else(numbered).ok_or_else(|| "a reference to an unknown entity".into())
}

/// Text that XML allows.
fn legal(bytes: &[u8]) -> Result<&str, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|_| "not UTF-8 text")?;
    if text.chars().all(is_legal) { Ok(text) } else { Err("a character that XML does not allow".into()) }
}

/// The rule `Char` of XML 1.0.
fn is_legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}
