//! Rules: which network an interface belongs on.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use names::glob::Glob;
use names::printable::Printable;

/// One rule; of several the first that fits an interface counts. What is not told fits anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterfaceRule {
    /// Where the rule stands; nothing for one of the command line.
    pub place: Option<RulePlace>,
    /// The domain's name.
    pub domain: Option<Glob>,
    /// The domain's UUID.
    pub uuid: Option<[u8; 16]>,
    /// The domain's title.
    pub title: Option<Glob>,
    /// What the domain has under `<metadata>`.
    pub metadata: Option<MetadataMatch>,
    /// The interface as it is.
    pub from: InterfaceMatch,
    /// Where it goes.
    pub to: Destination,
    /// Whether a running domain's interface is moved, too.
    pub live: bool,
}

/// The file and line of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulePlace {
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
}

/// An element of a domain's `<metadata>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataMatch {
    /// The namespace of an element directly under `<metadata>`; libvirt allows one element of each.
    pub namespace: Glob,
    /// The value of one of its attributes, or of one of an element inside, or the text of one of them.
    pub value: Option<Glob>,
}

/// What an interface has to be for a rule to fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterfaceMatch {
    /// `type`, as libvirt calls it: `network`, `bridge`, `direct`, `user`…
    pub kind: Option<Glob>,
    /// `<source network>`
    pub network: Option<Glob>,
    /// `<source bridge>` of type `bridge`.
    pub bridge: Option<Glob>,
    /// `<source dev>`
    pub device: Option<Glob>,
    /// The first bytes of the MAC address; one to six.
    pub mac: Option<Vec<u8>>,
    /// `<model type>`
    pub model: Option<Glob>,
    /// `<target dev>`
    pub target: Option<Glob>,
}

/// Where an interface goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Destination {
    /// It stays where it is, and no later rule is asked.
    #[default]
    Keep,
    /// To a libvirt network.
    Network {
        /// The network's name.
        network: String,
        /// One of the network's portgroups.
        portgroup: Option<String>,
    },
    /// To a bridge of the host.
    Bridge(String),
}

/// Reads a UUID as libvirt does: 32 hex digits, hyphens anywhere (virUUIDParse in src/util/viruuid.c).
pub fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let digits: Option<Vec<u8>> =
        text.chars().filter(|&c| c != '-').map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    let bytes: Vec<u8> = digits?.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
    bytes.try_into().ok().filter(|_| text.bytes().filter(u8::is_ascii_hexdigit).count() == 32)
}

impl Display for RulePlace {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", Printable(&self.file.to_string_lossy()), self.line)
    }
}

impl Display for Destination {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Destination::Keep => write!(f, "keep"),
            Destination::Network { network, portgroup: None } => write!(f, "network {}", Printable(network)),
            Destination::Network { network, portgroup: Some(portgroup) } => {
                write!(f, "network {}, portgroup {}", Printable(network), Printable(portgroup))
            }
            Destination::Bridge(bridge) => write!(f, "bridge {}", Printable(bridge)),
        }
    }
}
