//! The uplink's profile becomes the bridge's: pure, from the profiles as they are to the files that change.

use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};

use super::device::Device;
use super::keyfile::{Group, Keyfile};
use super::profiles::{OWN, Profile};
use super::refusal::reasons;
use super::uuid::derived;
use crate::owner::Owner;
use crate::owner::edit::Edit;
use crate::owner::persist::{Bridge, Persistence};

/// What a profile says of the host's part in the network rather than of its link: the bridge's from now on.
const OF_HOST: [&str; 4] = ["ipv4", "ipv6", "proxy", "user"];
const CONNECTION_OF_HOST: [&str; 13] = [
    "dns-over-tls",
    "gateway-ping-timeout",
    "ip-ping-addresses",
    "ip-ping-addresses-require-all",
    "ip-ping-timeout",
    "llmnr",
    "mdns",
    "metered",
    "mptcp-flags",
    "mud-url",
    "secondaries",
    "stable-id",
    "zone",
];
/// What it says of the link: the port's, who is brought up in its place.
const CONNECTION_OF_LINK: [&str; 5] =
    ["auth-retries", "autoconnect-retries", "lldp", "wait-activation-delay", "wait-device-timeout"];

/// Ahead of every other profile of the link: from the moment that this one is there, the bridge is made at boot.
const HIGHEST_PRIORITY: &str = "999";

/// The configuration with the bridge: its profile, which by itself does nothing; the port's, with which the next boot
/// makes the bridge; and the profile before, which is not used any more. A crash in between leaves one or the other.
///
/// # Errors
/// One line for each reason why these profiles cannot have it.
pub fn render(profiles: &[Profile], device: &Device, bridge: &Bridge) -> Result<Persistence, Vec<String>> {
    if has_bridge(profiles, bridge) {
        return Ok(Persistence::nothing(Owner::NetworkManager));
    }
    let Some(uuid) = &device.profile else {
        return Err(vec![format!("NetworkManager has no profile up on {}", bridge.uplink)]);
    };
    if let Some(edits) = of_this_boot(profiles, uuid, bridge) {
        return Ok(Persistence { edits, ..Persistence::nothing(Owner::NetworkManager) });
    }
    let Some(profile) = profiles.iter().find(|profile| profile.uuid() == uuid) else {
        return Err(vec![format!(
            "the profile {uuid} of {} is in none of NetworkManager's own files (see nmcli -f NAME,FILENAME connection)",
            bridge.uplink
        )]);
    };
    let reasons = reasons(profiles, profile, bridge);
    if !reasons.is_empty() {
        return Err(reasons);
    }
    let bridge_uuid = derived("bridge", &bridge.name, uuid);
    let (whole, mut warnings) = of_bridge(profile, device, bridge, &bridge_uuid);
    let port = of_port(profile, bridge, &bridge_uuid);
    let new = |name: &str, file: &Keyfile| Edit {
        path: file_of(name),
        old: None,
        new: Some(file.text()),
        // NetworkManager takes no profile that others may read.
        mode: 0o600,
    };
    let mut edits = vec![new(&bridge.name, &whole), new(&port_id(bridge), &port)];
    edits.extend(switched_off(profile));
    warnings.extend(netplans_part(profile, bridge));
    warnings.extend(mentions(profile, bridge));
    warnings.extend(competitors(profiles, profile, bridge));
    Ok(Persistence { edits, warnings, ..Persistence::nothing(Owner::NetworkManager) })
}

/// Whether the profiles have the bridge with this uplink already.
pub fn has_bridge(profiles: &[Profile], bridge: &Bridge) -> bool {
    let lasting = || profiles.iter().filter(|profile| profile.lasts());
    let ours = lasting().find(|profile| is_of_bridge(profile, &bridge.name));
    let is_port = |profile: &&Profile| {
        let leads_here = |to: &str| ours.is_some_and(|ours| ours.is_meant_by(to));
        profile.link() == Some(&bridge.uplink) && profile.controller().is_some_and(leads_here)
    };
    lasting().any(|profile| is_port(&profile))
        || ours.is_some_and(|ours| lasting().any(|profile| is_ours(profile, ours, bridge)))
}

/// The profiles that an earlier run has handed the uplink over with, and was ended before it could write them to where
/// they last.
fn of_this_boot(profiles: &[Profile], up: &str, bridge: &Bridge) -> Option<Vec<Edit>> {
    let port = profiles.iter().find(|profile| profile.uuid() == up && !profile.lasts())?;
    let whole =
        profiles.iter().find(|profile| is_of_bridge(profile, &bridge.name) && is_ours(port, profile, bridge))?;
    let before = profiles.iter().find(|profile| derived("port", &bridge.name, profile.uuid()) == up)?;
    let lasting = |name: &str, profile: &Profile| Edit {
        path: file_of(name),
        old: None,
        new: Some(profile.text.clone()),
        mode: 0o600,
    };
    let mut edits = vec![lasting(&bridge.name, whole), lasting(&port_id(bridge), port)];
    edits.extend(switched_off(before));
    Some(edits)
}

/// Whether the profile makes this bridge.
pub fn is_of_bridge(profile: &Profile, bridge: &str) -> bool {
    profile.kind() == "bridge" && profile.link() == Some(bridge)
}

/// Whether virt-bridge has written the profile as the port of the bridge; it may name its link by the MAC only.
fn is_ours(profile: &Profile, ours: &Profile, bridge: &Bridge) -> bool {
    profile.id() == port_id(bridge) && profile.controller() == Some(ours.uuid())
}

fn port_id(bridge: &Bridge) -> String {
    format!("{}-{}", bridge.name, bridge.uplink)
}

fn file_of(name: &str) -> PathBuf {
    Path::new(OWN).join(format!("{name}.nmconnection"))
}

fn of_bridge(profile: &Profile, device: &Device, bridge: &Bridge, uuid: &str) -> (Keyfile, Vec<String>) {
    let mut connection = Group::new("connection")
        .with("id", &bridge.name)
        .with("uuid", uuid)
        .with("type", "bridge")
        .with("interface-name", &bridge.name)
        // Its port brings it up. By itself it would come up without one while the port's profile is not there yet.
        .with("autoconnect", "false")
        .with("autoconnect-slaves", "1");
    carry(profile, &CONNECTION_OF_HOST, &mut connection);
    let mut link = Group::new("ethernet").with("cloned-mac-address", &bridge.mac.to_uppercase());
    if let Some(mtu) = profile.file.value("ethernet", "mtu") {
        link.set("mtu", mtu);
    }
    let mut file = Keyfile::default();
    file.add(connection);
    file.add(link);
    file.add(parameters(bridge));
    let of_host = profile.file.groups().filter(|group| OF_HOST.iter().any(|name| group.is(name)));
    of_host.for_each(|group| file.add(group.trimmed()));
    // What a group that is not there means (nm-connection.c, `_normalize_ip_config`); in one that is there it has to be said.
    for family in ["ipv4", "ipv6"] {
        if file.value(family, "method").is_none() {
            file.set(family, "method", "auto");
        }
    }
    let warnings = same_to_the_network(&mut file, device, bridge);
    (file, warnings)
}

fn parameters(bridge: &Bridge) -> Group {
    // NetworkManager counts in seconds, and with STP from 2 on.
    let delay = u32::div_ceil(bridge.forward_delay_ms, 1000).max(if bridge.stp { 2 } else { 0 });
    let group = Group::new("bridge").with("stp", &bridge.stp.to_string()).with("forward-delay", &delay.to_string());
    if bridge.vlan_filtering { group.with("vlan-filtering", "true") } else { group }
}

/// Lets DHCP servers, routers and the host's own routes see no other link than before; answers with what they will see.
fn same_to_the_network(file: &mut Keyfile, device: &Device, bridge: &Bridge) -> Vec<String> {
    let value = |file: &Keyfile, group: &str, key: &str| file.value(group, key).map(str::to_owned);
    if let Some(metric) = &device.route_metric {
        for family in ["ipv4", "ipv6"] {
            if value(file, family, "route-metric").is_none_or(|own| own == "-1") {
                file.set(family, "route-metric", metric);
            }
        }
    }
    if let Some(client_id) = &device.client_id {
        let depends = ["mac", "perm-mac", "duid", "ipv6-duid", "stable"];
        if value(file, "ipv4", "dhcp-client-id").is_none_or(|own| depends.contains(&own.as_str())) {
            file.set("ipv4", "dhcp-client-id", client_id);
        }
    }
    // Made from the link's name otherwise.
    if let Some(iaid) = device.iaid {
        file.set("ipv6", "dhcp-iaid", &iaid.to_string());
    }
    keep_interface_identifier(file, device, bridge)
}

/// An address that NetworkManager made from the link's name would be another one on the bridge, so its lower half is
/// given as a token.
fn keep_interface_identifier(file: &mut Keyfile, device: &Device, bridge: &Bridge) -> Vec<String> {
    let lower = |address: &Ipv6Addr| Ipv6Addr::from(u128::from(*address) & u128::from(u64::MAX));
    let mut others: Vec<Ipv6Addr> = device.advertised.iter().map(lower).collect();
    others.sort_unstable();
    others.dedup();
    others.retain(|other| Some(*other) != from_mac(&bridge.mac));
    match others[..] {
        [] => Vec::new(),
        [identifier] => {
            file.set("ipv6", "addr-gen-mode", "eui64");
            file.set("ipv6", "token", &identifier.to_string());
            Vec::new()
        }
        _ => {
            let addresses: Vec<String> = device.advertised.iter().map(Ipv6Addr::to_string).collect();
            vec![format!("the advertised addresses {} will be others on {}", addresses.join(", "), bridge.name)]
        }
    }
}

/// The modified EUI-64 of a MAC (RFC 4291, appendix A).
fn from_mac(mac: &str) -> Option<Ipv6Addr> {
    let bytes: Vec<u8> = mac.split(':').filter_map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
    let [a, b, c, d, e, f] = bytes[..] else { return None };
    Some(Ipv6Addr::from([0, 0, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f]))
}

fn of_port(profile: &Profile, bridge: &Bridge, bridge_uuid: &str) -> Keyfile {
    let mut connection = Group::new("connection")
        .with("id", &port_id(bridge))
        .with("uuid", &derived("port", &bridge.name, profile.uuid()))
        .with("type", profile.connection("type").unwrap_or("ethernet"));
    // A NIC that is known by its MAC may have another name tomorrow.
    if profile.link().is_some() || profile.file.value("ethernet", "mac-address").is_none() {
        connection.set("interface-name", &bridge.uplink);
    }
    connection.set("autoconnect-priority", HIGHEST_PRIORITY);
    // Words that NetworkManager has understood since its beginning; today's are `controller` and `port-type` (1.46).
    connection.set("master", bridge_uuid);
    connection.set("slave-type", "bridge");
    carry(profile, &CONNECTION_OF_LINK, &mut connection);
    let mut file = Keyfile::default();
    file.add(connection);
    let is_of_link = |group: &&Group| {
        !OF_HOST.iter().chain(&["connection", ".nmmeta"]).any(|name| group.is(name)) && group.pairs().next().is_some()
    };
    profile.file.groups().filter(is_of_link).for_each(|group| file.add(group.trimmed()));
    if file.value("ethernet", "cloned-mac-address").is_some() {
        // `stable` and the like would make another one for a profile of another UUID.
        file.set("ethernet", "cloned-mac-address", &bridge.mac.to_uppercase());
    }
    file
}

fn carry(profile: &Profile, keys: &[&str], connection: &mut Group) {
    for key in keys {
        if let Some(value) = profile.connection(key) {
            connection.set(key, value);
        }
    }
}

/// The profile before, not to be brought up by itself any more. One of `/usr/lib` is hidden by a copy; one of `/run`
/// ends with this boot; and one that may be up on several links is the others' still.
fn switched_off(profile: &Profile) -> Option<Edit> {
    let is_of_several = matches!(profile.connection("multi-connect"), Some("2" | "3"));
    if !profile.lasts() || !profile.is_automatic() || is_of_several {
        return None;
    }
    let mut file = profile.file.clone();
    file.set("connection", "autoconnect", "false");
    let new = Some(file.text());
    if profile.path.starts_with(OWN) {
        return Some(Edit { path: profile.path.clone(), old: Some(profile.text.clone()), new, mode: 0o600 });
    }
    Some(Edit { path: Path::new(OWN).join(profile.path.file_name()?), old: None, new, mode: 0o600 })
}

/// netplan writes its profile anew at each boot, and the port's goes ahead of it; so what its files say later is lost.
fn netplans_part(profile: &Profile, bridge: &Bridge) -> Option<String> {
    // Its generator names the files so.
    profile.path.file_name()?.to_str()?.strip_prefix("netplan-")?;
    let (path, uplink, bridge) = (profile.path.display(), &bridge.uplink, &bridge.name);
    Some(format!(
        "{path}: {bridge} goes ahead of it: what /etc/netplan says of {uplink} later does not come to {bridge}"
    ))
}

/// What of the profile names the uplink and goes over to the bridge as it is, such as a routing rule.
fn mentions<'a>(profile: &'a Profile, bridge: &'a Bridge) -> impl Iterator<Item = String> + 'a {
    let of_host = profile.file.groups().filter(|group| OF_HOST.iter().any(|name| group.is(name)));
    let named = of_host
        .flat_map(Group::pairs)
        .filter(|(_, value)| value.split([' ', ',', ';', '=']).any(|word| word == bridge.uplink));
    named.map(|(key, value)| {
        format!(
            "{}: `{key}={value}` names {} and stays so: look whether it has to name {}",
            profile.path.display(),
            bridge.uplink,
            bridge.name
        )
    })
}

/// Other profiles that would be brought up on the uplink.
fn competitors<'a>(
    profiles: &'a [Profile],
    profile: &'a Profile,
    bridge: &'a Bridge,
) -> impl Iterator<Item = String> + 'a {
    let fits = move |other: &&Profile| {
        let is_other = other.uuid() != profile.uuid() && other.kind() == profile.kind() && other.controller().is_none();
        is_other && other.link() == Some(&bridge.uplink) && other.is_automatic()
    };
    profiles.iter().filter(fits).map(move |other| {
        format!("{}: {} is brought up on {} by hand only from now on", other.path.display(), other.id(), bridge.uplink)
    })
}
