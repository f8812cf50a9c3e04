//! `virt-bridge status`: the host's bridges as they are, and whether it forwards.

use std::path::Path;

use nix::libc::RT_TABLE_LOCAL;
use serde::Serialize;

use super::exit::Failure;
use crate::bridge::{Records, Snapshot, lacking};
use crate::forwarding;
use crate::netlink::{Link, Socket, mac_text};

#[derive(clap::Args)]
pub struct Arguments {
    /// Only this bridge [default: all]
    #[arg(value_parser = super::link_name)]
    bridge: Option<String>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Status {
    bridges: Vec<Bridge>,
    ip_forwarding: [forwarding::Report; 2],
}

#[derive(Serialize)]
struct Bridge {
    name: String,
    up: bool,
    carrier: Option<bool>,
    mac: Option<String>,
    mtu: Option<u32>,
    stp: Option<bool>,
    forward_delay_ms: Option<u32>,
    vlan_filtering: Option<bool>,
    addresses: Vec<String>,
    routes: Vec<String>,
    ports: Vec<Port>,
    uplink: Option<String>,
    lacking: Vec<String>,
    made_by_virt_bridge: bool,
    interrupted: bool,
}

#[derive(Serialize)]
struct Port {
    name: String,
    kind: Option<String>,
    up: bool,
    carrier: Option<bool>,
    mac: Option<String>,
    addresses: Vec<String>,
}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut socket = Socket::open().map_err(|error| Failure::unchanged(error.to_string()))?;
    let snapshot = Snapshot::take(&mut socket).map_err(|error| Failure::unchanged(error.to_string()))?;
    let wanted = |link: &&Link| link.is_bridge() && arguments.bridge.as_ref().is_none_or(|name| link.name() == *name);
    let bridges: Vec<Bridge> = snapshot.links.iter().filter(wanted).map(|link| bridge(&snapshot, link)).collect();
    if let Some(name) = arguments.bridge.as_ref().filter(|_| bridges.is_empty()) {
        return Err(Failure::unchanged(format!(
            "there is no bridge {name}; to make it: virt-bridge up {name} --uplink NIC"
        )));
    }
    // A broken configuration does not hide what is.
    let config = super::config().unwrap_or_default();
    let status = Status { bridges, ip_forwarding: forwarding::report(Path::new("/"), &config) };
    if arguments.json {
        return super::print_json(&status);
    }
    let mut text = String::new();
    if status.bridges.is_empty() {
        say!(text, "there is no bridge");
    }
    status.bridges.iter().for_each(|bridge| add(&mut text, bridge));
    if arguments.bridge.is_none() {
        status.ip_forwarding.iter().for_each(|family| say!(text, "{family}"));
    }
    super::print_text(&text)
}

fn bridge(snapshot: &Snapshot, link: &Link) -> Bridge {
    let parameters = link.bridge_parameters().unwrap_or_default();
    let records = Records::of(&link.name());
    let receipt = records.receipt().ok().flatten().filter(|receipt| receipt.bridge.index == link.index);
    let routes =
        snapshot.routes.iter().filter(|route| route.uses(link.index) && route.table() != u32::from(RT_TABLE_LOCAL));
    let made_by_virt_bridge = receipt.as_ref().is_some_and(|receipt| receipt.created_bridge);
    let uplink = receipt.and_then(|receipt| receipt.uplink).map(|uplink| uplink.name);
    let port = uplink.as_ref().and_then(|name| snapshot.ports_of(link.index).find(|port| port.name() == *name));
    Bridge {
        name: link.name(),
        up: link.is_up(),
        carrier: link.carrier(),
        mac: link.mac().map(mac_text),
        mtu: link.mtu(),
        stp: parameters.stp,
        forward_delay_ms: parameters.forward_delay_ms,
        vlan_filtering: parameters.vlan_filtering,
        addresses: addresses(snapshot, link),
        routes: routes.map(ToString::to_string).collect(),
        ports: snapshot.ports_of(link.index).map(|port| self::port(snapshot, port)).collect(),
        lacking: port.map(|port| lacking(snapshot, link, port)).unwrap_or_default(),
        made_by_virt_bridge,
        uplink,
        interrupted: records.is_interrupted(),
    }
}

fn port(snapshot: &Snapshot, link: &Link) -> Port {
    Port {
        name: link.name(),
        kind: link.kind(),
        up: link.is_up(),
        carrier: link.carrier(),
        mac: link.mac().map(mac_text),
        addresses: addresses(snapshot, link),
    }
}

fn addresses(snapshot: &Snapshot, link: &Link) -> Vec<String> {
    snapshot.addresses.iter().filter(|address| address.index == link.index).map(ToString::to_string).collect()
}

fn add(text: &mut String, bridge: &Bridge) {
    say!(text, "{}", described(&bridge.name, bridge.up, bridge.carrier, &bridge.mac));
    if bridge.interrupted {
        say!(text, "  a takeover was interrupted; to go on from there: virt-bridge up {}", bridge.name);
    }
    bridge.addresses.iter().for_each(|address| say!(text, "  address {address}"));
    bridge.lacking.iter().for_each(|what| say!(text, "  {what}"));
    bridge.routes.iter().for_each(|route| say!(text, "  route {route}"));
    for port in &bridge.ports {
        let role = if bridge.uplink.as_ref() == Some(&port.name) { "uplink" } else { "port" };
        say!(text, "  {role} {}", described(&port.name, port.up, port.carrier, &port.mac));
        port.addresses.iter().for_each(|address| say!(text, "    address {address}, of no use on a port"));
    }
}

fn described(name: &str, up: bool, carrier: Option<bool>, mac: &Option<String>) -> String {
    let state = match (up, carrier) {
        (false, _) => "down",
        (true, Some(false)) => "up, no carrier",
        (true, _) => "up",
    };
    format!("{name}: {state}{}", mac.as_ref().map(|mac| format!(", {mac}")).unwrap_or_default())
}
