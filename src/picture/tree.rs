//! The picture as a tree in a terminal.

use std::collections::HashMap;
use std::time::Duration;

use super::quantity::{bytes, rate, speed};
use super::{Bridge, Paint, Port};
use crate::netlink::Counters;
use crate::printable::Printable;

/// What had passed each port at an earlier look, and how long ago that was.
pub struct Earlier<'a> {
    pub bridges: &'a [Bridge],
    pub ago: Duration,
}

/// Draws the bridges; with an earlier look rates stand in place of sums.
pub fn tree(bridges: &[Bridge], earlier: Option<Earlier>, paint: Paint) -> String {
    let rates = earlier.map(|earlier| {
        let ports = earlier.bridges.iter().flat_map(|bridge| &bridge.ports);
        let before: HashMap<&str, Counters> =
            ports.filter_map(|port| Some((port.name.as_str(), port.traffic?))).collect();
        (before, earlier.ago.as_secs_f64())
    });
    let traffic = |port: &Port| {
        let now = port.traffic?;
        let Some((before, seconds)) = &rates else {
            return Some([bytes(now.received_bytes), bytes(now.sent_bytes)]);
        };
        let before = before.get(port.name.as_str()).copied().unwrap_or(now);
        let passed = |now: u64, before: u64| rate(now.saturating_sub(before), *seconds);
        Some([passed(now.received_bytes, before.received_bytes), passed(now.sent_bytes, before.sent_bytes)])
    };
    let trees: Vec<String> = bridges.iter().map(|bridge| Tree { bridge, paint }.draw(&traffic)).collect();
    trees.join("\n")
}

struct Tree<'a> {
    bridge: &'a Bridge,
    paint: Paint,
}

impl Tree<'_> {
    fn draw(&self, traffic: &dyn Fn(&Port) -> Option<[String; 2]>) -> String {
        let mut lines = vec![self.lan()];
        let uplink = self.bridge.ports.iter().find(|port| port.role == "uplink");
        let mut margin = String::new();
        if let Some(uplink) = uplink {
            lines.push(format!("└─ {}", self.uplink(uplink, traffic(uplink))));
            lines.extend(self.useless_addresses(uplink).map(|line| format!("   {line}")));
            margin.push_str("   ");
        }
        lines.push(format!("{margin}└─ {}", self.head()));
        margin.push_str("   ");
        let below = self.below(traffic);
        let bar = if below.is_empty() { "   " } else { "│  " };
        lines.extend(self.details().iter().map(|detail| format!("{margin}{bar}{detail}")));
        let last = below.len().saturating_sub(1);
        for (place, line) in below.iter().enumerate() {
            let branch = if place == last { "└─" } else { "├─" };
            lines.push(format!("{margin}{branch} {line}"));
        }
        lines.push(String::new());
        lines.join("\n")
    }

    fn lan(&self) -> String {
        if self.bridge.uplink.is_none() {
            return self.paint.odd("no LAN: the bridge has no uplink");
        }
        if self.bridge.gateways.is_empty() {
            return format!("{}  {}", self.paint.name("LAN"), self.paint.quiet("no gateway"));
        }
        let gateways = self.bridge.gateways.iter().map(|gateway| {
            let state = match gateway.state {
                "reachable" => self.paint.good("reachable"),
                "silent" => self.paint.bad("does not answer"),
                "known" => self.paint.quiet("not asked lately"),
                _ => self.paint.quiet("not asked yet"),
            };
            let mac = gateway.mac.as_ref().map(|mac| format!("{mac}, ")).unwrap_or_default();
            format!("{} ({mac}{state})", gateway.address)
        });
        format!("{}  gateway {}", self.paint.name("LAN"), gateways.collect::<Vec<_>>().join(", "))
    }

    fn uplink(&self, port: &Port, traffic: Option<[String; 2]>) -> String {
        let mut words = vec![self.state(port.up, port.carrier)];
        words.extend(port.speed_mbps.map(speed));
        words.extend(port.driver.clone());
        words.extend(port.kind.clone());
        words.extend((!port.owners.is_empty()).then(|| format!("configured by {}", port.owners.join(" and "))));
        words.extend(traffic.map(|[received, sent]| format!("↓ {received}, ↑ {sent}")));
        format!("{}  {}", self.paint.name(&cleaned(&port.name)), words.join(", "))
    }

    fn head(&self) -> String {
        let bridge = self.bridge;
        let state = self.state(bridge.up, bridge.carrier);
        let addresses = self.addresses().join(", ");
        let addresses = if addresses.is_empty() { self.paint.quiet("no address") } else { addresses };
        format!("{}  {state}, {addresses}", self.paint.name(&cleaned(&bridge.name)))
    }

    /// The bridge's addresses but those that every link has by itself.
    fn addresses(&self) -> Vec<&str> {
        let short = self.bridge.addresses.iter().map(|address| address.split(' ').next().unwrap_or_default());
        short.filter(|address| !address.starts_with("fe80:")).collect()
    }

    fn details(&self) -> Vec<String> {
        let bridge = self.bridge;
        let on = |value: Option<bool>| if value == Some(true) { "on" } else { "off" };
        let filters: Vec<&str> = bridge.filtered.named().filter(|(_, on)| *on).map(|(table, _)| table).collect();
        let mut words: Vec<String> = bridge.mac.iter().cloned().collect();
        words.extend(bridge.mtu.map(|mtu| format!("MTU {mtu}")));
        words.push(format!("STP {}", on(bridge.stp)));
        words.push(format!("VLAN filtering {}", on(bridge.vlan_filtering)));
        let mut lines = vec![self.paint.quiet(&words.join(", "))];
        lines.push(match filters.as_slice() {
            [] => self.paint.quiet("packets between ports pass no filter of the host"),
            filters => self.paint.odd(&format!("packets between ports pass the host's {}", filters.join(", "))),
        });
        if let Some(left) = bridge.unconfirmed_ms {
            let text =
                format!("goes back in {} s unless: virt-bridge confirm {}", left.div_ceil(1000), cleaned(&bridge.name));
            lines.push(self.paint.bad(&text));
        }
        lines.extend(bridge.lacking.iter().map(|what| self.paint.odd(&cleaned(what))));
        if bridge.interrupted {
            let text =
                format!("a takeover was interrupted; to go on from there: virt-bridge up {}", cleaned(&bridge.name));
            lines.push(self.paint.bad(&text));
        }
        lines
    }

    /// Guests, other ports and networks, in columns.
    fn below(&self, traffic: &dyn Fn(&Port) -> Option<[String; 2]>) -> Vec<String> {
        let ports: Vec<&Port> = self.bridge.ports.iter().filter(|port| port.role != "uplink").collect();
        let rows: Vec<[String; 5]> = ports.iter().map(|port| row(port, traffic(port))).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 5] = std::array::from_fn(width);
        let mut lines = Vec::new();
        for (port, row) in ports.iter().zip(&rows) {
            let cells = row.iter().zip(widths).enumerate().filter(|(_, (_, width))| *width > 0);
            let cells = cells.map(|(column, (cell, width))| {
                let padded = format!("{cell:width$}");
                if column == 0 { self.paint.name(&padded) } else { padded }
            });
            let state = self.state(port.up, port.carrier);
            lines.push(format!("{}  {state}", cells.collect::<Vec<_>>().join("  ")));
            lines.extend(self.useless_addresses(port));
        }
        lines.extend(self.bridge.networks.iter().map(|network| {
            let active = if network.active { self.paint.good("active") } else { self.paint.odd("inactive") };
            let autostart = if network.autostart { "autostart".into() } else { self.paint.odd("no autostart") };
            format!("network {}  {active}, {autostart}", self.paint.name(&cleaned(&network.name)))
        }));
        lines
    }

    /// A port's addresses but the link-local ones, which every port has by itself and which do no harm.
    fn useless_addresses(&self, port: &Port) -> impl Iterator<Item = String> {
        let useless = port.addresses.iter().filter(|address| !address.starts_with("fe80:"));
        let told =
            |address| self.paint.bad(&format!("address {address} is of no use on the port {}", cleaned(&port.name)));
        useless.map(told)
    }

    fn state(&self, up: bool, carrier: Option<bool>) -> String {
        match (up, carrier) {
            (false, _) => self.paint.bad("down"),
            (true, Some(false)) => self.paint.bad("no carrier"),
            (true, _) => self.paint.good("up"),
        }
    }
}

fn row(port: &Port, traffic: Option<[String; 2]>) -> [String; 5] {
    let guest = match (&port.domain, &port.kind) {
        (Some(domain), _) => cleaned(domain),
        (None, kind) => format!("({})", kind.as_deref().unwrap_or("hardware")),
    };
    let mac = port.guest_mac.clone().or_else(|| port.mac.clone()).unwrap_or_default();
    let tags: Vec<String> = port.vlans.iter().map(u16::to_string).collect();
    let vlans = if tags.is_empty() { String::new() } else { format!("VLAN {}", tags.join(",")) };
    let traffic = traffic.map(|[received, sent]| format!("↓ {received:>9}  ↑ {sent:>9}")).unwrap_or_default();
    [cleaned(&port.name), guest, mac, vlans, traffic]
}

/// The kernel lets a link's name have control characters, libvirt a guest's.
fn cleaned(name: &str) -> String {
    Printable(name).to_string()
}
