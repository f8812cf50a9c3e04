//! Nexthop objects (`ip nexthop`): ways out that routes name by a number. They are bound to their link and are not moved.

use nix::errno::Errno;

use super::hop::RTNH_F_ONLINK;
use super::{Attributes, Error, Malformed, Payload, Socket, join_header, split_header};

const NHA_ID: u16 = 1;
const NHA_GROUP: u16 = 2;
const NHA_OIF: u16 = 5;
/// `NHA_OP_FLAGS`, `NHA_GROUP_STATS` and `NHA_HW_STATS_USED` of linux/nexthop.h, which are told of a group and not taken.
const STATE: [u16; 3] = [14, 15, 17];
/// `RTPROT_REDIRECT` and `RTPROT_RA` of linux/rtnetlink.h.
const ROUTERS_WORD: [u8; 2] = [1, 9];

/// A nexthop object: `struct nhmsg` and its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nexthop {
    header: [u8; 8],
    attributes: Attributes,
}

impl Payload for Nexthop {
    // RTM_NEWNEXTHOP and so on of linux/rtnetlink.h (Linux 5.3), which libc does not have.
    const NEW: u16 = 104;
    const DELETE: u16 = 105;
    const GET: u16 = 106;

    fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let (header, attributes) = split_header(payload)?;
        Ok(Nexthop { header, attributes })
    }

    fn encode(&self) -> Vec<u8> {
        join_header(&self.header, &self.attributes)
    }
}

impl Nexthop {
    /// The number by which routes name it.
    pub fn id(&self) -> u32 {
        self.attributes.u32(NHA_ID).unwrap_or(0)
    }

    /// What makes this object again in another namespace, where each link has another index: of the header's flags only
    /// the wish, and no scope, which the kernel finds out by itself (rtm_to_nh_config in net/ipv4/nexthop.c).
    pub fn copied(&self, index_of: impl Fn(u32) -> u32) -> Nexthop {
        let [family, _, protocol, _, f0, f1, f2, f3] = self.header;
        let [f0, f1, f2, f3] = (u32::from_ne_bytes([f0, f1, f2, f3]) & u32::from(RTNH_F_ONLINK)).to_ne_bytes();
        let mut attributes = self.attributes.clone();
        STATE.iter().for_each(|kind| attributes.remove(*kind));
        if let Some(index) = self.index() {
            attributes.set(NHA_OIF, index_of(index).to_ne_bytes());
        }
        Nexthop { header: [family, 0, protocol, 0, f0, f1, f2, f3], attributes }
    }

    /// Whether it was made of what a router said, as systemd-networkd 257 does of advertisements and redirects.
    pub fn is_of_a_router(&self) -> bool {
        let [_, _, protocol, ..] = self.header;
        ROUTERS_WORD.contains(&protocol)
    }

    /// Whether it is a group to which this object belongs.
    pub fn has_member(&self, id: u32) -> bool {
        // struct nexthop_grp of linux/nexthop.h: the number, and four bytes more.
        let group = self.attributes.get(NHA_GROUP).unwrap_or_default();
        group.chunks_exact(8).any(|member| member.starts_with(&id.to_ne_bytes()))
    }

    /// The link that it leaves by; a group of others has none.
    pub fn index(&self) -> Option<u32> {
        self.attributes.u32(NHA_OIF)
    }
}

impl std::fmt::Display for Nexthop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "nexthop object {}", self.id())
    }
}

/// All nexthop objects; a kernel before 5.3 has none.
///
/// # Errors
/// When the kernel cannot be asked.
pub fn all(socket: &mut Socket) -> Result<Vec<Nexthop>, Error> {
    match socket.dump(vec![0; 8]) {
        Err(Error::Refused(error)) if error.errno == Errno::EOPNOTSUPP => Ok(Vec::new()),
        answer => answer,
    }
}
