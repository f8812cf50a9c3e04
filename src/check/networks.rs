//! The libvirt networks on bridges that are not libvirt's own.

use std::path::Path;

use super::{Check, Finding, Host};
use crate::libvirt::bridge_networks::BridgeNetwork;
use crate::shell_word::ShellWord;

pub const ACTIVE: Check = Check { name: "network-active", about: "bridged networks run", look: active };
pub const AUTOSTART: Check =
    Check { name: "network-autostart", about: "bridged networks start at boot", look: autostart };

pub const DIFFERS: Check =
    Check { name: "network-differs", about: "networks run on the bridges that they are defined with", look: differs };

/// libvirt starts networks by itself once a boot (networkAutostartConfig in src/network/bridge_driver.c).
const HAVE_STARTED: &str = "/run/libvirt/network/autostarted";

fn active(host: &Host) -> Vec<Finding> {
    let is_over = Path::new(HAVE_STARTED).exists();
    let idle = host.bridged_networks().filter(|network| !network.active);
    idle.map(|network| {
        let name = ShellWord(&network.name);
        let until =
            if network.autostart && is_over { "; libvirt starts it by itself at the next boot only" } else { "" };
        Finding::warning(
            format!("network {name} does not run, so that its guests do not start{until}"),
            format!("virsh net-start {name}"),
        )
    })
    .collect()
}

fn autostart(host: &Host) -> Vec<Finding> {
    let manual = host.bridged_networks().filter(|network| network.persistent && !network.autostart);
    manual
        .map(|network| {
            let name = ShellWord(&network.name);
            Finding::warning(
                format!("network {name} does not start at boot, and {} is not made then", network.bridge),
                if host.root == Path::new("/") {
                    format!("virsh net-autostart {name}")
                } else {
                    format!(
                        "ln -s {} /etc/libvirt/qemu/networks/autostart/",
                        ShellWord(&format!("../{}.xml", network.name))
                    )
                },
            )
        })
        .collect()
}

/// Who edits a network that runs changes what it is after its next start only.
fn differs(host: &Host) -> Vec<Finding> {
    let defined = |network: &BridgeNetwork| network.defined_bridge.clone().filter(|bridge| *bridge != network.bridge);
    let others = host.networks.iter().filter_map(|network| Some((network, defined(network)?)));
    others
        .map(|(network, bridge)| {
            let name = ShellWord(&network.name);
            Finding::warning(
                format!(
                    "network {name} runs on {}, and is defined with {bridge}: from its next start on guests come there",
                    network.bridge
                ),
                format!("virsh net-destroy {name} && virsh net-start {name}"),
            )
        })
        .collect()
}
