//! The way of an interface's frames to the LAN: a network, a bridge, an uplink.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::bridge::Records;
use crate::config::{Config, Uplink};
use crate::libvirt::domain::Interface;
use crate::libvirt::networks::{self, Network};
use crate::printable::Printable;
use crate::sysfs;

/// Where an interface leads, as far as that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Way {
    /// The interface's `type`.
    #[serde(rename = "type")]
    kind: String,
    network: Option<String>,
    portgroup: Option<String>,
    /// The network's forward mode.
    forward: Option<String>,
    bridge: Option<String>,
    /// The bridge's link to the LAN, or macvtap's device.
    uplink: Option<String>,
}

/// What is known of the host.
pub struct Ways<'a> {
    root: PathBuf,
    config: &'a Config,
    networks: BTreeMap<String, Network>,
}

impl<'a> Ways<'a> {
    /// Of the host whose root directory is `root`.
    pub fn under(root: &Path, config: &'a Config) -> Self {
        Ways { root: root.into(), config, networks: networks::read_all(root) }
    }

    /// Where an interface leads.
    pub fn of(&self, interface: &Interface) -> Way {
        let network = interface.network.as_deref().and_then(|name| self.networks.get(name));
        let owned = |value: &Option<Cow<str>>| value.as_deref().map(str::to_owned);
        let bridge = owned(&interface.bridge).or_else(|| network?.bridge.clone());
        let device = owned(&interface.device).or_else(|| network?.device.clone());
        // A network of libvirt's own leads through the host, whatever its bridge's ports are.
        let is_bridged = network.is_none_or(|network| network.forward.as_deref() == Some("bridge"));
        let uplink = device.or_else(|| self.uplink(bridge.as_deref().filter(|_| is_bridged)?));
        Way {
            kind: interface.kind.clone().into_owned(),
            network: owned(&interface.network),
            portgroup: owned(&interface.portgroup),
            forward: network.and_then(|network| network.forward.clone()),
            bridge,
            uplink,
        }
    }

    /// The uplink that the bridge took over; without such a takeover a port that leads out of the host, or the one that
    /// the bridge is to have.
    fn uplink(&self, bridge: &str) -> Option<String> {
        let receipt = Records::under(&self.root, bridge).receipt().ok().flatten();
        receipt
            .and_then(|receipt| receipt.uplink)
            .map(|uplink| uplink.name)
            .or_else(|| self.port_to_the_lan(bridge))
            .or_else(|| self.configured(bridge))
    }

    fn port_to_the_lan(&self, bridge: &str) -> Option<String> {
        sysfs::ports(&self.root, bridge).ok()?.into_iter().find(|name| {
            let link = sysfs::link(&self.root, name);
            // Hardware, a bond, or a VLAN interface; not a tap or a container's veth.
            let is_vlan = || fs::read_to_string(link.join("uevent")).is_ok_and(|it| it.contains("DEVTYPE=vlan"));
            link.join("device").exists() || link.join("bonding").exists() || is_vlan()
        })
    }

    fn configured(&self, bridge: &str) -> Option<String> {
        match &self.config.bridges.get(bridge)?.uplink {
            Uplink::Name(name) => Some(name.clone()),
            _ => None,
        }
    }
}

impl Way {
    /// Whether both are the same but for what only a running domain tells.
    pub fn leads_as(&self, other: &Way) -> bool {
        let source = |way: &Way| (way.kind.clone(), way.network.clone(), way.portgroup.clone());
        source(self) == source(other) && self.bridge == other.bridge && self.uplink == other.uplink
    }
}

/// `network lan → br0 → eth0`.
impl Display for Way {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.network {
            Some(network) => {
                write!(f, "network {}", Printable(network))?;
                self.portgroup.iter().try_for_each(|portgroup| write!(f, ", portgroup {}", Printable(portgroup)))?;
                let forward = self.forward.iter().filter(|forward| *forward != "bridge");
                forward.into_iter().try_for_each(|forward| write!(f, " ({})", Printable(forward)))?;
            }
            None => write!(f, "{}", Printable(&self.kind))?,
        }
        let arrow = if self.network.is_none() && self.bridge.is_some() { " " } else { " → " };
        self.bridge.iter().try_for_each(|bridge| write!(f, "{arrow}{}", Printable(bridge)))?;
        self.uplink.iter().try_for_each(|uplink| write!(f, " → {}", Printable(uplink)))
    }
}
