//! The host's bridges as people look at them: LAN and gateway, uplink, bridge, guests, libvirt networks.

mod paint;
mod quantity;
mod svg;
mod tree;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::{fs, io};

use nix::libc::RT_TABLE_LOCAL;
use serde::Serialize;

use crate::bridge::{Records, Snapshot, lacking};
use crate::config::{self, Uplink};
use crate::confirmation::Confirmation;
use crate::libvirt::bridge_networks::{self, BridgeNetwork};
use crate::libvirt::taps::{self, Tap};
use crate::netfilter::State;
use crate::netlink::{Counters, Link, NetfilterCalls, Socket, link, mac_text};
use crate::owner;

pub use paint::{Paint, can_move_cursor};
pub use svg::svg;
pub use tree::{Earlier, tree};

/// A bridge and all that it joins. This, as JSON, is what scripts read: keys may be added, but none is taken away or
/// changes its meaning.
#[derive(Clone, Debug, Serialize)]
pub struct Bridge {
    /// Its name.
    pub name: String,
    /// Whether it is administratively up.
    pub up: bool,
    /// Whether a port is up; nothing when the bridge is down.
    pub carrier: Option<bool>,
    /// The MAC address, `52:54:00:…`.
    pub mac: Option<String>,
    /// The largest packet, in bytes.
    pub mtu: Option<u32>,
    /// Whether it speaks the spanning tree protocol.
    pub stp: Option<bool>,
    /// How long a new port listens and learns, in milliseconds.
    pub forward_delay_ms: Option<u32>,
    /// Whether it keeps VLANs apart.
    pub vlan_filtering: Option<bool>,
    /// Which packets between its ports pass the host's filters, the sysctls included.
    pub filtered: NetfilterCalls,
    /// The addresses, as `ip address` has them.
    pub addresses: Vec<String>,
    /// The routes of all tables but `local`.
    pub routes: Vec<String>,
    /// The routers of its default routes.
    pub gateways: Vec<Gateway>,
    /// Which port leads to the LAN.
    pub uplink: Option<String>,
    /// The ports, the uplink first.
    pub ports: Vec<Port>,
    /// What its uplink lacks to be of use, in words.
    pub lacking: Vec<String>,
    /// The libvirt networks that use it.
    pub networks: Vec<BridgeNetwork>,
    /// Whether virt-bridge made it.
    pub made_by_virt_bridge: bool,
    /// Whether a takeover was killed before it was done.
    pub interrupted: bool,
    /// How long its takeover waits for `virt-bridge confirm` yet, in milliseconds.
    pub unconfirmed_ms: Option<u64>,
}

/// A router.
#[derive(Clone, Debug, Serialize)]
pub struct Gateway {
    /// Its address.
    pub address: IpAddr,
    /// Its MAC address, where the kernel knows it.
    pub mac: Option<String>,
    /// `reachable` (it answered within half a minute), `known` (it answered once), `silent` (it was asked in vain) or
    /// `unknown` (nobody has asked).
    pub state: &'static str,
}

/// A port of a bridge.
#[derive(Clone, Debug, Serialize)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// `uplink`, `guest` or `port`.
    pub role: &'static str,
    /// The kind of a virtual link (`tun`, `veth`, `bond`, …).
    pub kind: Option<String>,
    /// Whether it is administratively up.
    pub up: bool,
    /// Whether something is at its other end; nothing when it is down.
    pub carrier: Option<bool>,
    /// The MAC address of the link.
    pub mac: Option<String>,
    /// The largest packet, in bytes.
    pub mtu: Option<u32>,
    /// An uplink's speed in Mbit/s, where its driver says so.
    pub speed_mbps: Option<u32>,
    /// An uplink's driver.
    pub driver: Option<String>,
    /// Who configures an uplink.
    pub owners: Vec<String>,
    /// The guest.
    pub domain: Option<String>,
    /// The guest's own MAC address.
    pub guest_mac: Option<String>,
    /// The tags of the guest's VLANs.
    pub vlans: Vec<u16>,
    /// What has passed, as the host sees it.
    pub traffic: Option<Counters>,
    /// Addresses, which are of no use on a port.
    pub addresses: Vec<String>,
}

/// Looks at the host.
///
/// # Errors
/// When the kernel cannot be asked.
pub fn look(socket: &mut Socket, only: Option<&str>) -> Result<Vec<Bridge>, crate::netlink::Error> {
    let root = Path::new("/");
    let mut snapshot = Snapshot::take(socket)?;
    snapshot.links = socket.dump(link::all_with_counters())?;
    let taps = taps::of_running_guests(root).into_iter().map(|tap| (tap.link.clone(), tap)).collect();
    let config = config::Config::load(root).unwrap_or_default();
    let host =
        Host { snapshot, taps, networks: bridge_networks::on_bridges(root), filters: State::read(socket)?, config };
    let wanted = |link: &&Link| link.is_bridge() && only.is_none_or(|name| link.name() == name);
    Ok(host.snapshot.links.iter().filter(wanted).map(|link| host.bridge(link)).collect())
}

struct Host {
    snapshot: Snapshot,
    taps: HashMap<String, Tap>,
    networks: Vec<BridgeNetwork>,
    filters: State,
    config: config::Config,
}

impl Host {
    fn bridge(&self, link: &Link) -> Bridge {
        let name = link.name();
        let parameters = link.bridge_parameters().unwrap_or_default();
        let records = Records::of(&name);
        let receipt = records.receipt().ok().flatten().filter(|receipt| receipt.bridge.index == link.index);
        let made_by_virt_bridge = receipt.as_ref().is_some_and(|receipt| receipt.created_bridge);
        let received = receipt.and_then(|receipt| receipt.uplink).map(|uplink| uplink.name);
        let links: Vec<&Link> = self.snapshot.ports_of(link.index).collect();
        let uplink = self.uplink(&name, received, &links);
        let wire = links.iter().find(|port| Some(port.name()) == uplink);
        let lacking = wire.map(|wire| lacking(&self.snapshot, link, wire)).unwrap_or_default();
        let mut ports: Vec<Port> = links.iter().map(|port| self.port(port, uplink.as_deref())).collect();
        ports.sort_by_key(|port| port.role != "uplink");
        let calls = self.filters.bridges.iter().find(|bridge| bridge.name == name).map(|bridge| bridge.calls);
        let uses = |table: u32| table != u32::from(RT_TABLE_LOCAL);
        let routes = self.snapshot.routes.iter().filter(|route| route.uses(link.index) && uses(route.table()));
        Bridge {
            up: link.is_up(),
            carrier: link.carrier(),
            mac: link.mac().map(mac_text),
            mtu: link.mtu(),
            stp: parameters.stp,
            forward_delay_ms: parameters.forward_delay_ms,
            vlan_filtering: parameters.vlan_filtering,
            filtered: self.filters.effective(calls.unwrap_or_default()),
            addresses: self.addresses(link),
            routes: routes.map(ToString::to_string).collect(),
            gateways: self.gateways(link),
            uplink,
            ports,
            lacking,
            networks: self.networks.iter().filter(|network| network.bridge == name).cloned().collect(),
            made_by_virt_bridge,
            interrupted: records.is_interrupted(),
            unconfirmed_ms: Confirmation::of(&name).ok().flatten().map(|waits| waits.remaining().as_millis() as u64),
            name,
        }
    }

    /// The port that leads to the LAN: what the takeover says, else the configuration, else a port of such a kind.
    fn uplink(&self, bridge: &str, received: Option<String>, ports: &[&Link]) -> Option<String> {
        let named = match self.config.bridges.get(bridge).map(|bridge| &bridge.uplink) {
            Some(Uplink::Name(name)) => Some(name.clone()),
            _ => None,
        };
        let is_port = |name: &String| ports.iter().any(|port| port.name() == *name);
        let told = [received, named].into_iter().flatten().find(is_port);
        told.or_else(|| ports.iter().find(|port| port.leads_out()).map(|port| port.name()))
    }

    fn port(&self, link: &Link, uplink: Option<&str>) -> Port {
        let name = link.name();
        let is_uplink = uplink == Some(&name);
        let tap = self.taps.get(&name);
        let role = match (is_uplink, link.is_tap()) {
            (true, _) => "uplink",
            (false, true) => "guest",
            (false, false) => "port",
        };
        Port {
            role,
            kind: link.kind(),
            up: link.is_up(),
            carrier: link.carrier(),
            mac: link.mac().map(mac_text),
            mtu: link.mtu(),
            // Only of uplinks: files and processes of a thousand taps take their time.
            // A veth claims 10 Gbit/s, whatever it leads to (drivers/net/veth.c).
            speed_mbps: (is_uplink && link.leads_out()).then(|| speed(&name)).flatten(),
            driver: is_uplink.then(|| driver(&name)).flatten(),
            owners: if is_uplink { owners(&name, link.index) } else { Vec::new() },
            domain: tap.map(|tap| tap.domain.clone()),
            guest_mac: tap.and_then(|tap| tap.mac.clone()),
            vlans: tap.map(|tap| tap.vlans.tags.clone()).unwrap_or_default(),
            traffic: link.counters(),
            addresses: self.addresses(link),
            name,
        }
    }

    fn addresses(&self, link: &Link) -> Vec<String> {
        let of_link = self.snapshot.addresses.iter().filter(|address| address.index == link.index);
        of_link.map(ToString::to_string).collect()
    }

    fn gateways(&self, link: &Link) -> Vec<Gateway> {
        let ways = self.snapshot.routes.iter().filter(|route| route.is_default());
        let mut addresses: Vec<IpAddr> = ways.flat_map(|route| route.gateways_on(link.index)).collect();
        addresses.sort();
        addresses.dedup();
        addresses.into_iter().map(|address| self.gateway(link, address)).collect()
    }

    fn gateway(&self, link: &Link, address: IpAddr) -> Gateway {
        let entry = self
            .snapshot
            .neighbours
            .iter()
            .find(|entry| entry.index == link.index && !entry.is_proxy() && entry.address() == Some(address));
        let state = match entry {
            Some(entry) if entry.is_reachable() || entry.is_permanent() => "reachable",
            Some(entry) if entry.has_failed() => "silent",
            Some(entry) if entry.mac().is_some() => "known",
            _ => "unknown",
        };
        Gateway { address, mac: entry.and_then(|entry| entry.mac()).map(mac_text), state }
    }
}

/// The speed in Mbit/s; the kernel says -1 or fails where there is none (net/core/net-sysfs.c).
fn speed(link: &str) -> Option<u32> {
    fs::read_to_string(format!("/sys/class/net/{link}/speed")).ok()?.trim().parse().ok()
}

fn driver(link: &str) -> Option<String> {
    let target: io::Result<_> = fs::read_link(format!("/sys/class/net/{link}/device/driver"));
    Some(target.ok()?.file_name()?.to_string_lossy().into_owned())
}

fn owners(name: &str, index: u32) -> Vec<String> {
    let claims = owner::claims(Path::new("/"), owner::Link { name, index }).unwrap_or_default();
    let mut owners: Vec<String> = claims.iter().map(|claim| claim.owner.to_string()).collect();
    owners.sort();
    owners.dedup();
    owners
}
