//! Routing policy rules: they are not moved, but those that name a link are told of.

use nix::libc;

use super::{Attributes, Malformed, Payload, join_header, split_header};

const FRA_IIFNAME: u16 = 3;
const FRA_PRIORITY: u16 = 6;
const FRA_OIFNAME: u16 = 17;

/// A rule: `struct fib_rule_hdr` and its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    header: [u8; 12],
    attributes: Attributes,
}

impl Payload for Rule {
    const NEW: u16 = libc::RTM_NEWRULE;
    const DELETE: u16 = libc::RTM_DELRULE;
    const GET: u16 = libc::RTM_GETRULE;

    fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let (header, attributes) = split_header(payload)?;
        Ok(Rule { header, attributes })
    }

    fn encode(&self) -> Vec<u8> {
        join_header(&self.header, &self.attributes)
    }
}

impl Rule {
    /// The rule's place in the order: lower comes first.
    pub fn priority(&self) -> u32 {
        self.attributes.u32(FRA_PRIORITY).unwrap_or(0)
    }

    /// `iif` or `oif`, where the rule asks for this link by its name.
    pub fn names(&self, link: &str) -> Option<&'static str> {
        let is = |kind| self.attributes.string(kind).as_deref() == Some(link);
        if is(FRA_IIFNAME) {
            Some("iif")
        } else if is(FRA_OIFNAME) {
            Some("oif")
        } else {
            None
        }
    }
}

impl Rule {
    /// What makes this rule again in another namespace; the flags but `FIB_RULE_INVERT` tell its state.
    pub fn copied(&self) -> Rule {
        const FLAGS: usize = 8;
        const INVERT: u32 = 2;
        let mut copied = self.clone();
        let [_, _, _, _, _, _, _, _, f0, f1, f2, f3] = self.header;
        let flags = u32::from_ne_bytes([f0, f1, f2, f3]) & INVERT;
        copied.header[FLAGS..].copy_from_slice(&flags.to_ne_bytes());
        copied
    }
}

/// Filter for all rules of one family.
pub fn all(family: u8) -> Vec<u8> {
    let mut payload = vec![0; 12];
    payload[0] = family;
    payload
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "rule {}", self.priority())
    }
}
