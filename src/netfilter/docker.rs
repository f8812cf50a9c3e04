//! What Docker's configuration wants of bridge netfilter and IP forwarding.

use std::path::Path;

use serde::Deserialize;

use crate::regular_file;

/// Where dockerd's configuration is, under the root.
pub const FILE: &str = "etc/docker/daemon.json";

/// The keys of `daemon.json` that make dockerd load br_netfilter and set the sysctl to 1 at its start: since 27.3 only
/// these, before that every bridge with `iptables` on (moby, libnetwork/drivers/bridge/setup_bridgenetfiltering.go).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Docker {
    /// Whether containers on the default bridge may speak to each other.
    pub icc: Option<bool>,
    /// Whether published ports are served by a proxy, rather than by iptables alone.
    #[serde(rename = "userland-proxy")]
    pub userland_proxy: Option<bool>,
    /// Whether dockerd writes iptables rules at all.
    pub iptables: Option<bool>,
    /// Whether dockerd may turn IP forwarding on.
    #[serde(rename = "ip-forward")]
    pub ip_forward: Option<bool>,
    /// Whether the default bridge has IPv6.
    pub ipv6: Option<bool>,
    /// The default bridge, where it is not `docker0`.
    pub bridge: Option<String>,
}

impl Docker {
    /// Reads the configuration under `root`; the default where there is none, or none that dockerd would take.
    pub fn read(root: &Path) -> Self {
        let text = regular_file::read(&root.join(FILE)).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// The settings whose rules work only for packets that pass iptables, as the file has them.
    pub fn needs_iptables(&self) -> Vec<&'static str> {
        if self.iptables == Some(false) {
            return Vec::new();
        }
        let settings = [(self.icc, "\"icc\": false"), (self.userland_proxy, "\"userland-proxy\": false")];
        settings.into_iter().filter(|(value, _)| *value == Some(false)).map(|(_, text)| text).collect()
    }

    /// Whether dockerd turns the forwarding of this family on (moby, libnetwork/drivers/bridge/setup_ip_forwarding.go).
    pub fn forwards(&self, family: &str) -> bool {
        self.ip_forward != Some(false) && (family == "IPv4" || self.ipv6 == Some(true))
    }

    /// The default bridge.
    pub fn default_bridge(&self) -> &str {
        self.bridge.as_deref().unwrap_or("docker0")
    }
}
