//! What is known of a network while its XML comes in.

use std::borrow::Cow;

use xml::{Kind, Problem, Reference, Tag, Token, reference};

use super::BridgedNetwork;

/// The parser holds the names of all open elements; no element of libvirt's comes near.
const LONGEST_ELEMENT_NAME: usize = 256;

/// libvirt makes a file name of it, which cannot have more than 255 bytes.
const LONGEST_NETWORK_NAME: usize = 255;

/// Whether the network can still be ours.
pub(super) enum Verdict {
    Open,
    NotOurs,
}

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
    fn inside(parent: Option<Element>, tag: &Tag) -> Result<Element, Problem> {
        Ok(match (parent, tag.name()) {
            (None, "hookData" | "networkstatus") => Element::Wrapper,
            (None | Some(Element::Wrapper), "network") => Element::Network,
            (None, name) => {
                let problem = format!("the root element is <{name}>, not that of a network");
                return Err(Problem::new(tag.span().start, problem));
            }
            (Some(Element::Network), "name") => Element::Name,
            (Some(Element::Network), "forward") => Element::Forward,
            (Some(Element::Network), "bridge") => Element::Bridge,
            (Some(Element::Network), "virtualport") => Element::Virtualport,
            (Some(Element::Network), "portgroup") => Element::Portgroup,
            (Some(Element::Network), "ip" | "dns" | "domain" | "mac" | "mtu") => Element::OfManagedBridge,
            (Some(Element::Forward), "interface" | "pf" | "address") => Element::ForwardDevice,
            (Some(Element::Portgroup), "virtualport") => Element::PortgroupVirtualport,
            (Some(_), _) => Element::Other,
        })
    }
}

impl Draft {
    /// Whether any element has come.
    pub fn has_root(&self) -> bool {
        self.has_root
    }

    /// Takes the next token.
    pub fn take(&mut self, token: Token) -> Result<Verdict, Problem> {
        let at = token.span.start;
        match token.kind {
            Kind::Start(tag) => return self.open(&tag),
            Kind::Empty(tag) => {
                let verdict = self.open(&tag);
                self.path.pop();
                return verdict;
            }
            Kind::End => {
                self.path.pop();
            }
            Kind::Text(text) | Kind::Cdata(text) => self.text(text, at)?,
            Kind::Reference(name) => match reference(name) {
                Some(Reference::Character(c)) => self.text(c.encode_utf8(&mut [0; 4]), at)?,
                _ => return Err(Problem::new(at, "a reference to an unknown entity")),
            },
            Kind::Other => {}
        }
        Ok(Verdict::Open)
    }

    /// The network, once the XML has ended at `at`; its bridge may have any name.
    pub fn finish(self, at: usize) -> Result<Option<BridgedNetwork>, Problem> {
        let problem = |text: &str| Err(Problem::new(at, text));
        if !self.path.is_empty() {
            return problem("it ends inside of an element");
        }
        if !self.has_network {
            return problem("there is no <network> in it");
        }
        let Some(bridge) = self.bridge.filter(|_| self.bridge_mode) else { return Ok(None) };
        if self.name.is_empty() {
            return problem("the network has no name");
        }
        Ok(Some(BridgedNetwork { name: self.name, bridge }))
    }

    fn open(&mut self, tag: &Tag) -> Result<Verdict, Problem> {
        if tag.name().len() > LONGEST_ELEMENT_NAME {
            return Err(Problem::new(tag.span().start, "not the name of an element"));
        }
        let element = Element::inside(self.path.last().copied(), tag)?;
        self.has_root = true;
        self.path.push(element);
        self.judge(element, tag)
    }

    fn judge(&mut self, element: Element, tag: &Tag) -> Result<Verdict, Problem> {
        let ours = match element {
            Element::Network if self.has_network => return Err(Problem::new(tag.span().start, "a second <network>")),
            Element::Network => {
                self.has_network = true;
                true
            }
            // Without a mode libvirt takes nat; with a device, guests get macvtap.
            Element::Forward => {
                self.bridge_mode = tag.value("mode")?.as_deref() == Some("bridge");
                self.bridge_mode && tag.attribute("dev").is_none()
            }
            Element::Bridge => {
                self.bridge = tag.value("name")?.filter(|name| !name.is_empty()).map(Cow::into_owned);
                self.bridge.is_some()
            }
            // libvirt adds a tap to a Linux bridge only without a virtualport (virNetDevTapAttachBridge in
            // src/util/virnetdevtap.c).
            Element::Virtualport => false,
            // A bridge is Open vSwitch's or the kernel's, so one group tells for all.
            Element::PortgroupVirtualport => tag.value("type")?.as_deref() != Some("openvswitch"),
            Element::ForwardDevice | Element::OfManagedBridge => false,
            Element::Wrapper | Element::Name | Element::Portgroup | Element::Other => true,
        };
        Ok(if ours { Verdict::Open } else { Verdict::NotOurs })
    }

    fn text(&mut self, text: &str, at: usize) -> Result<(), Problem> {
        if self.path.last() != Some(&Element::Name) {
            return Ok(());
        }
        if self.name.len() + text.len() > LONGEST_NETWORK_NAME {
            let problem = format!("the network's name has more than {LONGEST_NETWORK_NAME} bytes");
            return Err(Problem::new(at, problem));
        }
        self.name.push_str(text);
        Ok(())
    }
}
