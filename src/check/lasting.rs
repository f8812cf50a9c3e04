//! Whether the next boot brings back what runs.

use std::collections::BTreeMap;
use std::path::Path;

use super::files::backups;
use super::{Check, Finding, Host};
use crate::config::Uplink;
use crate::netlink::{Link, mac_text};
use crate::owner::{self, Persistence, Progress, below};
use crate::picture::Bridge;
use crate::shell_word::ShellWord;

pub const LASTING: Check = Check {
    name: "bridge-lasting",
    about: "the next boot makes the bridges that have taken an uplink over",
    look: lasting,
};

fn lasting(host: &Host) -> Vec<Finding> {
    let progress: BTreeMap<String, Progress> =
        backups(&host.root).into_iter().map(|(bridge, _, progress)| (bridge, progress)).collect();
    let is_meant = |bridge: &&Bridge| match progress.get(&bridge.name) {
        Some(Progress::All | Progress::Changed) => true,
        // Another check says what is to be done first.
        Some(_) => false,
        None => host.takeovers.contains_key(&bridge.name),
    };
    // Of one that waits for its confirmation nobody knows whether it is to last.
    let settled = host.bridges.iter().filter(is_meant).filter(|bridge| bridge.unconfirmed_ms.is_none());
    settled.filter(|bridge| !is_made_by_us(host, &bridge.name)).filter_map(|bridge| forgotten(host, bridge)).collect()
}

/// Whether a network's start or our unit does the takeover again; that the network does not start at boot another check says.
fn is_made_by_us(host: &Host, bridge: &str) -> bool {
    let has_uplink = host.config.bridges.get(bridge).is_some_and(|bridge| bridge.uplink != Uplink::None);
    let unit = format!("/etc/systemd/system/multi-user.target.wants/virt-bridge@{bridge}.service");
    let has_network = host.bridged_networks().any(|network| network.bridge == bridge && network.persistent);
    has_uplink && (has_network || below(&host.root, Path::new(&unit)).symlink_metadata().is_ok())
}

fn forgotten(host: &Host, bridge: &Bridge) -> Option<Finding> {
    let name = &bridge.name;
    let uplink = bridge.uplink.as_deref()?;
    let up = format!("virt-bridge up {} --uplink {}", ShellWord(name), ShellWord(uplink));
    match persistence(host, host.link(name)?, host.link(uplink)?) {
        Ok(Persistence { edits, .. }) if edits.is_empty() => None,
        Ok(Persistence { owner, .. }) => Some(Finding::warning(
            format!("the files of {owner} do not have {name}: after the next boot {uplink} is on its own again"),
            format!("{up} --persist"),
        )),
        Err(reasons) => Some(Finding::warning(
            format!(
                "after the next boot {uplink} is on its own again, and what configures it cannot be given {name}: {}",
                reasons.join("; ")
            ),
            format!(
                "nothing if that is meant; otherwise set uplink = \"{uplink}\" under [bridge.{name}] in /etc/virt-bridge.toml, and \
                 systemctl enable virt-bridge@{name}"
            ),
        )),
    }
}

/// What would have to be written for the bridge as it runs.
fn persistence(host: &Host, bridge: &Link, uplink: &Link) -> Result<Persistence, Vec<String>> {
    let name = uplink.name();
    let claims = owner::claims(&host.root, owner::Link { name: &name, index: uplink.index });
    let claims = claims.map_err(|error| vec![error.to_string()])?;
    let parameters = bridge.bridge_parameters().unwrap_or_default();
    let bridge = owner::Bridge {
        name: bridge.name(),
        uplink_index: uplink.index,
        mac: uplink.mac().map(mac_text).unwrap_or_default(),
        stp: parameters.stp.unwrap_or(false),
        forward_delay_ms: parameters.forward_delay_ms.unwrap_or(0),
        vlan_filtering: parameters.vlan_filtering.unwrap_or(false),
        uplink: name,
    };
    owner::persistence(&host.root, &bridge, &claims)
}
