//! Finds the link that the configuration means by its uplink.

use nix::libc;

use super::preflight::Refusal;
use super::snapshot::Snapshot;
use crate::config::{Uplink, nearest};
use crate::netlink::{Link, Route, mac_text};

/// What is known of uplinks beside the kernel's network state.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The uplink that the bridge received in an earlier takeover.
    pub earlier: Option<String>,
    /// The links that are radios.
    pub wireless: Vec<String>,
}

/// The link that is meant for the bridge of this name; nothing when none is wanted.
///
/// # Errors
/// When there is no such link, with what can be done.
pub fn find<'a>(
    snapshot: &'a Snapshot,
    bridge: &str,
    uplink: &Uplink,
    known: &Known,
) -> Result<Option<&'a Link>, Refusal> {
    match uplink {
        Uplink::None => Ok(None),
        Uplink::Name(name) => snapshot.link(name).map(Some).ok_or_else(|| no_such_link(snapshot, name)),
        Uplink::PermanentMac(mac) => {
            let found = snapshot.links.iter().find(|link| has_permanent_mac(link, mac));
            found.map(Some).ok_or_else(|| {
                Refusal::new(
                    format!("no link has the permanent MAC {}", mac_text(mac)),
                    "compare with `ip -d link`, and name the NIC in the configuration",
                )
            })
        }
        Uplink::Auto => automatic(snapshot, bridge, known).map(Some),
    }
}

/// Whether a port is what the configuration means by the bridge's uplink. An automatic one is any port that leads to a
/// LAN: the default route, by which it was chosen, is the bridge's now.
pub fn is_meant(port: &Link, uplink: &Uplink, earlier: Option<&str>) -> bool {
    match uplink {
        Uplink::None => false,
        Uplink::Name(name) => port.name() == *name,
        Uplink::PermanentMac(mac) => has_permanent_mac(port, mac),
        Uplink::Auto => port.leads_out() || earlier == Some(&port.name()),
    }
}

/// Virtual links have no permanent MAC: there the one in use counts. A bridge has its uplink's in use.
fn has_permanent_mac(link: &Link, mac: &[u8]) -> bool {
    match link.permanent_mac() {
        Some(permanent) => permanent == mac,
        None => link.mac() == Some(mac) && !link.is_bridge(),
    }
}

/// The bridge's uplink if it has one, else the wired link with the best default route: IPv4 before IPv6, then by metric.
fn automatic<'a>(snapshot: &'a Snapshot, bridge: &str, known: &Known) -> Result<&'a Link, Refusal> {
    let is_uplink = |port: &&Link| is_meant(port, &Uplink::Auto, known.earlier.as_deref());
    let port = snapshot.link(bridge).and_then(|bridge| snapshot.ports_of(bridge.index).find(is_uplink));
    if let Some(port) = port {
        return Ok(port);
    }
    // A container's only way out is a veth.
    let is_wire = |link: &Link| link.leads_out() || link.is_of_kind("veth");
    let wired = |link: &&Link| {
        link.device_type == libc::ARPHRD_ETHER && is_wire(link) && !known.wireless.contains(&link.name())
    };
    let is_default = |route: &&Route| route.is_default() && route.table() == u32::from(libc::RT_TABLE_MAIN);
    let ways_out = snapshot.routes.iter().filter(is_default).flat_map(|route| {
        snapshot.links.iter().filter(wired).filter(|link| route.uses(link.index)).map(move |link| (route, link))
    });
    ways_out.min_by_key(|(route, _)| (route.is_ipv6(), route.priority())).map(|(_, link)| link).ok_or_else(|| {
        Refusal::new(
            "no wired link has a default route, so the uplink cannot be chosen automatically",
            "name it in the configuration: uplink = \"eth0\"",
        )
    })
}

fn no_such_link(snapshot: &Snapshot, name: &str) -> Refusal {
    let others: Vec<String> = snapshot
        .links
        .iter()
        .filter(|link| link.device_type == libc::ARPHRD_ETHER && !link.is_bridge() && !link.is_tap())
        .map(Link::name)
        .collect();
    let names: Vec<&str> = others.iter().map(String::as_str).collect();
    let hint = match (names.as_slice(), nearest(name, &names)) {
        ([], _) => "this host has no Ethernet link".into(),
        (_, Some(meant)) => format!("did you mean {meant}?"),
        (_, None) => format!("this host has {}", others[..others.len().min(8)].join(", ")),
    };
    Refusal::new(format!("there is no link {name} to be the uplink"), hint)
}
