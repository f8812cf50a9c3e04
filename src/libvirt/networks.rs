//! libvirt's networks and where their guests' frames go, from their definitions and status files.

use std::collections::BTreeMap;
use std::path::Path;

use super::bridges_in_use::{DIRECTORIES, xml_files};
use super::elements;

/// A network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// `<forward mode>`; none: guests reach the host only.
    pub forward: Option<String>,
    /// The bridge that guests become ports of.
    pub bridge: Option<String>,
    /// The first of the host's devices that guests are attached to by macvtap.
    pub device: Option<String>,
    /// Whether it has been started.
    pub is_active: bool,
}

/// The networks under `root` by their names; of an active one as it runs. A file that cannot be read tells nothing:
/// libvirt cannot use it either.
pub fn read_all(root: &Path) -> BTreeMap<String, Network> {
    let mut networks = BTreeMap::new();
    for (directory, is_active) in DIRECTORIES.into_iter().zip([false, true]) {
        for file in xml_files(&root.join(directory)) {
            let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            networks.insert(name, Network { is_active, ..read(&file) });
        }
    }
    networks
}

fn read(file: &Path) -> Network {
    let mut network = Network::default();
    let _ = elements::visit(file, |path, element| match (path.last().map(String::as_str), element.name().as_str()) {
        (Some("network"), "forward") => {
            // libvirt takes nat where a <forward> has no mode.
            network.forward = element.attribute("mode").or_else(|| Some("nat".into()));
            network.device = element.attribute("dev");
        }
        (Some("network"), "bridge") => network.bridge = element.attribute("name"),
        (Some("forward"), "interface") if network.device.is_none() => network.device = element.attribute("dev"),
        _ => {}
    });
    network
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_network_leads_to_a_bridge_or_a_device() {
        let root = std::env::temp_dir().join(format!("virt-bridge-networks-{}", std::process::id()));
        DIRECTORIES.iter().for_each(|directory| fs::create_dir_all(root.join(directory)).unwrap());
        for (file, body) in [
            ("etc/libvirt/qemu/networks/lan.xml", "<forward mode='bridge'/><bridge name='br0'/>"),
            ("etc/libvirt/qemu/networks/nat.xml", "<forward/><bridge name='virbr0'/>"),
            ("etc/libvirt/qemu/networks/own.xml", "<bridge name='virbr1'/>"),
            ("etc/libvirt/qemu/networks/tap.xml", "<forward mode='bridge'><interface dev='eth1'/></forward>"),
            ("run/libvirt/network/lan.xml", "<forward mode='bridge'/><bridge name='br7'/>"),
        ] {
            fs::write(root.join(file), format!("<network>{body}</network>")).unwrap();
        }
        let found = read_all(&root);
        let found: Vec<_> = found
            .iter()
            .map(|(name, it)| (name.as_str(), it.forward.as_deref(), it.bridge.as_deref(), it.device.as_deref()))
            .collect();
        let expected = [
            ("lan", Some("bridge"), Some("br7"), None),
            ("nat", Some("nat"), Some("virbr0"), None),
            ("own", None, Some("virbr1"), None),
            ("tap", Some("bridge"), None, Some("eth1")),
        ];
        assert_eq!(found, expected);
        assert!(read_all(&root)["lan"].is_active && !read_all(&root)["nat"].is_active);
        fs::remove_dir_all(&root).unwrap();
    }
}
