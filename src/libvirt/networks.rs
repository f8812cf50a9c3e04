//! libvirt's networks and where their guests' frames go, from their definitions and status files.

use std::collections::BTreeMap;
use std::path::Path;

use super::elements::{self, xml_files};

pub(super) const DEFINITIONS: &str = "etc/libvirt/qemu/networks";
/// The status of active networks, transient ones included.
pub(super) const STATES: &str = "run/libvirt/network";

/// A network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// `<forward mode>`; none: guests reach the host only.
    pub forward: Option<String>,
    /// The bridge that guests become ports of.
    pub bridge: Option<String>,
    /// The first of the host's devices that guests are attached to by macvtap.
    pub device: Option<String>,
    /// The families that it has an address of, `IPv4` and `IPv6`.
    pub families: Vec<&'static str>,
    /// Whether it has been started.
    pub is_active: bool,
    /// Whether its file could be read to the end.
    pub is_whole: bool,
}

/// The networks under `root` by their names; of an active one as it runs. A file that cannot be read tells nothing:
/// libvirt cannot use it either.
pub fn read_all(root: &Path) -> BTreeMap<String, Network> {
    each(root).collect()
}

/// The names of all bridges that a network under `root` uses or will use from its next start on, whatever its forward mode.
pub fn bridges(root: &Path) -> Vec<String> {
    each(root).filter_map(|(_, network)| network.bridge).collect()
}

/// What each file under `root` tells, with the name of its network, which is the file's: first how networks are defined,
/// then how they run.
pub(super) fn each(root: &Path) -> impl Iterator<Item = (String, Network)> {
    let files = |directory, is_active| xml_files(&root.join(directory)).into_iter().map(move |file| (file, is_active));
    files(DEFINITIONS, false).chain(files(STATES, true)).map(|(file, is_active)| {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        (name, Network { is_active, ..read(&file) })
    })
}

/// What a file tells.
pub(super) fn read(file: &Path) -> Network {
    let mut network = Network::default();
    let read =
        elements::visit(file, |path, element| match (path.last().map(String::as_str), element.name().as_str()) {
            (Some("network"), "forward") => {
                // libvirt takes nat where a <forward> has no mode.
                network.forward = element.attribute("mode").or_else(|| Some("nat".into()));
                network.device = element.attribute("dev");
            }
            (Some("network"), "bridge") => network.bridge = element.attribute("name"),
            (Some("network"), "ip") => {
                let is_ipv6 = element.attribute("family").as_deref() == Some("ipv6");
                network.families.push(if is_ipv6 { "IPv6" } else { "IPv4" });
            }
            (Some("forward"), "interface") if network.device.is_none() => network.device = element.attribute("dev"),
            _ => {}
        });
    network.is_whole = read.is_ok();
    network
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_network_leads_to_a_bridge_or_a_device() {
        let root = std::env::temp_dir().join(format!("virt-bridge-networks-{}", std::process::id()));
        [DEFINITIONS, STATES].iter().for_each(|directory| fs::create_dir_all(root.join(directory)).unwrap());
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

    #[test]
    fn every_network_names_its_bridge_and_nothing_else_does() {
        let root = std::env::temp_dir().join(format!("virt-bridge-in-use-{}", std::process::id()));
        assert_eq!(bridges(&root), Vec::<String>::new());
        for directory in [DEFINITIONS, STATES] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        for (file, text) in [
            ("etc/libvirt/qemu/networks/lan.xml", "<network><name>lan</name><bridge name='cni0'/></network>"),
            ("etc/libvirt/qemu/networks/nat.xml", "<network><forward mode='nat'/><bridge name='a&amp;b'/></network>"),
            ("etc/libvirt/qemu/networks/no.xml", "<network><x><bridge name='no'/></x></network>"),
            ("etc/libvirt/qemu/networks/broken.xml", "<network><bridge name='kept'/><"),
            ("run/libvirt/network/t.xml", "<networkstatus><network><bridge name=\"br1\"/></network></networkstatus>"),
            ("run/libvirt/network/t.txt", "<network><bridge name='no'/></network>"),
        ] {
            fs::write(root.join(file), text).unwrap();
        }
        nix::unistd::mkfifo(&root.join("run/libvirt/network/f.xml"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let mut found = bridges(&root);
        found.sort_unstable();
        assert_eq!(found, ["a&b", "br1", "cni0", "kept"]);
        fs::remove_dir_all(&root).unwrap();
    }
}
