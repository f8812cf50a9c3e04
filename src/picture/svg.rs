//! The picture as an SVG document, for a page or a ticket: light and dark, and text is text.

mod sheet;

use super::quantity::{bytes, speed};
use super::{Bridge, Port};
use sheet::Sheet;

const MARGIN: i32 = 20;
const LINE: i32 = 17;
const PADDING: i32 = 12;

/// Left edges and widths of the columns: an IPv6 address without zeros fits, and a MAC with a tap and two VLANs.
const LAN: [i32; 2] = [MARGIN, 250];
const HOST: i32 = 292;
const UPLINK: [i32; 2] = [312, 176];
const BRIDGE: [i32; 2] = [528, 298];
const GUESTS: i32 = 866;
const GUEST: i32 = 264;

/// More guests than that have one line each, with the name before the rest.
const ROOMY: usize = 12;
const NAME: i32 = 210;

/// Draws the bridges of the host of this name, one below the other.
pub fn svg(bridges: &[Bridge], host: &str) -> String {
    let mut sheet = Sheet::default();
    // All bridges have their guests in one column.
    let guest = if bridges.iter().any(is_crowded) { NAME + GUEST } else { GUEST };
    let width = GUESTS + guest + 2 * PADDING + MARGIN;
    if bridges.is_empty() {
        sheet.text("quiet", [MARGIN, MARGIN + LINE], width, &format!("{host} has no bridge"));
        return sheet.finish(width, MARGIN + 2 * LINE);
    }
    let heights = bridges.iter().map(height);
    let height: i32 = LINE + PADDING + heights.map(|height| height + PADDING).sum::<i32>();
    sheet.rect("host", [HOST, MARGIN, width - HOST - MARGIN, height]);
    sheet.text("quiet", [HOST + PADDING, MARGIN + LINE], width - HOST - MARGIN, &format!("host {host}"));
    let mut top = MARGIN + LINE + PADDING;
    for bridge in bridges {
        draw(&mut sheet, bridge, top, guest);
        top += self::height(bridge) + PADDING;
    }
    sheet.finish(width, top + MARGIN)
}

/// Its ports but for the uplink.
fn guests(bridge: &Bridge) -> Vec<&Port> {
    bridge.ports.iter().filter(|port| port.role != "uplink").collect()
}

fn is_crowded(bridge: &Bridge) -> bool {
    guests(bridge).len() > ROOMY
}

/// How much room each guest has.
fn row(bridge: &Bridge) -> i32 {
    if is_crowded(bridge) { LINE + PADDING } else { 2 * LINE + PADDING + 6 }
}

/// How high the bridge is: its text, its guests, and its LAN at its side have their place.
fn height(bridge: &Bridge) -> i32 {
    let text = lines_of(bridge).len().max(lines_of_lan(bridge).len()).max(4) as i32 * LINE + 2 * PADDING;
    text.max(guests(bridge).len() as i32 * row(bridge))
}

/// Draws a bridge below `top`, its guests so wide.
fn draw(sheet: &mut Sheet, bridge: &Bridge, top: i32, guest: i32) {
    let (ports, row, height) = (guests(bridge), row(bridge), height(bridge));
    let middle = top + height / 2;
    let uplink = bridge.ports.iter().find(|port| port.role == "uplink");
    if let Some(uplink) = uplink {
        let is_alive = uplink.up && uplink.carrier != Some(false);
        sheet.wire(is_alive, [LAN[0] + LAN[1], middle], [UPLINK[0], middle]);
        sheet.wire(uplink.up, [UPLINK[0] + UPLINK[1], middle], [BRIDGE[0], middle]);
        boxed(sheet, "link", LAN, middle, &lines_of_lan(bridge));
        boxed(sheet, "link", UPLINK, middle, &lines_of_uplink(uplink));
    }
    let lines = lines_of(bridge);
    sheet.rect("bridge", [BRIDGE[0], top, BRIDGE[1], height]);
    write(sheet, [BRIDGE[0], middle - lines.len() as i32 * LINE / 2], BRIDGE[1], &lines);
    let first = middle - ports.len() as i32 * row / 2;
    for (port, place) in ports.iter().zip(0..) {
        let centre = first + place * row + row / 2;
        sheet.wire(port.up && port.carrier != Some(false), [BRIDGE[0] + BRIDGE[1], centre], [GUESTS, centre]);
        draw_guest(sheet, port, centre, guest, is_crowded(bridge));
    }
}

/// A class and a text.
type Line = (&'static str, String);

fn lines_of_lan(bridge: &Bridge) -> Vec<Line> {
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
    lines
}

fn lines_of(bridge: &Bridge) -> Vec<Line> {
    let mut lines: Vec<Line> = vec![("name", bridge.name.clone())];
    let addresses = bridge.addresses.iter().map(|address| address.split(' ').next().unwrap_or_default());
    let addresses: Vec<&str> = addresses.filter(|address| !address.starts_with("fe80:")).collect();
    // All of one size: the largest in which none is cut.
    let classes = ["", "small"];
    let fits = |class: &&&str| addresses.iter().all(|address| sheet::fits(class, BRIDGE[1] - 2 * PADDING, address));
    let class = classes.iter().find(fits).copied().unwrap_or("small");
    lines.extend(addresses.iter().map(|address| (class, (*address).to_owned())));
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

fn draw_guest(sheet: &mut Sheet, port: &Port, centre: i32, width: i32, is_crowded: bool) {
    let name = port.domain.clone().unwrap_or_else(|| port.name.clone());
    let tags: Vec<String> = port.vlans.iter().map(u16::to_string).collect();
    let vlans = (!tags.is_empty()).then(|| format!("VLAN {}", tags.join(",")));
    let link = port.domain.is_some().then(|| port.name.clone());
    let mac = port.guest_mac.clone().or_else(|| port.mac.clone());
    let details = [link, mac, vlans].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let lines = [("name", name), ("quiet", details)];
    if is_crowded {
        let [name, details] = lines;
        boxed(sheet, "link", [GUESTS, width], centre, &[]);
        write(sheet, [GUESTS, centre - LINE / 2], NAME + PADDING, &[name]);
        write(sheet, [GUESTS + NAME, centre - LINE / 2], width - NAME, &[details]);
    } else {
        boxed(sheet, "link", [GUESTS, width], centre, &lines);
    }
}

fn state(port: &Port) -> Line {
    match (port.up, port.carrier) {
        (false, _) => ("bad", "down".into()),
        (true, Some(false)) => ("bad", "no carrier".into()),
        (true, _) => ("good", "up".into()),
    }
}

/// A box with lines, around a middle line; it has room for one at least.
fn boxed(sheet: &mut Sheet, class: &str, [left, width]: [i32; 2], middle: i32, lines: &[Line]) {
    let height = lines.len().max(1) as i32 * LINE + 8;
    sheet.rect(class, [left, middle - height / 2, width, height]);
    write(sheet, [left, middle - lines.len() as i32 * LINE / 2], width, lines);
}

fn write(sheet: &mut Sheet, [left, top]: [i32; 2], width: i32, lines: &[Line]) {
    for ((class, text), line) in lines.iter().zip(1..) {
        sheet.text(class, [left + PADDING, top + line * LINE - 4], width - 2 * PADDING, text);
    }
}
