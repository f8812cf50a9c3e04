//! The networks that use a bridge, and whether they run or start by themselves, from libvirt's own files.

use std::path::Path;

use serde::Serialize;

use super::elements::xml_files;
use super::networks::{self, DEFINITIONS, STATES};

/// A network that uses a bridge.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct BridgeNetwork {
    /// Its name; libvirt's files are called so.
    pub name: String,
    /// The bridge.
    #[serde(skip)]
    pub bridge: String,
    /// The bridge that it has from its next start on, where it is defined and runs.
    #[serde(skip)]
    pub defined_bridge: Option<String>,
    /// Whether its guests are ports of a bridge that somebody else makes (`<forward mode='bridge'/>`).
    #[serde(skip)]
    pub bridged: bool,
    /// Whether it is defined for good, so that it can start by itself.
    #[serde(skip)]
    pub persistent: bool,
    /// Whether it runs.
    pub active: bool,
    /// Whether libvirt starts it at boot.
    pub autostart: bool,
}

/// Every network under `root` that uses a bridge, defined or transient, by name. A file that cannot be read names none.
pub fn on_bridges(root: &Path) -> Vec<BridgeNetwork> {
    let mut networks: Vec<BridgeNetwork> = Vec::new();
    for file in [STATES, DEFINITIONS].iter().flat_map(|directory| xml_files(&root.join(directory))) {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let networks::Network { bridge, forward, .. } = networks::read(&file);
        // What runs comes first, and counts.
        if let Some(running) = networks.iter_mut().find(|network| network.name == name) {
            running.defined_bridge = bridge;
            continue;
        }
        let bridged = forward.as_deref() == Some("bridge");
        let is_there = |directory: &str| root.join(directory).join(format!("{name}.xml")).exists();
        let (active, autostart) = (is_there(STATES), is_there(&format!("{DEFINITIONS}/autostart")));
        let persistent = is_there(DEFINITIONS);
        let defined_bridge = None;
        let network = |bridge| BridgeNetwork { name, bridge, defined_bridge, bridged, persistent, active, autostart };
        networks.extend(bridge.map(network));
    }
    networks.sort();
    networks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_active_or_starts_by_itself_as_the_files_say() {
        let root = std::env::temp_dir().join(format!("virt-bridge-bridge-networks-{}", std::process::id()));
        assert_eq!(on_bridges(&root), []);
        for (file, text) in [
            ("etc/libvirt/qemu/networks/lan.xml", "<network><forward mode='bridge'/><bridge name='br0'/></network>"),
            ("etc/libvirt/qemu/networks/autostart/lan.xml", ""),
            ("etc/libvirt/qemu/networks/old.xml", "<network><bridge name='br1'/></network>"),
            ("etc/libvirt/qemu/networks/macvtap.xml", "<network><forward mode='bridge'/></network>"),
            (
                "run/libvirt/network/lan.xml",
                "<networkstatus><network><forward mode='bridge'/><bridge name='br0'/></network></networkstatus>",
            ),
        ] {
            std::fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            std::fs::write(root.join(file), text).unwrap();
        }
        let network = |name: &str, bridge: &str, active, autostart| BridgeNetwork {
            name: name.into(),
            bridge: bridge.into(),
            defined_bridge: (bridge == "br0").then(|| "br0".to_owned()),
            bridged: bridge == "br0",
            persistent: true,
            active,
            autostart,
        };
        assert_eq!(on_bridges(&root), [network("lan", "br0", true, true), network("old", "br1", false, false)]);
        std::fs::remove_dir_all(&root).unwrap();
    }
}
