//! nftables rules (those of iptables-nft included): they are not moved, but those that name a link are told of.

use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::SockProtocol;

use super::{Attributes, Error, Malformed, Payload, Socket, View, join_header, split_header};

const NFTA_RULE_TABLE: u16 = 1;
const NFTA_RULE_CHAIN: u16 = 2;
const NFTA_RULE_HANDLE: u16 = 3;
const NFTA_RULE_EXPRESSIONS: u16 = 4;
/// `NFNL_SUBSYS_NFTABLES` of linux/netfilter/nfnetlink.h, in the upper byte of a message's type.
const NFTABLES: u16 = 10 << 8;

/// A rule: `struct nfgenmsg` and its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirewallRule {
    header: [u8; 4],
    attributes: Attributes,
}

impl Payload for FirewallRule {
    const NEW: u16 = NFTABLES | 6;
    const GET: u16 = NFTABLES | 7;
    const DELETE: u16 = NFTABLES | 8;

    fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let (header, attributes) = split_header(payload)?;
        Ok(FirewallRule { header, attributes })
    }

    fn encode(&self) -> Vec<u8> {
        join_header(&self.header, &self.attributes)
    }
}

impl FirewallRule {
    /// Whether the rule compares something with this link's name.
    ///
    /// The name stands, ended by NUL, at the beginning of some attribute deep in the expressions; behind the end of
    /// another name it would stand behind a letter or digit.
    pub fn names(&self, link: &str) -> bool {
        let expressions = self.attributes.get(NFTA_RULE_EXPRESSIONS).unwrap_or_default();
        let name = [link.as_bytes(), &[0]].concat();
        let begins = |start: usize| start == 0 || !expressions[start - 1].is_ascii_graphic();
        expressions.windows(name.len()).enumerate().any(|(start, window)| window == name && begins(start))
    }
}

impl FirewallRule {
    /// `NFPROTO_…`, its table and its chain.
    pub fn place(&self) -> (u8, String, String) {
        let text = |kind| self.attributes.string(kind).unwrap_or_default();
        (self.header[0], text(NFTA_RULE_TABLE), text(NFTA_RULE_CHAIN))
    }

    /// By what it is named to be deleted.
    pub fn handle(&self) -> u64 {
        let bytes = self.attributes.get(NFTA_RULE_HANDLE).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u64::from_be_bytes)
    }

    /// Its expressions, one behind the other.
    pub(super) fn list(&self) -> View<'_> {
        self.attributes.nested(NFTA_RULE_EXPRESSIONS).unwrap_or_default()
    }
}

impl std::fmt::Display for FirewallRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |kind| self.attributes.string(kind).unwrap_or_default();
        write!(f, "nftables rule in table {}, chain {}", text(NFTA_RULE_TABLE), text(NFTA_RULE_CHAIN))
    }
}

/// All rules of all families. Where nftables is not loaded there are none, and to ask would load it.
///
/// # Errors
/// When the kernel cannot be asked.
pub fn rules() -> Result<Vec<FirewallRule>, Error> {
    all()
}

pub(super) fn all<T: Payload>() -> Result<Vec<T>, Error> {
    let is_loaded = Path::new("/sys/module/nf_tables").exists();
    let has_modules = Path::new("/proc/modules").exists();
    if has_modules && !is_loaded {
        return Ok(Vec::new());
    }
    let answer = Socket::open_protocol(SockProtocol::NetlinkNetFilter).and_then(|mut socket| socket.dump(vec![0; 4]));
    match answer {
        Err(Error::Call("socket", Errno::EPROTONOSUPPORT)) => Ok(Vec::new()),
        Err(Error::Refused(error)) if matches!(error.errno, Errno::EINVAL | Errno::EOPNOTSUPP) => Ok(Vec::new()),
        answer => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_names_a_link_only_by_its_whole_name() {
        let rule = |data: &[u8]| FirewallRule {
            header: [0; 4],
            attributes: Attributes::default().with_nested(NFTA_RULE_EXPRESSIONS, &Attributes::default().with(1, data)),
        };
        assert!(rule(b"eth0\0").names("eth0"));
        assert!(rule(b"eth0\0\0\0\0\0\0\0\0\0\0\0\0").names("eth0"));
        assert!(!rule(b"veth0\0").names("eth0"));
        assert!(!rule(b"eth01\0").names("eth0"));
        assert!(!rule(b"eth").names("eth0"));
    }
}
