//! The ports: guests' taps where they belong, and an uplink that nobody else configures.

use super::{Check, Finding, Host};
use crate::bridge::Snapshot;
use crate::libvirt::taps::Tap;
use crate::owner::{self, Claim};
use crate::printable::Printable;
use crate::shell_word::ShellWord;

pub const FALLEN: Check =
    Check { name: "tap-fallen", about: "guests' taps are ports of their bridges", look: fallen_taps };
pub const MTU: Check =
    Check { name: "tap-mtu", about: "guests' taps take packets as large as the bridge's", look: mtu };
pub const ADDRESSES: Check =
    Check { name: "address-on-port", about: "no port has an address, where it is of no use", look: addresses };
pub const OWNER: Check =
    Check { name: "uplink-owner", about: "no DHCP client or network manager works on an uplink", look: owners };

/// The taps of running guests that are not ports of the bridge that libvirt attached them to, with that bridge's index. It
/// happens when somebody deletes the bridge and makes it anew: libvirt does not notice.
pub fn fallen<'a>(snapshot: &'a Snapshot, taps: &'a [Tap]) -> Vec<(&'a Tap, u32, u32)> {
    let fallen = taps.iter().filter_map(|tap| {
        let (link, bridge) = (snapshot.link(&tap.link)?, snapshot.link(tap.bridge.as_deref()?)?);
        (bridge.is_bridge() && link.master().is_none()).then_some((tap, link.index, bridge.index))
    });
    fallen.collect()
}

fn fallen_taps(host: &Host) -> Vec<Finding> {
    let fallen = fallen(&host.snapshot, &host.taps).into_iter();
    fallen
        .map(|(tap, ..)| {
            let bridge = tap.bridge.as_deref().unwrap_or_default();
            Finding::problem(
                format!("{} of guest {} has fallen off {bridge}", tap.link, Printable(&tap.domain)),
                "virt-bridge heal",
            )
        })
        .collect()
}

fn mtu(host: &Host) -> Vec<Finding> {
    let guests = host
        .present_bridges()
        .flat_map(|bridge| bridge.ports.iter().filter(|port| port.role == "guest").map(move |port| (bridge, port)));
    let other = guests.filter_map(|(bridge, port)| {
        let (mtu, own) = (bridge.mtu?, port.mtu?);
        (mtu != own).then(|| {
            Finding::warning(
                format!("{} has MTU {own} on {} with {mtu}: large packets get lost", port.name, bridge.name),
                format!("ip link set {} mtu {mtu}", ShellWord(&port.name)),
            )
        })
    });
    other.collect()
}

fn addresses(host: &Host) -> Vec<Finding> {
    let ports = host.present_bridges().flat_map(|bridge| bridge.ports.iter().map(move |port| (bridge, port)));
    ports
        .flat_map(|(bridge, port)| port.addresses.iter().map(move |address| (bridge, port, address)))
        // Every port has a link-local one, which does no harm.
        .filter(|(_, _, address)| !address.starts_with("fe80:"))
        .map(|(bridge, port, address)| {
            let address = address.split(' ').next().unwrap_or_default();
            Finding::problem(
                format!("{} has the address {address}, which belongs to {}: answers go astray", port.name, bridge.name),
                format!("ip address delete {address} dev {}", ShellWord(&port.name)),
            )
        })
        .collect()
}

fn owners(host: &Host) -> Vec<Finding> {
    let uplinks = host.present_bridges().filter_map(|bridge| Some((bridge, bridge.uplink.as_deref()?)));
    let links = uplinks.filter_map(|(bridge, name)| Some((bridge, name, host.link(name)?.index)));
    let mut findings = Vec::new();
    for (bridge, name, index) in links {
        let claims = owner::claims(&host.root, owner::Link { name, index }).unwrap_or_default();
        // Whoever has it as the bridge's port, as after `up --persist`, leaves it one.
        let is_rival = |claim: &Claim| {
            claim.live && !owner::has_port(claim.owner, &host.root, &bridge.name, owner::Link { name, index })
        };
        findings.extend(claims.into_iter().filter(is_rival).map(|claim| {
            Finding::problem(
                format!(
                    "{name} is the uplink of {}, and {} still works on it ({})",
                    bridge.name, claim.owner, claim.evidence
                ),
                claim.hint,
            )
        }));
    }
    findings
}
