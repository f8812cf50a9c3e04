//! The bridges themselves: there, with their uplinks, reachable, and the same at the switch tomorrow.

use std::path::Path;

use nix::libc::RT_TABLE_MAIN;

use super::takeovers::emptied;
use super::{Check, Finding, Host};
use crate::bridge::Wanted;
use crate::config::Uplink;
use crate::picture::{Bridge, Port};
use crate::shell_word::ShellWord;
use crate::sysfs;

pub const PRESENT: Check =
    Check { name: "bridge-present", about: "bridges exist that are configured or in use", look: present };
pub const UPLINK: Check =
    Check { name: "uplink-in-bridge", about: "bridges have the uplinks that they should have", look: uplink };
pub const UP: Check = Check { name: "bridge-up", about: "bridges and their uplinks are up", look: up };
pub const CARRIER: Check = Check { name: "uplink-carrier", about: "uplinks have a carrier", look: carrier };
pub const ADDRESS: Check =
    Check { name: "bridge-address", about: "the host has an address on bridges with an uplink", look: address };
pub const WIRELESS: Check = Check { name: "uplink-wireless", about: "no uplink is a Wi-Fi link", look: wireless };
pub const MAC: Check = Check { name: "mac-pinned", about: "bridges keep their MAC when ports come and go", look: mac };
pub const PARAMETERS: Check =
    Check { name: "bridge-parameters", about: "bridges have the parameters that are configured", look: parameters };
pub const SPANNING_TREE: Check = Check {
    name: "spanning-tree",
    about: "no guest waits for a spanning tree that nobody asked for",
    look: spanning_tree,
};
pub const REVERSE_PATH: Check = Check {
    name: "reverse-path-filter",
    about: "no strict rp_filter drops what comes in by a second way",
    look: reverse_path,
};

fn present(host: &Host) -> Vec<Finding> {
    let missing = host.our_bridges().into_iter().filter(|name| !host.bridges.iter().any(|bridge| bridge.name == *name));
    missing
        .map(|name| {
            let used = host.bridged_networks().find(|network| network.active && network.bridge == name);
            let mend = host.up(name);
            match used {
                None if host.takeovers.contains_key(name) => Finding::problem(
                    format!("{name} is missing, which has taken over addresses and routes since the last boot"),
                    mend,
                ),
                Some(network) => Finding::problem(
                    format!("{name} is missing, though network {} is active: its guests cannot start", network.name),
                    mend,
                ),
                None => Finding::warning(format!("{name} is not there (yet)"), mend),
            }
        })
        .collect()
}

fn uplink(host: &Host) -> Vec<Finding> {
    host.present_bridges().filter_map(|bridge| without_uplink(host, bridge)).collect()
}

fn without_uplink(host: &Host, bridge: &Bridge) -> Option<Finding> {
    let name = &bridge.name;
    let configured = host.config.bridges.get(name).map(|bridge| &bridge.uplink);
    let named = match configured {
        Some(Uplink::Name(uplink)) => Some(uplink.as_str()),
        _ => host.taken_uplink(name),
    };
    if let Some(uplink) = named.filter(|uplink| bridge.ports.iter().all(|port| port.name != **uplink)) {
        return Some(Finding::problem(
            format!("{uplink} is not a port of {name}, so that its guests do not reach the LAN"),
            host.up(name),
        ));
    }
    match configured {
        Some(Uplink::PermanentMac(_) | Uplink::Auto) if bridge.uplink.is_none() => Some(Finding::problem(
            format!("{name} has no uplink, so that its guests do not reach the LAN"),
            host.up(name),
        )),
        None | Some(Uplink::None) if bridge.uplink.is_none() => Some(Finding::warning(
            format!("{name} has no uplink: its guests reach each other and the host, but no LAN"),
            format!("set uplink under [bridge.{name}] in /etc/virt-bridge.toml, and virt-bridge up {name}"),
        )),
        _ => None,
    }
}

/// The uplinks of our bridges.
fn uplinks(host: &Host) -> impl Iterator<Item = (&Bridge, &Port)> {
    host.present_bridges().filter_map(|bridge| Some((bridge, bridge.ports.iter().find(|port| port.role == "uplink")?)))
}

fn up(host: &Host) -> Vec<Finding> {
    let bridges = host.present_bridges().map(|bridge| (&bridge.name, bridge.up));
    let down = bridges.chain(uplinks(host).map(|(_, port)| (&port.name, port.up))).filter(|(_, up)| !up);
    down.map(|(name, _)| {
        // It has lost its routes, and its IPv6 addresses.
        let heal = if host.takeovers.contains_key(name) { " && virt-bridge heal" } else { "" };
        let mend = format!("ip link set {} up{heal}", ShellWord(name));
        Finding::problem(format!("{name} is down, and nothing passes"), mend)
    })
    .collect()
}

fn carrier(host: &Host) -> Vec<Finding> {
    let dead = uplinks(host).filter(|(_, port)| port.up && port.carrier == Some(false));
    dead.map(|(bridge, port)| {
        Finding::problem(
            format!("{} has no carrier, so that {} leads nowhere", port.name, bridge.name),
            format!("look after the cable of {} and the switch's port", port.name),
        )
    })
    .collect()
}

/// A link-local address alone reaches nobody beyond the LAN. Guests need none of it, and hosts that are reached otherwise
/// neither.
fn address(host: &Host) -> Vec<Finding> {
    let without = |bridge: &&Bridge| host.link(&bridge.name).is_some_and(|link| !host.snapshot.has_address(link));
    // Of one that had addresses it is told what it has lost.
    let emptied: Vec<&str> =
        emptied(&host.snapshot, &host.takeovers).map(|(receipt, _)| receipt.bridge.name.as_str()).collect();
    let found = host.present_bridges().filter(|bridge| bridge.uplink.is_some()).filter(without);
    found
        .filter(|bridge| !emptied.contains(&bridge.name.as_str()))
        .map(|bridge| {
            Finding::warning(
                format!("{0} has no address: guests reach the LAN, the host itself does not by {0}", bridge.name),
                format!("nothing if that is meant; otherwise give {} an address", bridge.name),
            )
        })
        .collect()
}

fn wireless(host: &Host) -> Vec<Finding> {
    let configured = host.config.bridges.values().filter_map(|bridge| match &bridge.uplink {
        Uplink::Name(name) => Some(name.as_str()),
        _ => None,
    });
    let radios = configured.filter(|name| sysfs::link(Path::new("/"), name).join("phy80211").exists());
    radios
        .map(|name| {
            Finding::problem(
                format!("{name} is a Wi-Fi link, whose access point accepts no frames from guests' addresses"),
                "name a wired NIC as the uplink, or give the libvirt network <forward mode='nat'/>",
            )
        })
        .collect()
}

/// Where nobody has set it each tap may change it.
fn mac(host: &Host) -> Vec<Finding> {
    let loose = host.present_bridges().filter(|bridge| sysfs::has_own_mac(Path::new("/"), &bridge.name) == Some(false));
    loose
        .filter_map(|bridge| {
            let (name, mac) = (&bridge.name, bridge.mac.as_ref()?);
            Some(Finding::warning(
                format!("{name} takes the lowest MAC of its ports, so that a guest can change it, and a lease is lost"),
                format!("ip link set {name} address {mac}"),
            ))
        })
        .collect()
}

fn parameters(host: &Host) -> Vec<Finding> {
    host.present_bridges().filter_map(|bridge| with_other_parameters(host, &bridge.name)).collect()
}

/// Whoever changed the file or the bridge, the next start of a network changes what runs.
fn with_other_parameters(host: &Host, bridge: &str) -> Option<Finding> {
    let wanted = Wanted::configured(bridge, host.config.bridges.get(bridge)).parameters;
    let other = wanted.difference(host.link(bridge)?);
    let keys = [
        other.stp.map(|_| "stp"),
        other.forward_delay_ms.map(|_| "forward-delay"),
        other.vlan_filtering.map(|_| "vlan-filtering"),
    ];
    let keys: Vec<&str> = keys.into_iter().flatten().collect();
    (!keys.is_empty()).then(|| {
        Finding::warning(
            format!("{bridge} runs with other values than [bridge.{bridge}] has: {}", keys.join(", ")),
            format!("virt-bridge up {bridge}"),
        )
    })
}

fn spanning_tree(host: &Host) -> Vec<Finding> {
    let asked = |bridge: &Bridge| host.config.bridges.get(&bridge.name).and_then(|bridge| bridge.stp) == Some(true);
    let slow = host.present_bridges().filter(|bridge| bridge.stp == Some(true) && !asked(bridge));
    slow.map(|bridge| {
        let silence = bridge.forward_delay_ms.unwrap_or(0) * 2 / 1000;
        Finding::warning(
            format!("{} speaks STP, so that a guest that starts hears nothing for {silence} s", bridge.name),
            format!("ip link set {} type bridge stp_state 0", bridge.name),
        )
    })
    .collect()
}

/// With several ways out an answer may come in by another one than the kernel would choose, and 1 means to drop it
/// (networking/ip-sysctl.rst: the larger of `all` and the link's own value counts).
fn reverse_path(host: &Host) -> Vec<Finding> {
    let defaults = host
        .snapshot
        .routes
        .iter()
        .filter(|route| route.is_default() && !route.is_ipv6() && route.table() == u32::from(RT_TABLE_MAIN));
    let defaults: Vec<_> = defaults.collect();
    let leaves_by = |name: &str, wanted: bool| {
        let index = host.link(name).map(|link| link.index);
        defaults.iter().any(|route| index.is_some_and(|index| route.uses(index)) == wanted)
    };
    let value = |name: &str| crate::sysctl::read_digit(&["net", "ipv4", "conf", name, "rp_filter"]).unwrap_or(0);
    let strict = host.present_bridges().filter(|bridge| {
        leaves_by(&bridge.name, true) && leaves_by(&bridge.name, false) && value(&bridge.name).max(value("all")) == 1
    });
    strict
        .map(|bridge| {
            Finding::warning(
                format!("{} drops answers that should have come by another way (strict rp_filter)", bridge.name),
                format!("sysctl -w net/ipv4/conf/{}/rp_filter=2", bridge.name),
            )
        })
        .collect()
}
