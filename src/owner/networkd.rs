//! systemd-networkd.

mod announce;
mod files;
mod live;
mod render;
mod runtime;
mod unit;

use std::path::{Path, PathBuf};

use super::edit::{self, Edit};
use super::netplan::{self, Saying};
use super::persist::{Bridge, Persistence};
use super::{Claim, Error, Host, Link, Owner};
use crate::sysfs;
use render::Places;
use unit::{Unit, values};

pub use live::{bring_up, give, give_until_boot, release, take_back, until_boot};

/// `systemd-networkd`, cut by the kernel.
pub const COMM: &str = "systemd-network";

/// How an administrator makes it keep its hands off a link (systemd.network(5)).
pub const LEAVE_ALONE: &str = "say Unmanaged=yes under [Link] in its .network file";

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

/// Its claim on a link of this name at the next boot, while it does not run: it is enabled, and the first of its files
/// that names the link asks for nothing else.
///
/// # Errors
/// One line that says what cannot be read.
pub fn claim_at_boot(root: &Path, link: &str) -> Result<Option<Claim>, String> {
    let service = Path::new("/etc/systemd/system/multi-user.target.wants/systemd-networkd.service");
    if edit::below(root, service).symlink_metadata().is_err() {
        return Ok(None);
    }
    let networks = files::all(root, "network")?;
    let first = networks.iter().find(|unit| files::names(unit, link));
    Ok(first.filter(|unit| files::names_only(unit) && !is_left_alone(unit)).map(|unit| Claim {
        owner: Owner::Networkd,
        evidence: format!("{} names it, and systemd-networkd starts at boot", unit.path.display()),
        live: false,
        can_move: true,
        hint: LEAVE_ALONE.into(),
    }))
}

fn is_left_alone(unit: &Unit) -> bool {
    let value = unit.values("Link", "Unmanaged");
    value.last().is_some_and(|value| ["yes", "true", "on", "1"].contains(&value.to_lowercase().as_str()))
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
    // What lasts until the next boot only is no reason not to write.
    let lasts = |unit: &Unit| !runtime::is_until_boot(&unit.path, &bridge.name);
    let all = |extension| files::all(root, extension).map(|units| units.into_iter().filter(lasts).collect::<Vec<_>>());
    let networks = all("network").map_err(one)?;
    let netdevs = all("netdev").map_err(one)?;
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
    let mut persistence =
        Persistence { warnings: render::warnings(&units, bridge), ..Persistence::nothing(Owner::Networkd) };
    let mut added = vec![
        (places.netdev, render::netdev(bridge)),
        (places.network, render::network(&units, bridge, iaid)),
        // Last: without a port a bridge has no carrier, and networkd configures nothing on it.
        (places.port, render::port(&units, bridge)),
    ];
    if value(&state, "DHCP_LEASE").is_some() {
        persistence.until_boot = runtime::until_boot(&applied, &bridge.name, &added);
    }
    if let Some(definition) = netplan::definition(&applied) {
        match netplan::declaration(root, bridge, definition).map_err(one)? {
            Saying::Nothing => return Ok(Persistence::nothing(Owner::Netplan)),
            Saying::File(yaml) if !bridge.vlan_filtering => {
                persistence.owner = Owner::Netplan;
                added = iaid
                    .map(|iaid| (render::identity_place(bridge), render::identity_drop_in(iaid)))
                    .into_iter()
                    .collect();
                persistence.edits.push(yaml);
            }
            Saying::File(_) => persistence.warnings.push(shadowed(bridge, definition, "vlan-filtering")),
            Saying::Not(key) => persistence.warnings.push(shadowed(bridge, definition, &key)),
        }
    }
    let added = added.into_iter().map(|(path, text)| addition(root, path, text)).collect::<Result<Vec<_>, _>>();
    // netplan's file behind the others, which are nothing without it.
    persistence.edits = added.map_err(one)?.into_iter().flatten().chain(persistence.edits).collect();
    Ok(persistence)
}

/// A file of networkd is one or the other as a whole; so is one of netplan, but it can add to a list only.
fn shadowed(bridge: &Bridge, definition: &str, key: &str) -> String {
    let (name, uplink) = (&bridge.name, &bridge.uplink);
    format!(
        "netplan cannot say {key} of {name} and not of {uplink} in a file of its own, so networkd's files say it: what netplan \
         says of {definition} no longer counts, and changes belong into {}",
        Places::before(Path::new(&format!("10-netplan-{definition}.network")), name).network.display()
    )
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

/// Whether the file that applies to the link makes it a port of the bridge.
///
/// # Errors
/// One line that says what cannot be read.
pub fn has_port(root: &Path, bridge: &str, link: Link) -> Result<bool, String> {
    let state = state(root, link.index)?;
    let Some(applied) = value(&state, "NETWORK_FILE") else { return Ok(false) };
    let units = files::with_drop_ins(root, Path::new(applied))?;
    Ok(values(&units, "Network", "Bridge").last() == Some(&bridge))
}

/// By what number servers know the client on the uplink, where that does not come of the MAC or the files alone.
fn identity(root: &Path, bridge: &Bridge, units: &[Unit], state: &str) -> Result<Option<u32>, String> {
    if render::has_identity(units) || values(units, "Network", "DHCP").is_empty() {
        return Ok(None);
    }
    let lease = |index: u32| text(root, Path::new(&format!("/run/systemd/netif/leases/{index}")));
    let lease = match lease(bridge.uplink_index)? {
        // Where a run that was killed has let networkd have the bridge already.
        none if none.is_empty() => sysfs::index(root, &bridge.name).map_or(Ok(none), lease)?,
        lease => lease,
    };
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
