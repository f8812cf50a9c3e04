//! What sysfs tells of links, below the root of this host or of one whose files are there: where there are files only, or
//! where netlink does not tell.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// A link's directory; there is none where there is no such link.
pub fn link(root: &Path, name: &str) -> PathBuf {
    root.join("sys/class/net").join(name)
}

/// A link's index.
pub fn index(root: &Path, name: &str) -> Option<u32> {
    fs::read_to_string(link(root, name).join("ifindex")).ok()?.trim().parse().ok()
}

/// The indices of all links.
///
/// # Errors
/// When they cannot be listed.
pub fn indices(root: &Path) -> io::Result<Vec<u32>> {
    let names = fs::read_dir(root.join("sys/class/net"))?.flatten();
    Ok(names.filter_map(|name| index(root, &name.file_name().to_string_lossy())).collect())
}

/// The link that this one is a port of.
pub fn master(root: &Path, name: &str) -> Option<String> {
    let master = link(root, name).join("master").read_link().ok()?;
    Some(master.file_name()?.to_string_lossy().into_owned())
}

/// A bridge's ports, in order; none where there is no such bridge.
///
/// # Errors
/// When they cannot be read.
pub fn ports(root: &Path, bridge: &str) -> io::Result<Vec<String>> {
    let ports = match fs::read_dir(link(root, bridge).join("brif")) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        ports => ports?,
    };
    let mut names: Vec<String> = ports.flatten().map(|port| port.file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    Ok(names)
}

/// Whether somebody has given the bridge its MAC. Otherwise it takes the lowest of its ports' (br_stp_recalculate_bridge_id
/// in net/bridge/br_stp_if.c), or a random one. Nothing where it does not say.
pub fn has_own_mac(root: &Path, bridge: &str) -> Option<bool> {
    /// `NET_ADDR_SET` of linux/netdevice.h.
    const SET: &str = "3";
    Some(fs::read_to_string(link(root, bridge).join("addr_assign_type")).ok()?.trim() == SET)
}
