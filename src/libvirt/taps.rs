//! Whose the taps are: the interfaces of running guests, from libvirt's status files.

use std::path::Path;

use super::bridges_in_use::xml_files;
use super::elements;

const DIRECTORY: &str = "run/libvirt/qemu";

/// An interface of a running guest that has a link on the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tap {
    /// The link, such as `vnet0`.
    pub link: String,
    /// The guest.
    pub domain: String,
    /// The guest's own MAC address; the link has another one.
    pub mac: Option<String>,
    /// The bridge that it was attached to, where the guest or its network names one.
    pub bridge: Option<String>,
    /// The tags of its VLANs.
    pub vlans: Vec<u16>,
    /// Whether it is kept apart from the bridge's other isolated ports.
    pub isolated: bool,
}

/// The taps of all guests that run, under `root`. A file that cannot be read names none.
pub fn of_running_guests(root: &Path) -> Vec<Tap> {
    let mut taps = Vec::new();
    for file in xml_files(&root.join(DIRECTORY)) {
        let domain = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut found: Vec<Tap> = Vec::new();
        let _ = elements::visit(&file, |path, element| {
            let around = |depth: usize| path.len().checked_sub(depth).map(|place| path[place].as_str());
            let name = element.name();
            if name == "interface" && around(1) == Some("devices") {
                found.push(Tap { domain: domain.clone(), ..Tap::default() });
            }
            let Some(tap) = found.last_mut() else { return };
            match (around(2), around(1), name.as_str()) {
                (_, Some("interface"), "mac") => tap.mac = element.attribute("address"),
                (_, Some("interface"), "source") => tap.bridge = element.attribute("bridge"),
                (_, Some("interface"), "target") => tap.link = element.attribute("dev").unwrap_or_default(),
                (_, Some("interface"), "port") => {
                    tap.isolated = element.attribute("isolated").as_deref() == Some("yes")
                }
                (Some("interface"), Some("vlan"), "tag") => {
                    tap.vlans.extend(element.attribute("id").and_then(|tag| tag.parse::<u16>().ok()));
                }
                _ => {}
            }
        });
        taps.extend(found.into_iter().filter(|tap| !tap.link.is_empty()));
    }
    taps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tap_is_its_guests_with_mac_bridge_and_vlans() {
        let root = std::env::temp_dir().join(format!("virt-bridge-taps-{}", std::process::id()));
        assert_eq!(of_running_guests(&root), []);
        std::fs::create_dir_all(root.join(DIRECTORY)).unwrap();
        let text = "<domstatus><domain><name>web</name><devices>\
            <interface type='network'><mac address='52:54:00:00:00:30'/>\
            <source network='lan' bridge='br0'/><vlan><tag id='7'/><tag id='9'/></vlan><target dev='vnet0'/>\
            <port isolated='yes'/></interface>\
            <interface type='user'><mac address='52:54:00:00:00:31'/></interface>\
            </devices></domain></domstatus>";
        std::fs::write(root.join(DIRECTORY).join("web.xml"), text).unwrap();
        let tap = Tap {
            link: "vnet0".into(),
            domain: "web".into(),
            mac: Some("52:54:00:00:00:30".into()),
            bridge: Some("br0".into()),
            vlans: vec![7, 9],
            isolated: true,
        };
        assert_eq!(of_running_guests(&root), [tap]);
        std::fs::remove_dir_all(&root).unwrap();
    }
}
