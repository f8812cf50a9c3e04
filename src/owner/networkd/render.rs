//! What applied to the uplink becomes the bridge's: pure, from the files as they are to those that are added. Files that
//! are there stay as they are.

use std::path::{Path, PathBuf};

use super::files::{self, ETC};
use super::unit::{Setting, Unit, values};
use crate::owner::persist::Bridge;

/// Sections that say how the host speaks through a link, and so go over to the bridge (systemd.network(5)); all others are
/// the NIC's own.
const OF_THE_HOST: [&str; 21] = [
    "Network",
    "Address",
    "Neighbor",
    "IPv6AddressLabel",
    "RoutingPolicyRule",
    "NextHop",
    "Route",
    "DHCP",
    "DHCPv4",
    "DHCPv6",
    "DHCPv6PrefixDelegation",
    "DHCPPrefixDelegation",
    "IPv6AcceptRA",
    "IPv6PrefixDelegation",
    "IPv6SendRA",
    "IPv6Prefix",
    "IPv6RoutePrefix",
    "IPv6PREF64Prefix",
    "DHCPServer",
    "DHCPServerStaticLease",
    "MobileNetwork",
];

/// What `[Network]` says of the NIC itself.
const OF_THE_NIC: [&str; 3] = ["LLDP", "EmitLLDP", "Description"];

/// What `[Link]` says of the host's way through the link.
const OF_THE_WAY: [&str; 2] = ["RequiredForOnline", "RequiredFamilyForOnline"];

/// What `[Network]` names that would stand on the uplink.
const ABOVE: [&str; 10] =
    ["VLAN", "MACVLAN", "MACVTAP", "IPVLAN", "IPVTAP", "VXLAN", "Tunnel", "Xfrm", "MACsec", "IPoIB"];

/// What `[Network]` names that the uplink would be a port of.
const MASTERS: [&str; 4] = ["Bridge", "Bond", "VRF", "BatmanAdvanced"];

const HEAD: &str = "# Of `virt-bridge up --persist`; `virt-bridge undo` deletes it.\n";

/// The three files of a bridge, beside the one that applied.
#[derive(Debug)]
pub struct Places {
    pub netdev: PathBuf,
    pub network: PathBuf,
    pub port: PathBuf,
}

impl Places {
    /// Names that sort directly before that of the file that applied: `-` comes before `.`.
    pub fn before(applied: &Path, bridge: &str) -> Places {
        let stem = applied.file_stem().unwrap_or_default().to_string_lossy();
        let place = |end: &str| Path::new(ETC).join(format!("{stem}-{bridge}{end}"));
        Places { netdev: place(".netdev"), network: place(".network"), port: place("-port.network") }
    }
}

/// What stands against it: `applied` is what applies to the uplink, with its drop-ins.
pub fn reasons(applied: &[Unit], networks: &[Unit], netdevs: &[Unit], bridge: &Bridge, places: &Places) -> Vec<String> {
    let mut reasons = Vec::new();
    for (unit, setting) in settings_of(applied, "Network").filter(|(_, setting)| !setting.value.is_empty()) {
        let at = at(unit, setting);
        if ABOVE.contains(&setting.key.as_str()) {
            reasons.push(format!("{at}: {} stands on {} and would lose its traffic", setting.value, bridge.uplink));
        } else if MASTERS.contains(&setting.key.as_str()) {
            reasons.push(format!("{at}: {} is a port of {}", bridge.uplink, setting.value));
        }
    }
    let is_ours = |unit: &&Unit, ours: &Path| unit.path == ours;
    let taken = netdevs.iter().filter(|unit| !is_ours(unit, &places.netdev));
    for unit in taken.filter(|unit| unit.values("NetDev", "Name") == [bridge.name.as_str()]) {
        let (path, name) = (unit.path.display(), &bridge.name);
        reasons.push(format!("{path}: {name} is there already, without the port {}", bridge.uplink));
    }
    let name = |path: &Path| path.file_name().unwrap_or_default().to_owned();
    let earlier = networks.iter().filter(|unit| name(&unit.path) < name(&places.network));
    let mut earlier = earlier.filter(|unit| !is_ours(unit, &places.network) && !is_ours(unit, &places.port));
    if let Some(unit) = earlier.find(|unit| files::may_match(unit, &bridge.name, &bridge.mac)) {
        reasons.push(format!("{}: it applies to {} before what would be written", unit.path.display(), bridge.name));
    }
    reasons
}

/// The bridge itself.
pub fn netdev(bridge: &Bridge) -> String {
    let Bridge { name, mac, stp, vlan_filtering, .. } = bridge;
    let word = |yes: &bool| if *yes { "yes" } else { "no" };
    let delay = match bridge.forward_delay_ms {
        milliseconds if milliseconds % 1000 == 0 => format!("{}", milliseconds / 1000),
        milliseconds => format!("{milliseconds}ms"),
    };
    format!(
        "{HEAD}[NetDev]\nName={name}\nKind=bridge\n# The uplink's, by which DHCP servers and switches know the host.\n\
         MACAddress={mac}\n\n[Bridge]\nSTP={}\nForwardDelaySec={delay}\nVLANFiltering={}\n",
        word(stp),
        word(vlan_filtering)
    )
}

/// All that the uplink's files said of the host's way through it, for the bridge.
pub fn network(applied: &[Unit], bridge: &Bridge, iaid: Option<u32>) -> String {
    let mut text = format!("{HEAD}[Match]\nName={}\n", bridge.name);
    add_section(&mut text, "Link", settings_of(applied, "Link").filter(|(_, setting)| is_of_the_way(setting)));
    for unit in applied {
        for section in unit.sections.iter().filter(|section| OF_THE_HOST.contains(&section.name.as_str())) {
            let settings = section.settings.iter().map(|setting| (unit, setting));
            let goes = |(_, setting): &(&Unit, &Setting)| section.name != "Network" || !stays_in_network(setting);
            add_section(&mut text, &section.name, settings.filter(goes));
        }
    }
    text + &iaid.map(identity).unwrap_or_default()
}

/// networkd derives it from the NIC's name in firmware, which a bridge has not, and servers know a client by it.
pub fn identity(iaid: u32) -> String {
    format!("\n[DHCPv4]\n# The uplink's, by which DHCP servers know the host.\nIAID={iaid}\n")
}

/// What is left for the uplink.
pub fn port(applied: &[Unit], bridge: &Bridge) -> String {
    let of_the_nic = |setting: &Setting| ["LLDP", "EmitLLDP"].contains(&setting.key.as_str());
    let mut text = format!(
        // Otherwise a boot would wait for the port to have an address.
        "{HEAD}[Match]\nName={}\n\n[Link]\n{}RequiredForOnline=no\n\n\
         [Network]\nBridge={}\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n{}",
        bridge.uplink,
        lines(settings_of(applied, "Link").filter(|(_, setting)| !is_of_the_way(setting))),
        bridge.name,
        lines(settings_of(applied, "Network").filter(|(_, setting)| of_the_nic(setting)))
    );
    for unit in applied {
        let is_own = |name: &str| !OF_THE_HOST.contains(&name) && !["Match", "Link", "BridgeVLAN"].contains(&name);
        for section in unit.sections.iter().filter(|section| is_own(&section.name)) {
            add_section(&mut text, &section.name, section.settings.iter().map(|setting| (unit, setting)));
        }
    }
    text
}

/// All of it, for one link alone.
pub fn whole(applied: &[Unit], link: &str) -> String {
    let mut text = format!("[Match]\nName={link}\n");
    for unit in applied {
        for section in unit.sections.iter().filter(|section| section.name != "Match") {
            add_section(&mut text, &section.name, section.settings.iter().map(|setting| (unit, setting)));
        }
    }
    text
}

/// What the administrator has to look at: what names the uplink, and addresses that come of a link's name.
pub fn warnings(applied: &[Unit], bridge: &Bridge) -> Vec<String> {
    let moved = applied.iter().flat_map(|unit| unit.sections.iter().map(move |section| (unit, section)));
    let moved = moved.filter(|(_, section)| OF_THE_HOST.contains(&section.name.as_str()));
    let settings = moved.flat_map(|(unit, section)| section.settings.iter().map(move |setting| (unit, setting)));
    let told = |(unit, setting): (&Unit, &Setting)| {
        let names_uplink = setting.value.split([' ', '\t', ':', '%']).any(|word| word == bridge.uplink);
        let derives = setting.value.contains("prefixstable") || setting.value == "stable-privacy";
        let (at, text) = (at(unit, setting), &setting.text);
        if setting.key.is_empty() {
            None
        } else if names_uplink {
            Some(format!(
                "{at}: `{text}` names {} and stays so: look whether it has to name {}",
                bridge.uplink, bridge.name
            ))
        } else {
            derives.then(|| {
                format!("{at}: `{text}` gives {} another IPv6 address than {} had", bridge.name, bridge.uplink)
            })
        }
    };
    settings.filter_map(told).collect()
}

/// Whether the files give the client an identity of their own, or one that comes of the MAC alone.
pub fn has_identity(applied: &[Unit]) -> bool {
    ["DHCP", "DHCPv4"].iter().any(|section| {
        let by = values(applied, section, "ClientIdentifier").last().copied();
        !values(applied, section, "IAID").is_empty() || matches!(by, Some("mac" | "duid-only"))
    })
}

fn settings_of<'a>(applied: &'a [Unit], section: &'a str) -> impl Iterator<Item = (&'a Unit, &'a Setting)> {
    let sections = applied.iter().flat_map(|unit| unit.sections.iter().map(move |section| (unit, section)));
    let named = sections.filter(move |(_, candidate)| candidate.name == section);
    named.flat_map(|(unit, section)| section.settings.iter().map(move |setting| (unit, setting)))
}

/// A comment in `[Link]` may be about either, and stays with the NIC.
fn is_of_the_way(setting: &Setting) -> bool {
    OF_THE_WAY.contains(&setting.key.as_str())
}

fn stays_in_network(setting: &Setting) -> bool {
    let stays = OF_THE_NIC.contains(&setting.key.as_str()) || MASTERS.contains(&setting.key.as_str());
    stays || setting.key == "KeepMaster"
}

fn add_section<'a>(text: &mut String, name: &str, settings: impl Iterator<Item = (&'a Unit, &'a Setting)>) {
    let lines = lines(settings);
    if !lines.is_empty() {
        text.push_str(&format!("\n[{name}]\n{lines}"));
    }
}

fn lines<'a>(settings: impl Iterator<Item = (&'a Unit, &'a Setting)>) -> String {
    settings.map(|(_, setting)| format!("{}\n", setting.text)).collect()
}

fn at(unit: &Unit, setting: &Setting) -> String {
    format!("{}:{}", unit.path.display(), setting.number)
}
