//! The running networkd: told of a bridge that its files have now, asked for one, told that it is gone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::runtime::{self, Runtime};
use super::{COMM, announce, files, state, value, values};
use crate::deadline::Deadline;
use crate::owner::{process, program};
use crate::sysfs;

/// How long networkd may take to say that it has read its files, and then that a link is as they say.
const PATIENCE: Duration = Duration::from_secs(10);

const PAUSE: Duration = Duration::from_millis(20);

/// Lets networkd take the bridge over, which is up and has everything. Answers with what is not as it should be.
///
/// # Errors
/// When it cannot be told.
pub fn give(bridge: &str) -> Result<Vec<String>, String> {
    let root = Path::new("/");
    let runtime = Runtime::of(root, bridge);
    let said = sysfs::index(root, bridge).map(|index| state(root, index)).transpose()?.unwrap_or_default();
    let has_it = value(&said, "NETWORK_FILE").is_some();
    if !runtime.clear_uplink()? && has_it {
        return Ok(Vec::new());
    }
    if !has_it {
        // Only before networkd has put anything on it: what it has put there it then takes away (link_reconfigure_impl).
        runtime.keep()?;
    }
    reload(Deadline::after(PATIENCE))?;
    announce::link(root, bridge).map_err(|error| format!("cannot let systemd-networkd see {bridge}: {error}"))?;
    let units = files::all(root, "network")?;
    let units: Vec<_> = units.into_iter().filter(|unit| unit.values("Match", "Name") == [bridge]).collect();
    let awaits_lease = values(&units, "Network", "DHCP").last().is_some_and(|dhcp| ["yes", "ipv4"].contains(dhcp));
    let is_taken_over = |said: &str| match value(said, "ADMIN_STATE") {
        // For routers to advertise something it may wait a quarter of a minute.
        Some("configured" | "configuring") => !awaits_lease || value(said, "DHCP_LEASE").is_some(),
        _ => false,
    };
    let state = awaited(root, bridge, is_taken_over)?;
    Ok(state
        .map(|state| format!("systemd-networkd has not configured {bridge} yet: it is {state}"))
        .into_iter()
        .collect())
}

/// Lets networkd take the bridge over, which is up and has everything, by files that last until the next boot. Answers with
/// what is not as it should be.
///
/// # Errors
/// When they cannot be written, or it cannot be told.
pub fn give_until_boot(added: &[(PathBuf, String)], bridge: &str) -> Result<Vec<String>, String> {
    Runtime::of(Path::new("/"), bridge).add(added)?;
    give(bridge)
}

/// The uplink of a bridge that networkd has until the next boot, whatever its other files say.
///
/// # Errors
/// One line that says what cannot be read.
pub fn until_boot(root: &Path, bridge: &str) -> Result<Option<String>, String> {
    Runtime::of(root, bridge).uplink_until_boot()
}

/// Lets networkd keep its hands off the uplink, which is about to leave the bridge: otherwise networkd would make it a port
/// again, because the kernel's word that a link is no port any more is to networkd that a link of this name has come
/// (manager_rtnl_process_link of systemd 252, for RTM_DELLINK of AF_BRIDGE).
///
/// # Errors
/// When networkd cannot be told, or does not let go.
pub fn release(bridge: &str, uplink: &str) -> Result<(), String> {
    let root = Path::new("/");
    if !is_running(root)? {
        return Ok(());
    }
    let said = sysfs::index(root, uplink).map(|index| state(root, index)).transpose()?.unwrap_or_default();
    let Some(port) = value(&said, "NETWORK_FILE").map(Path::new) else { return Ok(()) };
    let runtime = Runtime::of(root, bridge);
    if runtime.has_let_go(port) {
        return Ok(());
    }
    runtime.let_go(uplink, port)?;
    if !runtime::is_until_boot(port, bridge) {
        // A run was killed before networkd has read them, and is not to read them now.
        runtime.withdraw()?;
    }
    reload(Deadline::after(PATIENCE))?;
    // In a link that has failed it has no hand any more.
    let has_let_go = |said: &str| matches!(value(said, "ADMIN_STATE"), Some("unmanaged" | "failed"));
    match awaited(root, uplink, has_let_go)? {
        None => Ok(()),
        Some(state) => Err(format!("systemd-networkd does not let go of {uplink}: it is {state}")),
    }
}

/// Lets networkd have its uplink back, whose files are as before once they are generated anew, and which has everything.
///
/// # Errors
/// When it cannot be told.
pub fn take_back(bridge: &str, uplink: &str, generate: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let root = Path::new("/");
    let runtime = Runtime::of(root, bridge);
    let original = runtime.original()?;
    generate()?;
    // Without networkd there is nobody to be told; its files are read when it starts.
    if !is_running(root)? {
        runtime.clear_uplink()?;
        return runtime.clear_bridge().and_then(|()| runtime.clear_port());
    }
    // Before what is known of the way back goes: whoever comes after a crash still has one or the other.
    original.map_or(Ok(()), |original| runtime.keep_back(&original, uplink))?;
    runtime.clear_bridge()?;
    reload(Deadline::after(PATIENCE))?;
    runtime.clear_port()?;
    // Until it has taken in that the link is no port any more it knows no such link, and who asked would find nobody's.
    awaited(root, uplink, |said| value(said, "ADMIN_STATE").is_some_and(super::claims_link))?;
    announce::prefixes(uplink)
        .map_err(|error| format!("cannot let systemd-networkd see the routes of {uplink}: {error}"))
}

/// Nothing once networkd says of the link what is awaited; what it says instead when it takes too long.
fn awaited(root: &Path, link: &str, is_so: impl Fn(&str) -> bool) -> Result<Option<String>, String> {
    let deadline = Deadline::after(PATIENCE);
    loop {
        let said = sysfs::index(root, link).map(|index| state(root, index)).transpose()?.unwrap_or_default();
        if is_so(&said) {
            return Ok(None);
        }
        if deadline.has_passed() {
            return Ok(Some(value(&said, "ADMIN_STATE").unwrap_or("unknown to it").to_owned()));
        }
        std::thread::sleep(PAUSE);
    }
}

/// Where networkd's files below `root` have the bridge and networkd runs, lets it make the bridge and give it its port;
/// answers whether it did.
///
/// # Errors
/// When networkd does not do so by the deadline.
pub fn bring_up(root: &Path, bridge: &str, deadline: Deadline) -> Result<bool, String> {
    let is_bridge = |unit: &super::Unit| unit.values("NetDev", "Name") == [bridge];
    let has_files = files::all(root, "netdev").is_ok_and(|units| units.iter().any(is_bridge));
    if !has_files || !is_running(root)? {
        return Ok(false);
    }
    Runtime::of(root, bridge).renew_port()?;
    wait_for_news(root, deadline)?;
    reload(deadline)?;
    // A link that failed to be a port of a bridge that had just gone is passed over at a reload.
    for index in failed_ports(root, bridge)? {
        program::run("networkctl", &["reconfigure", &index], deadline)?;
    }
    while sysfs::ports(root, bridge).unwrap_or_default().is_empty() {
        if deadline.has_passed() {
            return Err(format!("systemd-networkd's files have {bridge}, but it has not made it in time"));
        }
        std::thread::sleep(PAUSE);
    }
    Ok(true)
}

/// Waits until networkd has heard of each link that has gone: to one that it believes to be there it would give the port
/// anew (systemd 252), and then wait for ever.
fn wait_for_news(root: &Path, deadline: Deadline) -> Result<(), String> {
    while !deadline.has_passed() {
        let links = sysfs::indices(root).map_err(|error| format!("cannot list links: {error}"))?;
        if known_links(root)?.iter().all(|link| links.contains(link)) {
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

fn reload(deadline: Deadline) -> Result<(), String> {
    program::run("networkctl", &["reload"], deadline)
}

fn is_running(root: &Path) -> Result<bool, String> {
    Ok(!process::running(root, &[COMM]).map_err(|error| error.to_string())?.is_empty())
}

/// The indices of the links that have failed and are to be ports of this bridge.
fn failed_ports(root: &Path, bridge: &str) -> Result<Vec<String>, String> {
    let mut ports = Vec::new();
    for index in known_links(root)? {
        let said = state(root, index)?;
        let Some(file) = value(&said, "NETWORK_FILE").filter(|_| value(&said, "ADMIN_STATE") == Some("failed")) else {
            continue;
        };
        if values(&files::with_drop_ins(root, Path::new(file))?, "Network", "Bridge").last() == Some(&bridge) {
            ports.push(index.to_string());
        }
    }
    Ok(ports)
}

/// The indices of the links that networkd knows.
fn known_links(root: &Path) -> Result<Vec<u32>, String> {
    let cannot = |error: io::Error| format!("cannot read what systemd-networkd says of links: {error}");
    let names = fs::read_dir(root.join("run/systemd/netif/links")).map_err(cannot)?;
    let names = names.collect::<Result<Vec<_>, _>>().map_err(cannot)?;
    // networkd writes a file under a name that is no number first.
    Ok(names.iter().filter_map(|name| name.file_name().to_string_lossy().parse().ok()).collect())
}
