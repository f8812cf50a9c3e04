//! The running networkd: told of a bridge that its files have now, asked for one, told that it is gone.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::runtime::Runtime;
use super::{COMM, files, state, value};
use crate::deadline::Deadline;
use crate::owner::{process, program};

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
    runtime.clear()?;
    runtime.keep()?;
    reload(Deadline::after(PATIENCE))?;
    announce(root, bridge).map_err(|error| format!("cannot let systemd-networkd see {bridge}: {error}"))?;
    let state = awaited(root, bridge, "configured")?;
    Ok(state
        .map(|state| format!("systemd-networkd has not configured {bridge} yet: it is {state}"))
        .into_iter()
        .collect())
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
    Runtime::of(root, bridge).let_go(uplink)?;
    reload(Deadline::after(PATIENCE))?;
    match awaited(root, uplink, "unmanaged")? {
        None => Ok(()),
        Some(state) => Err(format!("systemd-networkd does not let go of {uplink}: it is {state}")),
    }
}

/// Lets networkd have its uplink back, whose files are as before, and which has everything.
///
/// # Errors
/// When it cannot be told.
pub fn take_back(bridge: &str, uplink: &str) -> Result<(), String> {
    let root = Path::new("/");
    let runtime = Runtime::of(root, bridge);
    let original = runtime.original()?;
    runtime.clear()?;
    // Without networkd there is nobody to be told; its files are read when it starts.
    if !is_running(root)? {
        return Ok(());
    }
    original.map_or(Ok(()), |original| runtime.keep_back(&original, uplink))?;
    reload(Deadline::after(PATIENCE))
}

/// Nothing once networkd says of the link what is awaited; what it says instead when it takes too long.
fn awaited(root: &Path, link: &str, wanted: &str) -> Result<Option<String>, String> {
    let deadline = Deadline::after(PATIENCE);
    loop {
        let said = index(root, link).map(|index| state(root, index)).transpose()?.unwrap_or_default();
        let admin_state = value(&said, "ADMIN_STATE").unwrap_or("pending");
        if admin_state == wanted {
            return Ok(None);
        }
        if deadline.has_passed() {
            return Ok(Some(admin_state.to_owned()));
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
    reload(deadline)?;
    for index in ports_of(root, bridge)? {
        program::run("networkctl", &["reconfigure", &index], deadline)?;
    }
    while !has_port(root, bridge) {
        if deadline.has_passed() {
            return Err(format!("systemd-networkd's files have {bridge}, but it has not made it in time"));
        }
        std::thread::sleep(PAUSE);
    }
    Ok(true)
}

/// A device of a `.netdev` file is ready for ports when the kernel next tells of it (netdev_set_ifindex in systemd 252),
/// which for a bridge that was there before may be never. Setting its alias to what it is makes the kernel tell.
fn announce(root: &Path, bridge: &str) -> io::Result<()> {
    let alias = root.join("sys/class/net").join(bridge).join("ifalias");
    let present = fs::read_to_string(&alias)?;
    fs::write(alias, if present.is_empty() { "\n" } else { &present })
}

fn reload(deadline: Deadline) -> Result<(), String> {
    program::run("networkctl", &["reload"], deadline)
}

fn is_running(root: &Path) -> Result<bool, String> {
    Ok(!process::running(root, &[COMM]).map_err(|error| error.to_string())?.is_empty())
}

/// The indices of the links that networkd gives to this bridge, and that are not its ports.
fn ports_of(root: &Path, bridge: &str) -> Result<Vec<String>, String> {
    let cannot = |error: io::Error| format!("cannot read what systemd-networkd says of links: {error}");
    let mut ports = Vec::new();
    for entry in fs::read_dir(root.join("run/systemd/netif/links")).map_err(cannot)? {
        let index = entry.map_err(cannot)?.file_name().to_string_lossy().into_owned();
        let Ok(number) = index.parse() else { continue };
        let state = state(root, number)?;
        let Some(file) = value(&state, "NETWORK_FILE") else { continue };
        let units = files::with_drop_ins(root, Path::new(file))?;
        if super::values(&units, "Network", "Bridge").last() == Some(&bridge) {
            ports.push(index);
        }
    }
    Ok(ports)
}

fn has_port(root: &Path, bridge: &str) -> bool {
    let ports = root.join("sys/class/net").join(bridge).join("brif");
    fs::read_dir(ports).is_ok_and(|mut ports| ports.next().is_some())
}

fn index(root: &Path, link: &str) -> Option<u32> {
    fs::read_to_string(root.join("sys/class/net").join(link).join("ifindex")).ok()?.trim().parse().ok()
}
