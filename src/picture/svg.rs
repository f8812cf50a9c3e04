//! The picture as an SVG document, for a page or a ticket: light and dark, and text is text.

mod sheet;

use super::quantity::{bytes, speed};
use super::{Bridge, Port};
use sheet::Sheet;

const WIDTH: i32 = 1006;
const MARGIN: i32 = 20;
const LINE: i32 = 17;
const PADDING: i32 = 12;

/// Left edges and widths of the columns.
const LAN: [i32; 2] = [MARGIN, 214];
const HOST: [i32; 2] = [256, WIDTH - 256 - MARGIN];
const UPLINK: [i32; 2] = [276, 176];
const BRIDGE: [i32; 2] = [492, 210];
const GUESTS: [i32; 2] = [742, 228];

/// More guests than that have one line each.
const ROOMY: usize = 12;

/// Draws the bridges of the host of this name, one below the other.
pub fn svg(bridges: &[Bridge], host: &str) -> String {
    let mut sheet = Sheet::default();
    let mut top = MARGIN;
    for bridge in bridges {
        top = draw(&mut sheet, bridge, host, top) + MARGIN;
    }
    if bridges.is_empty() {
        sheet.text("quiet", [MARGIN, top + LINE], WIDTH, &format!("{host} has no bridge"));
        top += 2 * LINE;
    }
    sheet.finish(WIDTH, top)
}

/// Draws a bridge below `top`; answers with where its picture ends.
fn draw(sheet: &mut Sheet, bridge: &Bridge, host: &str, top: i32) -> i32 {
    let ports: Vec<&Port> = bridge.ports.iter().filter(|port| port.role != "uplink").collect();
    let uplink = bridge.ports.iter().find(|port| port.role == "uplink");
    let row = if ports.len() > ROOMY { LINE + PADDING } else { 2 * LINE + PADDING + 6 };
    let (head, lines) = (LINE + PADDING, lines_of(bridge));
    let guests = ports.len() as i32 * row;
    let inner = guests.max(lines.len() as i32 * LINE + 2 * PADDING).max(5 * LINE + 2 * PADDING);
    let (inner_top, middle) = (top + head, top + head + inner / 2);
    sheet.rect("host", [HOST[0], top, HOST[1], head + inner + PADDING]);
    sheet.text("quiet", [HOST[0] + PADDING, top + LINE], HOST[1], &format!("host {host}"));
    if let Some(uplink) = uplink {
        let is_alive = uplink.up && uplink.carrier != Some(false);
        sheet.wire(is_alive, [LAN[0] + LAN[1], middle], [UPLINK[0], middle]);
        sheet.wire(uplink.up, [UPLINK[0] + UPLINK[1], middle], [BRIDGE[0], middle]);
        draw_lan(sheet, bridge, middle);
        boxed(sheet, "link", UPLINK, middle, &lines_of_uplink(uplink));
    }
    sheet.rect("bridge", [BRIDGE[0], inner_top, BRIDGE[1], inner]);
    write(sheet, [BRIDGE[0], middle - lines.len() as i32 * LINE / 2], BRIDGE[1], &lines);
    let first = middle - guests / 2;
    for (port, place) in ports.iter().zip(0..) {
        let centre = first + place * row + row / 2;
        sheet.wire(port.up && port.carrier != Some(false), [BRIDGE[0] + BRIDGE[1], centre], [GUESTS[0], centre]);
        boxed(sheet, "link", GUESTS, centre, &lines_of_guest(port, ports.len() > ROOMY));
    }
    top + head + inner + PADDING
}

/// A class and a text.
type Line = (&'static str, String);

fn draw_lan(sheet: &mut Sheet, bridge: &Bridge, middle: i32) {
    let mut lines: Vec<Line> = vec![("name", "LAN".into())];
    for gateway in &bridge.gateways {
        let class = if gateway.state == "silent" { "bad" } else { "quiet" };
        lines.push((class, format!("gateway {}", gateway.address)));
        let state = match gateway.state {
            "known" => String::new(),
            "silent" => ", does not answer".into(),
            "unknown" => ", not asked yet".into(),
            state => format!(", {state}"),
        };
        let mac = gateway.mac.as_deref().unwrap_or("no MAC known");
        lines.push((class, format!("{mac}{state}")));
    }
    boxed(sheet, "link", LAN, middle, &lines);
}

fn lines_of(bridge: &Bridge) -> Vec<Line> {
    let mut lines: Vec<Line> = vec![("name", bridge.name.clone())];
    let addresses = bridge.addresses.iter().map(|address| address.split(' ').next().unwrap_or_default());
    lines.extend(addresses.filter(|address| !address.starts_with("fe80:")).map(|address| ("", address.to_owned())));
    lines.extend(bridge.mac.iter().map(|mac| ("quiet", mac.clone())));
    let mtu = bridge.mtu.map(|mtu| format!("MTU {mtu}, ")).unwrap_or_default();
    lines.push(("quiet", format!("{mtu}STP {}", if bridge.stp == Some(true) { "on" } else { "off" })));
    if bridge.vlan_filtering == Some(true) {
        lines.push(("quiet", "keeps VLANs apart".into()));
    }
    let filters: Vec<&str> = bridge.filtered.named().filter(|(_, on)| *on).map(|(table, _)| table).collect();
    if !filters.is_empty() {
        lines.push(("odd", "filtered by the host's".into()));
        lines.push(("odd", filters.join(", ")));
    }
    if bridge.uplink.is_none() {
        lines.push(("bad", "no uplink".into()));
    }
    if bridge.unconfirmed_ms.is_some() {
        lines.push(("bad", "waits for confirmation".into()));
    }
    for network in &bridge.networks {
        let class = if network.active { "quiet" } else { "odd" };
        let state = if network.active { "" } else { ", inactive" };
        lines.push((class, format!("network {}{state}", network.name)));
    }
    lines
}

fn lines_of_uplink(port: &Port) -> Vec<Line> {
    let mut lines = vec![("name", port.name.clone()), state(port)];
    let hardware: Vec<String> =
        [port.speed_mbps.map(speed), port.driver.clone(), port.kind.clone()].into_iter().flatten().collect();
    lines.extend((!hardware.is_empty()).then(|| ("quiet", hardware.join(", "))));
    lines.extend(
        port.traffic
            .map(|traffic| ("quiet", format!("↓ {}, ↑ {}", bytes(traffic.received_bytes), bytes(traffic.sent_bytes)))),
    );
    lines
}

fn lines_of_guest(port: &Port, is_short: bool) -> Vec<Line> {
    let name = port.domain.clone().unwrap_or_else(|| port.name.clone());
    let tags: Vec<String> = port.vlans.iter().map(u16::to_string).collect();
    let vlans = if tags.is_empty() { String::new() } else { format!("VLAN {}", tags.join(",")) };
    if is_short {
        return vec![("name", name)];
    }
    let mac = port.guest_mac.as_ref().or(port.mac.as_ref());
    let link = port.domain.is_some().then(|| port.name.clone());
    let details: Vec<&str> = [link.as_deref(), mac.map(String::as_str), Some(vlans.as_str())]
        .into_iter()
        .flatten()
        .filter(|word| !word.is_empty())
        .collect();
    vec![("name", name), ("quiet", details.join(" "))]
}

fn state(port: &Port) -> Line {
    match (port.up, port.carrier) {
        (false, _) => ("bad", "down".into()),
        (true, Some(false)) => ("bad", "no carrier".into()),
        (true, _) => ("good", "up".into()),
    }
}

/// A box with lines, around a middle line.
fn boxed(sheet: &mut Sheet, class: &str, [left, width]: [i32; 2], middle: i32, lines: &[Line]) {
    let height = lines.len() as i32 * LINE + 8;
    sheet.rect(class, [left, middle - height / 2, width, height]);
    write(sheet, [left, middle - lines.len() as i32 * LINE / 2], width, lines);
}

fn write(sheet: &mut Sheet, [left, top]: [i32; 2], width: i32, lines: &[Line]) {
    for ((class, text), line) in lines.iter().zip(1..) {
        sheet.text(class, [left + PADDING, top + line * LINE - 5], width - 2 * PADDING, text);
    }
}
