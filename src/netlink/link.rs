//! Network devices as the kernel describes them.

use nix::libc;

use super::{Attributes, BridgeParameters, Malformed, Payload, Request, View, c_string, join_header, split_header};

pub(super) const IFLA_ADDRESS: u16 = 1;
pub(super) const IFLA_IFNAME: u16 = 3;
pub(super) const IFLA_MTU: u16 = 4;
pub(super) const IFLA_LINK: u16 = 5;
const IFLA_MASTER: u16 = 10;
const IFLA_OPERSTATE: u16 = 16;
pub(super) const IFLA_LINKINFO: u16 = 18;
const IFLA_AF_SPEC: u16 = 26;
const IFLA_EXT_MASK: u16 = 29;
const IFLA_CARRIER: u16 = 33;
const IFLA_LINK_NETNSID: u16 = 37;
const IFLA_PERM_ADDRESS: u16 = 54;
pub(super) const IFLA_INFO_KIND: u16 = 1;
pub(super) const IFLA_INFO_DATA: u16 = 2;
pub(super) const IFLA_INFO_SLAVE_KIND: u16 = 4;
pub(super) const IFLA_INFO_SLAVE_DATA: u16 = 5;
const IFLA_BRPORT_ISOLATED: u16 = 33;
const IFLA_VXLAN_LINK: u16 = 3;
const IFLA_INET_CONF: u16 = 1;
const IFLA_INET6_CONF: u16 = 2;
const IFLA_INET6_ADDR_GEN_MODE: u16 = 8;

/// A network device: `struct ifinfomsg` and its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// `ARPHRD_…`
    pub device_type: u16,
    /// The number by which messages name the link.
    pub index: u32,
    /// `IFF_…`
    pub flags: u32,
    /// Everything else that the kernel said.
    pub attributes: Attributes,
}

impl Payload for Link {
    const NEW: u16 = libc::RTM_NEWLINK;
    const DELETE: u16 = libc::RTM_DELLINK;
    const GET: u16 = libc::RTM_GETLINK;

    fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let ([_, _, t0, t1, i0, i1, i2, i3, f0, f1, f2, f3, ..], attributes) = split_header::<16>(payload)?;
        Ok(Link {
            device_type: u16::from_ne_bytes([t0, t1]),
            index: u32::from_ne_bytes([i0, i1, i2, i3]),
            flags: u32::from_ne_bytes([f0, f1, f2, f3]),
            attributes,
        })
    }

    fn encode(&self) -> Vec<u8> {
        let mut payload = payload(self.index, self.flags, 0, &self.attributes);
        payload[2..4].copy_from_slice(&self.device_type.to_ne_bytes());
        payload
    }
}

impl Link {
    /// The link's name.
    pub fn name(&self) -> String {
        self.attributes.string(IFLA_IFNAME).unwrap_or_default()
    }

    /// The link-layer address in use.
    pub fn mac(&self) -> Option<&[u8]> {
        self.attributes.get(IFLA_ADDRESS)
    }

    /// The link-layer address that the hardware came with; virtual links have none.
    pub fn permanent_mac(&self) -> Option<&[u8]> {
        self.attributes.get(IFLA_PERM_ADDRESS)
    }

    /// The largest packet, in bytes.
    pub fn mtu(&self) -> Option<u32> {
        self.attributes.u32(IFLA_MTU)
    }

    /// The index of the bridge, bond or VRF that this link is a port of.
    pub fn master(&self) -> Option<u32> {
        self.attributes.u32(IFLA_MASTER)
    }

    /// The index of the link below, in this network namespace (VLAN on NIC, macvtap on NIC; a veth's peer). A VXLAN tunnel
    /// says it among its own attributes only.
    pub fn lower(&self) -> Option<u32> {
        match self.attributes.get(IFLA_LINK_NETNSID) {
            Some(_) => None,
            None => self.attributes.u32(IFLA_LINK).or_else(|| self.vxlan_lower()),
        }
    }

    fn vxlan_lower(&self) -> Option<u32> {
        self.kind_data()?.u32(IFLA_VXLAN_LINK).filter(|_| self.is_of_kind("vxlan"))
    }

    /// The kind of a virtual link (`bridge`, `veth`, `tun`, …); hardware has none.
    pub fn kind(&self) -> Option<String> {
        self.attributes.nested(IFLA_LINKINFO)?.string(IFLA_INFO_KIND)
    }

    /// Whether the link is of the kind of this name, as [`Link::kind`] has it.
    pub fn is_of_kind(&self, kind: &str) -> bool {
        let information = self.attributes.nested(IFLA_LINKINFO);
        information.and_then(|information| information.text(IFLA_INFO_KIND)) == Some(kind.as_bytes())
    }

    /// Whether the link is a bridge of the kernel's own.
    pub fn is_bridge(&self) -> bool {
        self.is_of_kind("bridge")
    }

    /// Whether the link is a tap, as guests have.
    pub fn is_tap(&self) -> bool {
        self.is_of_kind("tun")
    }

    /// Whether the link is of a kind that leads to a LAN: hardware, a bond or team, a VLAN interface.
    pub fn leads_out(&self) -> bool {
        matches!(self.kind().as_deref(), None | Some("bond" | "team" | "vlan"))
    }

    /// Whether the link is administratively up.
    pub fn is_up(&self) -> bool {
        self.flags & libc::IFF_UP as u32 != 0
    }

    /// Whether a cable (or a port that is up) is at the other end; nothing when the link is down.
    pub fn carrier(&self) -> Option<bool> {
        self.attributes.u8(IFLA_CARRIER).map(|carrier| carrier != 0)
    }

    /// Whether the kernel has acted upon the carrier that the link has, which it does a moment later.
    pub fn is_in_operation(&self) -> bool {
        // `IF_OPER_UNKNOWN`, of kinds without that state, and `IF_OPER_UP` of linux/if.h.
        matches!(self.attributes.u8(IFLA_OPERSTATE), Some(0 | 6))
    }

    /// What is told of a link of its kind in particular.
    pub(super) fn kind_data(&self) -> Option<View<'_>> {
        self.attributes.nested(IFLA_LINKINFO)?.nested(IFLA_INFO_DATA)
    }

    /// The IPv4 settings (`/proc/sys/net/ipv4/conf/NAME`) in the order of `IPV4_DEVCONF_…`, four bytes each.
    pub fn ipv4_settings(&self) -> Option<Vec<u32>> {
        let bytes = self.attributes.nested(IFLA_AF_SPEC)?.nested(libc::AF_INET as u16)?.get(IFLA_INET_CONF)?.to_vec();
        Some(numbers(&bytes))
    }

    /// The IPv6 settings (`/proc/sys/net/ipv6/conf/NAME`) in the order of `DEVCONF_…` (linux/ipv6.h).
    pub fn ipv6_settings(&self) -> Option<Vec<u32>> {
        let bytes = self.attributes.nested(IFLA_AF_SPEC)?.nested(libc::AF_INET6 as u16)?.get(IFLA_INET6_CONF)?.to_vec();
        Some(numbers(&bytes))
    }

    /// How IPv6 makes the link's own addresses (`IN6_ADDR_GEN_MODE_…`).
    pub fn address_generation(&self) -> Option<u8> {
        self.attributes.nested(IFLA_AF_SPEC)?.nested(libc::AF_INET6 as u16)?.u8(IFLA_INET6_ADDR_GEN_MODE)
    }
}

/// Filter for one link by name: the payload of a `get`.
pub fn by_name(name: &str) -> Vec<u8> {
    payload(0, 0, 0, &without_counters().with(IFLA_IFNAME, c_string(name)))
}

/// Filter for one link by index: the payload of a `get`.
pub fn by_index(index: u32) -> Vec<u8> {
    payload(index, 0, 0, &without_counters())
}

/// Filter for all links.
pub fn all() -> Vec<u8> {
    payload(0, 0, 0, &without_counters())
}

/// Filter for all links, with their counters.
pub fn all_with_counters() -> Vec<u8> {
    payload(0, 0, 0, &Attributes::default())
}

/// Filter for the ports of a bridge.
pub fn ports_of(bridge: u32) -> Vec<u8> {
    payload(0, 0, 0, &without_counters().with(IFLA_MASTER, bridge.to_ne_bytes()))
}

/// `RTEXT_FILTER_SKIP_STATS` of linux/rtnetlink.h spares the kernel adding up IPv6's counters over all processors
/// (inet6_fill_ifla6_attrs in net/ipv6/addrconf.c).
fn without_counters() -> Attributes {
    const SKIP_STATS: u32 = 1 << 3;
    Attributes::default().with(IFLA_EXT_MASK, SKIP_STATS.to_ne_bytes())
}

/// Creates a bridge, down, with a given index, so that messages behind this one can name it.
pub fn create_bridge(
    name: &str,
    index: u32,
    mac: Option<&[u8]>,
    mtu: Option<u32>,
    parameters: BridgeParameters,
) -> Request {
    let mut attributes = Attributes::default().with(IFLA_IFNAME, c_string(name));
    if let Some(mac) = mac {
        attributes.set(IFLA_ADDRESS, mac);
    }
    if let Some(mtu) = mtu {
        attributes.set(IFLA_MTU, mtu.to_ne_bytes());
    }
    let attributes = attributes.with_nested(IFLA_LINKINFO, &bridge_info(parameters));
    let flags = (libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;
    Request { kind: Link::NEW, flags, payload: payload(index, 0, 0, &attributes) }
}

/// Changes parameters of a bridge that exists.
///
/// STP goes in a message of its own, before the rest: while it is on, the kernel refuses a delay outside of 2 to 30 s
/// (br_set_forward_delay in br_stp.c), and of one message it reads the delay first (br_changelink in br_netlink.c).
pub fn set_bridge_parameters(index: u32, parameters: BridgeParameters) -> Vec<Request> {
    let stp = BridgeParameters { stp: parameters.stp, ..Default::default() };
    let rest = BridgeParameters { stp: None, ..parameters };
    [stp, rest]
        .into_iter()
        .filter(|part| *part != BridgeParameters::default())
        .map(|part| new(index, 0, 0, &Attributes::default().with_nested(IFLA_LINKINFO, &bridge_info(part))))
        .collect()
}

/// Gives a link the IPv4 settings and the IPv6 address generation mode of another.
pub fn set_ip_settings(index: u32, ipv4: Option<&[u32]>, address_generation: Option<u8>) -> Request {
    let mut families = Attributes::default();
    if let Some(ipv4) = ipv4 {
        let settings = (1u16..)
            .zip(ipv4)
            .fold(Attributes::default(), |settings, (number, value)| settings.with(number, value.to_ne_bytes()));
        let family = Attributes::default().with_nested(IFLA_INET_CONF, &settings);
        families = families.with_nested(libc::AF_INET as u16, &family);
    }
    if let Some(mode) = address_generation {
        let family = Attributes::default().with(IFLA_INET6_ADDR_GEN_MODE, [mode]);
        families = families.with_nested(libc::AF_INET6 as u16, &family);
    }
    Request {
        kind: libc::RTM_SETLINK,
        flags: 0,
        payload: payload(index, 0, 0, &Attributes::default().with_nested(IFLA_AF_SPEC, &families)),
    }
}

/// Brings a link up or down.
pub fn set_up(index: u32, up: bool) -> Request {
    let flag = libc::IFF_UP as u32;
    new(index, if up { flag } else { 0 }, flag, &Attributes::default())
}

/// Makes a link the port of a bridge; 0 releases it.
pub fn set_master(index: u32, master: u32) -> Request {
    new(index, 0, 0, &Attributes::default().with(IFLA_MASTER, master.to_ne_bytes()))
}

/// Keeps a port apart from the bridge's other isolated ports, or joins it with them.
pub fn set_isolated(index: u32, isolated: bool) -> Request {
    let port = Attributes::default().with(IFLA_BRPORT_ISOLATED, [u8::from(isolated)]);
    let info =
        Attributes::default().with(IFLA_INFO_SLAVE_KIND, c_string("bridge")).with_nested(IFLA_INFO_SLAVE_DATA, &port);
    new(index, 0, 0, &Attributes::default().with_nested(IFLA_LINKINFO, &info))
}

/// Makes the kernel act at once upon a change of the link's carrier, which it otherwise does a moment later in a work
/// queue; until then the link drops what it is to send (noop_qdisc). Any question for the link does it since Linux 6.8
/// (rtnl_getlink calls linkwatch_sync_dev, commit facd15dfd691); an older kernel just answers.
pub fn synchronise(index: u32) -> Request {
    Request { kind: Link::GET, flags: 0, payload: by_index(index) }
}

/// Filter for all links that have these attributes.
pub(super) fn all_with(attributes: &Attributes) -> Vec<u8> {
    payload(0, 0, 0, attributes)
}

/// Changes what the attributes say of a link that exists.
pub(super) fn change(index: u32, attributes: &Attributes) -> Request {
    new(index, 0, 0, attributes)
}

/// Deletes a link.
pub fn delete(index: u32) -> Request {
    Request { kind: Link::DELETE, flags: 0, payload: payload(index, 0, 0, &Attributes::default()) }
}

fn new(index: u32, flags: u32, change: u32, attributes: &Attributes) -> Request {
    Request { kind: Link::NEW, flags: 0, payload: payload(index, flags, change, attributes) }
}

fn bridge_info(parameters: BridgeParameters) -> Attributes {
    Attributes::default().with(IFLA_INFO_KIND, *b"bridge").with_nested(IFLA_INFO_DATA, &parameters.encode())
}

fn numbers(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks_exact(4).map(|number| u32::from_ne_bytes([number[0], number[1], number[2], number[3]])).collect()
}

/// `struct ifinfomsg`: family, padding, type, index, flags, change.
pub(super) fn payload(index: u32, flags: u32, change: u32, attributes: &Attributes) -> Vec<u8> {
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..12].copy_from_slice(&flags.to_ne_bytes());
    header[12..16].copy_from_slice(&change.to_ne_bytes());
    join_header(&header, attributes)
}

impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.name(), self.kind().as_deref().unwrap_or("hardware"))?;
        if let Some(mac) = self.mac() {
            write!(f, " {}", super::mac_text(mac))?;
        }
        write!(f, " {}", if self.is_up() { "up" } else { "down" })?;
        match self.master() {
            Some(master) => write!(f, ", port of link {master}"),
            None => Ok(()),
        }
    }
}
