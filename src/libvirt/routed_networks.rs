//! The networks for which libvirt turns IP forwarding on, from their definitions and status files.

use std::path::Path;

use super::networks::{self, Network};

/// A network that forwards packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutedNetwork {
    /// Its name.
    pub name: String,
    /// `nat`, `route` or `open`.
    pub mode: String,
    /// Its families, `IPv4` and `IPv6`: libvirt turns on the forwarding of those that the network has an address of
    /// (networkStartNetworkVirtual in src/network/bridge_driver.c).
    pub families: Vec<&'static str>,
}

/// The networks under `root`, each once; a file that cannot be read is none.
pub fn all(root: &Path) -> Vec<RoutedNetwork> {
    let mut found: Vec<RoutedNetwork> = Vec::new();
    for (name, Network { forward, families, .. }) in networks::each(root).filter(|(_, network)| network.is_whole) {
        let mode = forward.filter(|mode| ["nat", "route", "open"].contains(&mode.as_str()));
        if let (Some(mode), false) = (mode, found.iter().any(|network| network.name == name)) {
            found.push(RoutedNetwork { name, mode, families });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_networks_that_forward_are_named_with_their_families() {
        let root = std::env::temp_dir().join(format!("virt-bridge-routed-{}", std::process::id()));
        for directory in [networks::DEFINITIONS, networks::STATES] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        let ipv6 = "<ip family='ipv6' address='2001:db8::1' prefix='64'><dhcp/></ip>";
        for (file, text) in [
            ("etc/libvirt/qemu/networks/default.xml", "<network><forward/><ip address='192.0.2.1'/></network>".into()),
            ("etc/libvirt/qemu/networks/six.xml", format!("<network><forward mode='route'/>{ipv6}</network>")),
            ("etc/libvirt/qemu/networks/alone.xml", "<network><ip address='192.0.2.1'/></network>".into()),
            ("etc/libvirt/qemu/networks/lan.xml", "<network><forward mode='bridge'/></network>".into()),
            ("run/libvirt/network/six.xml", format!("<s><network><forward mode='route'/>{ipv6}</network></s>")),
        ] {
            fs::write(root.join(file), text).unwrap();
        }
        let found: Vec<_> = all(&root).into_iter().map(|it| (it.name, it.mode, it.families)).collect();
        let expected = [("default", "nat", vec!["IPv4"]), ("six", "route", vec!["IPv6"])];
        assert_eq!(found, expected.map(|(name, mode, families)| (name.to_owned(), mode.to_owned(), families)));
        fs::remove_dir_all(&root).unwrap();
    }
}
