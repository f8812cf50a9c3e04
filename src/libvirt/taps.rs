//! Whose the taps are: the interfaces of running guests, from libvirt's status files.

use std::path::Path;

use super::guest;
use super::vlans::Vlans;

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
    /// Its VLANs.
    pub vlans: Vlans,
    /// Whether it is kept apart from the bridge's other isolated ports.
    pub isolated: bool,
}

/// The taps of all guests that run, under `root`. A file that cannot be read names none.
pub fn of_running_guests(root: &Path) -> Vec<Tap> {
    let mut taps = Vec::new();
    for guest in guest::running(root) {
        taps.extend(guest.interfaces.into_iter().filter_map(|interface| {
            Some(Tap {
                link: interface.link?,
                domain: guest.name.clone(),
                mac: interface.mac,
                bridge: interface.bridge,
                vlans: interface.vlans,
                isolated: interface.is_isolated,
            })
        }));
    }
    taps
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIRECTORY: &str = "run/libvirt/qemu";

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
            vlans: Vlans { tags: vec![7, 9], ..Vlans::default() },
            isolated: true,
        };
        assert_eq!(of_running_guests(&root), [tap]);
        std::fs::remove_dir_all(&root).unwrap();
    }
}
