//! systemd-networkd.

mod files;
mod live;
mod render;
mod runtime;
mod unit;

use std::path::{Path, PathBuf};

use super::edit::{self, Edit};
use super::persist::{Bridge, Persistence};
use super::{Claim, Error, Host, Link, Owner};
use render::Places;
use unit::{Unit, values};

pub use live::{bring_up, give, release, take_back};

/// `systemd-networkd`, cut by the kernel.
pub const COMM: &str = "systemd-network";

/// networkd's own word for the link, believed only while networkd runs: its directory outlives it
/// (`RuntimeDirectoryPreserve=yes` in systemd-networkd.service).
pub fn claims(host: &Host, link: Link) -> Result<Vec<Claim>, Error> {
    if host.processes_named(COMM).next().is_none() {
        return Ok(Vec::new());
    }
    let path = format!("run/systemd/netif/links/{}", link.index);
    let Some(state) = host.text(&path)? else { return Ok(Vec::new()) };
    let Some(admin_state) = value(&state, "ADMIN_STATE").filter(|state| claims_link(state)) else {
        return Ok(Vec::new());
    };
    let by = value(&state, "NETWORK_FILE").map(|file| format!(" by {}", file.escape_debug())).unwrap_or_default();
    Ok(vec![Claim {
        owner: Owner::Networkd,
        evidence: format!("/{path} says ADMIN_STATE={}{by}", admin_state.escape_debug()),
        live: true,
        can_move: value(&state, "NETWORK_FILE").is_some(),
        hint: format!("hand it over: virt-bridge up BRIDGE --uplink {} --persist", link.name),
    }])
}

/// Whether networkd, in this state (networkd-link.c, `link_state_table`), acts on the link or may soon.
fn claims_link(admin_state: &str) -> bool {
    !matches!(admin_state, "unmanaged" | "linger")
}

/// The files that make the bridge, beside the one that applies to the uplink now.
///
/// # Errors
/// One line for each reason why they cannot be made.
pub fn persistence(root: &Path, bridge: &Bridge) -> Result<Persistence, Vec<String>> {
    let one = |reason: String| vec![reason];
    let networks = files::all(root, "network").map_err(one)?;
    let netdevs = files::all(root, "netdev").map_err(one)?;
    let state = state(root, bridge.uplink_index).map_err(one)?;
    if has_bridge(&networks, &netdevs, bridge) {
        return Ok(Persistence::nothing(Owner::Networkd));
    }
    let applied = value(&state, "NETWORK_FILE").map(PathBuf::from);
    let applied = applied.ok_or_else(|| one(format!("systemd-networkd has no file for {} yet", bridge.uplink)))?;
    let text = text(root, &applied).map_err(one)?;
    let applied = runtime::stood_for(&applied, &text);
    let units = files::with_drop_ins(root, &applied).map_err(one)?;
    let places = Places::before(&applied, &bridge.name);
    let reasons = render::reasons(&units, &networks, &netdevs, bridge, &places);
    if !reasons.is_empty() {
        return Err(reasons);
    }
    let iaid = identity(root, bridge, &units, &state).map_err(one)?;
    let added = [
        (places.netdev, render::netdev(bridge)),
        (places.network, render::network(&units, bridge, iaid)),
        // Last: without a port a bridge has no carrier, and networkd configures nothing on it.
        (places.port, render::port(&units, bridge)),
    ];
    let edits = added.into_iter().map(|(path, text)| addition(root, path, text)).collect::<Result<Vec<_>, _>>();
    let edits = edits.map_err(one)?.into_iter().flatten().collect();
    let leased = value(&state, "DHCP_LEASE").is_some();
    Ok(Persistence { owner: Owner::Networkd, edits, warnings: render::warnings(&units, bridge), leased })
}

/// The edit that gives a file this text; none where it has it.
fn addition(root: &Path, path: PathBuf, text: String) -> Result<Option<Edit>, String> {
    let old = edit::text(&edit::below(root, &path));
    let old = old.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok((old.as_ref() != Some(&text)).then_some(Edit { path, old, new: Some(text), mode: 0o644 }))
}

fn has_bridge(networks: &[Unit], netdevs: &[Unit], bridge: &Bridge) -> bool {
    let is_port = |unit: &Unit| is_port(unit, &bridge.name, &bridge.uplink);
    netdevs.iter().any(|unit| unit.values("NetDev", "Name") == [bridge.name.as_str()]) && networks.iter().any(is_port)
}

fn is_port(unit: &Unit, bridge: &str, uplink: &str) -> bool {
    files::names(unit, uplink) && unit.values("Network", "Bridge").last() == Some(&bridge)
}

/// By what number servers know the client on the uplink, where that does not come of the MAC or the files alone.
fn identity(root: &Path, bridge: &Bridge, units: &[Unit], state: &str) -> Result<Option<u32>, String> {
    if render::has_identity(units) || values(units, "Network", "DHCP").is_empty() {
        return Ok(None);
    }
    let lease = text(root, Path::new(&format!("/run/systemd/netif/leases/{}", bridge.uplink_index)))?;
    // Type 255, the number, the host's DUID (RFC 4361).
    let of_lease = value(&lease, "CLIENTID").and_then(|id| id.strip_prefix("ff")?.get(..8));
    let of_dhcp6 = || value(state, "DHCP6_CLIENT_IAID")?.strip_prefix("0x");
    Ok(of_lease.or_else(of_dhcp6).and_then(|number| u32::from_str_radix(number, 16).ok()))
}

/// What networkd says of a link.
fn state(root: &Path, index: u32) -> Result<String, String> {
    text(root, Path::new(&format!("/run/systemd/netif/links/{index}")))
}

/// A file's text; without one, nothing.
fn text(root: &Path, path: &Path) -> Result<String, String> {
    let text = edit::text(&edit::below(root, path));
    Ok(text.map_err(|error| format!("cannot read {}: {error}", path.display()))?.unwrap_or_default())
}

fn value<'a>(state: &'a str, key: &str) -> Option<&'a str> {
    state.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
}
