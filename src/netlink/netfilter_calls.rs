//! Whether a bridge passes its packets to iptables, ip6tables and arptables.

use serde::Serialize;

use super::link::{self, IFLA_INFO_DATA, IFLA_INFO_KIND, IFLA_LINKINFO, Link};
use super::{Attributes, Request};

/// linux/if_link.h; the three follow each other.
const IFLA_BR_NF_CALL_IPTABLES: u16 = 36;
const IFLA_BR_NF_CALL_IP6TABLES: u16 = 37;
const IFLA_BR_NF_CALL_ARPTABLES: u16 = 38;

/// One answer for each of the three; nothing is what the kernel does not have or nobody wants changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NetfilterCalls {
    /// IPv4 packets pass iptables.
    pub iptables: Option<bool>,
    /// IPv6 packets pass ip6tables.
    pub ip6tables: Option<bool>,
    /// ARP packets pass arptables.
    pub arptables: Option<bool>,
}

impl NetfilterCalls {
    /// What the three are called in sysctls, attributes and options, after `nf_call_`.
    pub const TABLES: [&str; 3] = ["iptables", "ip6tables", "arptables"];

    /// The same answer for all three.
    pub fn all(answer: bool) -> Self {
        [Some(answer); 3].into()
    }

    /// These answers, and those of `others` where these say nothing.
    pub fn or(self, others: Self) -> Self {
        self.zip(others, |mine, theirs| mine.or(theirs))
    }

    /// One answer for each of the three, from these and those of `others`.
    pub fn zip(self, others: Self, answer: impl Fn(Option<bool>, Option<bool>) -> Option<bool>) -> Self {
        let (mine, theirs): ([_; 3], [_; 3]) = (self.into(), others.into());
        std::array::from_fn(|table| answer(mine[table], theirs[table])).into()
    }

    /// Those that are there and differ.
    pub fn difference(self, present: Self) -> Self {
        self.zip(present, |wanted, present| wanted.filter(|_| present.is_some() && wanted != present))
    }

    /// Those that are not there.
    pub fn missing_from(self, present: Self) -> Self {
        self.zip(present, |wanted, present| wanted.filter(|_| present.is_none()))
    }

    /// Whether there is no answer at all.
    pub fn is_empty(self) -> bool {
        self == NetfilterCalls::default()
    }

    /// The answers that there are, each with the name of its table.
    pub fn named(self) -> impl Iterator<Item = (&'static str, bool)> {
        let answers: [Option<bool>; 3] = self.into();
        Self::TABLES.into_iter().zip(answers).filter_map(|(table, answer)| Some((table, answer?)))
    }
}

impl From<[Option<bool>; 3]> for NetfilterCalls {
    fn from([iptables, ip6tables, arptables]: [Option<bool>; 3]) -> Self {
        NetfilterCalls { iptables, ip6tables, arptables }
    }
}

impl From<NetfilterCalls> for [Option<bool>; 3] {
    fn from(calls: NetfilterCalls) -> Self {
        [calls.iptables, calls.ip6tables, calls.arptables]
    }
}

/// Filter for all bridges; the kernel leaves the other links out (link_kind_filtered in net/core/rtnetlink.c).
pub fn bridges() -> Vec<u8> {
    link::all_with(&Attributes::default().with_nested(IFLA_LINKINFO, &kind()))
}

/// What the bridge has; nothing where the kernel was built without bridge netfilter, or the link is no bridge.
pub fn of(link: &Link) -> NetfilterCalls {
    let Some(data) = link.kind_data().filter(|_| link.is_bridge()) else {
        return NetfilterCalls::default();
    };
    [IFLA_BR_NF_CALL_IPTABLES, IFLA_BR_NF_CALL_IP6TABLES, IFLA_BR_NF_CALL_ARPTABLES]
        .map(|attribute| data.u8(attribute).map(|answer| answer != 0))
        .into()
}

/// Changes a bridge's answers, all in one message.
pub fn set(index: u32, calls: NetfilterCalls) -> Request {
    let answers: [Option<bool>; 3] = calls.into();
    let data =
        (IFLA_BR_NF_CALL_IPTABLES..).zip(answers).fold(
            Attributes::default(),
            |data, (attribute, answer)| match answer {
                Some(answer) => data.with(attribute, [u8::from(answer)]),
                None => data,
            },
        );
    let information = kind().with_nested(IFLA_INFO_DATA, &data);
    link::change(index, &Attributes::default().with_nested(IFLA_LINKINFO, &information))
}

fn kind() -> Attributes {
    Attributes::default().with(IFLA_INFO_KIND, *b"bridge")
}
