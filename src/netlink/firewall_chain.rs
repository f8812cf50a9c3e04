//! nftables' chains, and what a rule does with every packet that comes to it.

use nix::libc;

use super::firewall::{FirewallRule, all};
use super::{Attributes, Error, Malformed, Payload, View, join_header, split_header};

const NFTA_CHAIN_TABLE: u16 = 1;
const NFTA_CHAIN_NAME: u16 = 3;
const NFTA_CHAIN_HOOK: u16 = 4;
const NFTA_CHAIN_POLICY: u16 = 5;
const NFTA_CHAIN_TYPE: u16 = 7;
const NFTA_HOOK_HOOKNUM: u16 = 1;
const NFTA_HOOK_DEV: u16 = 3;
const NFTA_HOOK_DEVS: u16 = 4;
const NFTA_DEVICE_NAME: u16 = 1;
/// What is passed on goes through these hooks in turn (`NF_INET_…` of linux/netfilter.h; `NF_BR_…` are the same).
const PREROUTING: u32 = 0;
const FORWARD: u32 = 2;
const POSTROUTING: u32 = 4;
const NFTABLES: u16 = 10 << 8;

const NFTA_LIST_ELEM: u16 = 1;
const NFTA_EXPR_NAME: u16 = 1;
const NFTA_EXPR_DATA: u16 = 2;
const NFTA_IMMEDIATE_DATA: u16 = 2;
const NFTA_DATA_VERDICT: u16 = 2;
const NFTA_VERDICT_CODE: u16 = 1;
const NFTA_VERDICT_CHAIN: u16 = 2;
const NFTA_META_KEY: u16 = 2;
const NFTA_CMP_OP: u16 = 2;
const NFTA_CMP_DATA: u16 = 3;
const NFTA_DATA_VALUE: u16 = 1;
/// `NFT_META_…` of linux/netfilter/nf_tables.h: the names of the links by which, and of bridges through which, a packet
/// comes and goes.
const NAMES_OF_LINKS: [u32; 4] = [6, 7, 17, 18];
const NFT_CMP_EQ: u32 = 0;
const NFT_CMP_NEQ: u32 = 1;
/// The name of an iptables target or match within nftables.
const NFTA_XT_NAME: u16 = 1;

/// A chain: `struct nfgenmsg` and its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirewallChain {
    header: [u8; 4],
    attributes: Attributes,
}

impl Payload for FirewallChain {
    const NEW: u16 = NFTABLES | 3;
    const GET: u16 = NFTABLES | 4;
    const DELETE: u16 = NFTABLES | 5;

    fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let (header, attributes) = split_header(payload)?;
        Ok(FirewallChain { header, attributes })
    }

    fn encode(&self) -> Vec<u8> {
        join_header(&self.header, &self.attributes)
    }
}

/// What is done with a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    Drop,
    Accept,
    /// It goes on in another chain, and comes back unless that decides.
    Jump(String),
    /// It goes on in another chain, and comes back to where it would have come from this one.
    Goto(String),
    Return,
}

/// Where a base chain gets packets that are passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    Prerouting,
    Forward,
    Postrouting,
}

impl FirewallChain {
    /// `NFPROTO_…`: ip 2, inet 1, bridge 7, ip6 10.
    pub fn family(&self) -> u8 {
        self.header[0]
    }

    /// Its table.
    pub fn table(&self) -> String {
        self.attributes.string(NFTA_CHAIN_TABLE).unwrap_or_default()
    }

    /// Its name.
    pub fn name(&self) -> String {
        self.attributes.string(NFTA_CHAIN_NAME).unwrap_or_default()
    }

    /// Whether packets come here by themselves, and not from another chain only.
    pub fn is_base(&self) -> bool {
        self.attributes.get(NFTA_CHAIN_HOOK).is_some()
    }

    /// Where packets that are passed on come here first, to be filtered.
    pub fn hook(&self) -> Option<Hook> {
        let is_filter = self.attributes.string(NFTA_CHAIN_TYPE).as_deref() == Some("filter");
        let hook = self.attributes.nested(NFTA_CHAIN_HOOK).filter(|_| is_filter)?;
        match big_endian(hook.get(NFTA_HOOK_HOOKNUM))? {
            PREROUTING => Some(Hook::Prerouting),
            FORWARD => Some(Hook::Forward),
            POSTROUTING => Some(Hook::Postrouting),
            _ => None,
        }
    }

    /// Whether it gets the packets of this link, which it names, and no others but those of other such links.
    pub fn is_at(&self, link: &str) -> bool {
        let Some(hook) = self.attributes.nested(NFTA_CHAIN_HOOK) else { return false };
        let others = hook.nested(NFTA_HOOK_DEVS).unwrap_or_default();
        let named = |name: &[u8]| name.split(|byte| *byte == 0).next() == Some(link.as_bytes());
        hook.get(NFTA_HOOK_DEV).is_some_and(named) || others.all(NFTA_DEVICE_NAME).any(named)
    }

    /// Whether what no rule decides is dropped.
    pub fn drops_the_rest(&self) -> bool {
        big_endian(self.attributes.get(NFTA_CHAIN_POLICY)) == Some(libc::NF_DROP as u32)
    }
}

impl FirewallRule {
    /// What the rule does with every packet of a bridge; nothing where it asks for something else of the packet first, or
    /// decides nothing.
    pub fn fate(&self, bridge: &str) -> Option<Fate> {
        let mut fate = None;
        for (name, data) in self.expressions() {
            let xt = || data.string(NFTA_XT_NAME).unwrap_or_default();
            match name.as_str() {
                "counter" | "log" => {}
                "meta" if big_endian(data.get(NFTA_META_KEY)).is_some_and(|key| NAMES_OF_LINKS.contains(&key)) => {}
                "cmp" if is_true_of(data, bridge) => {}
                "match" if xt() == "comment" => {}
                "immediate" => fate = verdict(data),
                "reject" => fate = Some(Fate::Drop),
                "target" if xt() == "REJECT" => fate = Some(Fate::Drop),
                _ => return None,
            }
        }
        fate
    }

    /// Whether it drops the packets that are as it asks for.
    pub fn drops(&self) -> bool {
        self.expressions().any(|(name, data)| match name.as_str() {
            "immediate" => verdict(data) == Some(Fate::Drop),
            "target" => data.string(NFTA_XT_NAME).as_deref() == Some("REJECT"),
            name => name == "reject",
        })
    }

    /// Whether it asks for packets with this value: the name of a link, or an address.
    pub fn asks_for(&self, value: &[u8]) -> bool {
        self.expressions().any(|(name, data)| {
            let wanted = data.nested(NFTA_CMP_DATA).and_then(|data| data.get(NFTA_DATA_VALUE)).unwrap_or_default();
            let is_it = wanted.strip_prefix(value).is_some_and(|rest| rest.iter().all(|byte| *byte == 0));
            name == "cmp" && is_it && !value.is_empty() && big_endian(data.get(NFTA_CMP_OP)) == Some(NFT_CMP_EQ)
        })
    }

    /// The chain to which it sends packets, all or some.
    pub fn target(&self) -> Option<String> {
        self.expressions().filter_map(|(_, data)| verdict(data)).find_map(|fate| match fate {
            Fate::Jump(chain) | Fate::Goto(chain) => Some(chain),
            _ => None,
        })
    }

    /// What it asks and does, each as the name of the expression and its data.
    fn expressions(&self) -> impl Iterator<Item = (String, View<'_>)> {
        let all = self.list().all(NFTA_LIST_ELEM).filter_map(|bytes| View::parse(bytes).ok());
        all.map(|expression| {
            let name = expression.string(NFTA_EXPR_NAME).unwrap_or_default();
            (name, expression.nested(NFTA_EXPR_DATA).unwrap_or_default())
        })
    }
}

/// Whether it compares with the whole name, or says that it is not another one; of the beginning of a name, which has no NUL
/// at its end, nobody says.
fn is_true_of(comparison: View<'_>, name: &str) -> bool {
    let value = comparison.nested(NFTA_CMP_DATA).and_then(|data| data.get(NFTA_DATA_VALUE)).unwrap_or_default();
    let Some(end) = value.iter().position(|byte| *byte == 0) else { return false };
    let wanted = if value[..end] == *name.as_bytes() { NFT_CMP_EQ } else { NFT_CMP_NEQ };
    big_endian(comparison.get(NFTA_CMP_OP)) == Some(wanted)
}

fn verdict(immediate: View<'_>) -> Option<Fate> {
    let verdict = immediate.nested(NFTA_IMMEDIATE_DATA)?.nested(NFTA_DATA_VERDICT)?;
    let chain = || verdict.string(NFTA_VERDICT_CHAIN).unwrap_or_default();
    // `NFT_…` of linux/netfilter/nf_tables.h: -3 is a jump, -4 goto, -5 return.
    Some(match big_endian(verdict.get(NFTA_VERDICT_CODE))? as i32 {
        libc::NF_DROP => Fate::Drop,
        libc::NF_ACCEPT => Fate::Accept,
        -5 => Fate::Return,
        -3 => Fate::Jump(chain()),
        -4 => Fate::Goto(chain()),
        _ => return None,
    })
}

fn big_endian(bytes: Option<&[u8]>) -> Option<u32> {
    bytes?.try_into().map(u32::from_be_bytes).ok()
}

/// All chains of all families; as [`super::firewall::rules`].
///
/// # Errors
/// When the kernel cannot be asked.
pub fn chains() -> Result<Vec<FirewallChain>, Error> {
    all()
}
