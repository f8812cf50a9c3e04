//! The VLANs of bridges' ports, which count where a bridge filters VLANs.

use std::collections::HashMap;

use nix::libc;

use super::{Attributes, Error, Link, Payload, Request, Socket, join_header};

const IFLA_AF_SPEC: u16 = 26;
const IFLA_EXT_MASK: u16 = 29;
/// linux/if_bridge.h: `struct bridge_vlan_info`, flags and number, once for each VLAN.
const IFLA_BRIDGE_VLAN_INFO: u16 = 2;
const BRIDGE_VLAN_INFO_PVID: u16 = 1 << 1;
const BRIDGE_VLAN_INFO_UNTAGGED: u16 = 1 << 2;
/// `RTEXT_FILTER_BRVLAN` of linux/rtnetlink.h: every VLAN by itself, no ranges.
const BRIDGE_VLANS: u32 = 1 << 1;

/// A VLAN that a port belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortVlan {
    /// Its number.
    pub id: u16,
    /// Whether frames that come in without a tag belong to it.
    pub is_native: bool,
    /// Whether its frames go out without a tag.
    pub is_untagged: bool,
}

/// The VLANs of every port, by the port's index.
///
/// # Errors
/// When the kernel cannot be asked.
pub fn of_ports(socket: &mut Socket) -> Result<HashMap<u32, Vec<PortVlan>>, Error> {
    let mask = Attributes::default().with(IFLA_EXT_MASK, BRIDGE_VLANS.to_ne_bytes());
    let ports: Vec<Link> = socket.dump(join_header(&header(0), &mask))?;
    Ok(ports.iter().map(|port| (port.index, vlans(port))).collect())
}

/// Lets a port belong to a VLAN.
pub fn add(port: u32, vlan: PortVlan) -> Request {
    let flag = |is_set: bool, flag: u16| if is_set { flag } else { 0 };
    let flags = flag(vlan.is_native, BRIDGE_VLAN_INFO_PVID) | flag(vlan.is_untagged, BRIDGE_VLAN_INFO_UNTAGGED);
    request(libc::RTM_SETLINK, port, flags, vlan.id)
}

/// Takes a port out of a VLAN, of which it need not be.
pub fn remove(port: u32, id: u16) -> Request {
    request(Link::DELETE, port, 0, id)
}

fn request(kind: u16, port: u32, flags: u16, id: u16) -> Request {
    let info = [flags.to_ne_bytes(), id.to_ne_bytes()].concat();
    let families = Attributes::default().with(IFLA_BRIDGE_VLAN_INFO, info);
    let attributes = Attributes::default().with_nested(IFLA_AF_SPEC, &families);
    Request { kind, flags: 0, payload: join_header(&header(port), &attributes) }
}

/// `struct ifinfomsg` of a port, or of all.
fn header(port: u32) -> [u8; 16] {
    let mut header = [0; 16];
    header[0] = libc::AF_BRIDGE as u8;
    header[4..8].copy_from_slice(&port.to_ne_bytes());
    header
}

fn vlans(port: &Link) -> Vec<PortVlan> {
    let families = port.attributes.nested(IFLA_AF_SPEC).unwrap_or_default();
    let vlan = |bytes: &[u8]| {
        let [f0, f1, i0, i1] = bytes.try_into().ok()?;
        let flags = u16::from_ne_bytes([f0, f1]);
        Some(PortVlan {
            id: u16::from_ne_bytes([i0, i1]),
            is_native: flags & BRIDGE_VLAN_INFO_PVID != 0,
            is_untagged: flags & BRIDGE_VLAN_INFO_UNTAGGED != 0,
        })
    };
    families.all(IFLA_BRIDGE_VLAN_INFO).filter_map(vlan).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ports_vlans_are_read_with_their_flags() {
        let families =
            Attributes::default().with(IFLA_BRIDGE_VLAN_INFO, [6u16.to_ne_bytes(), 1u16.to_ne_bytes()].concat());
        let mut port = Link { device_type: 1, index: 7, flags: 0, attributes: Attributes::default() };
        port.attributes = port.attributes.with_nested(IFLA_AF_SPEC, &families);
        assert_eq!(vlans(&port), [PortVlan { id: 1, is_native: true, is_untagged: true }]);
        port.attributes = Attributes::default();
        assert_eq!(vlans(&port), []);
    }
}
