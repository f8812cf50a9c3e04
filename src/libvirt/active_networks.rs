//! Which libvirt networks are active, from the status files that libvirt keeps of them.

use std::ffi::OsStr;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::networks::STATES;
use super::{elements, network};
use crate::printable::Printable;

/// A status file that could not be read: whether its network uses the bridge is not known.
#[derive(Clone, Debug)]
pub struct Error {
    /// The status file, or their directory.
    pub file: PathBuf,
    /// Why it could not be read.
    pub reason: network::Error,
}

/// The names of the active networks whose guests are ports of the Linux bridge `bridge`, in no particular order.
///
/// Asking libvirt would deadlock in a hook, so this reads `run/libvirt/network/*.xml` under `root`. There a file
/// appears before the `started` hook, and is gone before the `stopped` hook of the same network (seen with libvirt
/// 9.0.0). No such directory: no network.
pub fn on_bridge(root: &Path, bridge: &str) -> Result<Vec<String>, Error> {
    let directory = root.join(STATES);
    let failed = |file: &Path, error: io::Error| Error {
        file: file.into(),
        reason: network::Error::Unreadable(Arc::new(error)),
    };
    let entries = match fs::read_dir(&directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|error| failed(&directory, error))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let file = entry.map_err(|error| failed(&directory, error))?.path();
        if file.extension() != Some(OsStr::new("xml")) {
            continue;
        }
        match status(&file).map_err(|reason| Error { file, reason })? {
            Some(network) if network.bridge == bridge => names.push(network.name),
            _ => {}
        }
    }
    Ok(names)
}

/// Reads one status file; one that has gone since it was listed is a network that has stopped.
fn status(file: &Path) -> Result<Option<network::BridgedNetwork>, network::Error> {
    match elements::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(network::Error::Unreadable(Arc::new(error))),
        Ok(open) => network::read(open),
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", Printable(&self.file.to_string_lossy()), self.reason)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    fn status_of(name: &str, body: &str) -> String {
        format!("<networkstatus><class_id bitmap='0-2'/><network><name>{name}</name>{body}</network></networkstatus>")
    }

    #[test]
    fn only_active_networks_on_that_bridge_are_named() {
        let root = std::env::temp_dir().join(format!("virt-bridge-active-{}", std::process::id()));
        let directory = root.join("run/libvirt/network");
        assert_eq!(on_bridge(&root, "br0").unwrap(), Vec::<String>::new());
        fs::create_dir_all(&directory).unwrap();
        for (file, text) in [
            ("autostarted", String::new()),
            ("driver.pid", "1234\n".into()),
            ("nwfilter.leases", String::new()),
            ("a&b.xml", status_of("a&amp;b", "<forward mode='bridge'/><bridge name='br0'/>")),
            ("lan.xml", status_of("lan", "<forward mode='bridge'/><bridge name='br0'/>")),
            ("other.xml", status_of("other", "<forward mode='bridge'/><bridge name='br1'/>")),
            ("nat.xml", status_of("nat", "<forward mode='nat'/><bridge name='br0'/>")),
        ] {
            fs::write(directory.join(file), text).unwrap();
        }
        let mut names = on_bridge(&root, "br0").unwrap();
        names.sort_unstable();
        assert_eq!(names, ["a&b", "lan"]);

        fs::write(directory.join("broken.xml"), "<networkstatus>").unwrap();
        let error = on_bridge(&root, "br0").unwrap_err();
        assert_eq!(error.file, directory.join("broken.xml"));
        fs::remove_dir_all(&root).unwrap();
    }
}
