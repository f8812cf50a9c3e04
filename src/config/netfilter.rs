//! `[netfilter]`: which bridges pass their packets to the host's packet filters.

use super::entry::Entry;
use super::error::Error;
use crate::glob::{self, Glob};

/// What bridges do with iptables, ip6tables and arptables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Netfilter {
    /// The rule for all bridges.
    pub policy: Policy,
    /// The bridges of container engines, by name; not told: those that are known.
    pub container_bridges: Option<Vec<Glob>>,
}

/// The rule for all bridges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Only container engines' bridges are filtered, each by its own flags; the sysctls for all are 0.
    #[default]
    Containers,
    /// No bridge is filtered.
    Off,
    /// Every bridge is filtered.
    On,
    /// Nothing is touched.
    Leave,
}

/// The Linux bridges that container engines make, as their sources name them.
///
/// - Docker: `docker0` (moby, libnetwork/drivers/bridge/interface.go, DefaultBridgeName), `br-` and the first twelve
///   hex digits of the network's id (bridge_linux.go, parseNetworkOptions), `docker_gwbridge` (Swarm;
///   libnetwork/default_gateway_linux.go, libnGWNetwork).
/// - CNI: `cni0` (containernetworking/plugins, plugins/main/bridge/bridge.go, defaultBrName), which flannel, k3s and
///   CRI-O leave as it is.
/// - Kubernetes: `cbr0` (kubenet, pkg/kubelet/dockershim/network/kubenet/kubenet_linux.go, BridgeName), `kube-bridge`
///   (kube-router, pkg/controllers/routing/network_routes_controller.go), `weave` (weaveworks, net/bridge.go,
///   WeaveBridgeName).
/// - Podman: `podman` and a number (containers/common, libnetwork/netavark/const.go, defaultBridgeName), before that
///   `cni-podman` and a number (libnetwork/cni/config.go, cniDeviceName).
/// - nerdctl: `nerdctl` and a number (pkg/netutil/netutil_unix.go, GetBridgeName); networks of its own are `br-` like
///   Docker's.
/// - LXC: `lxcbr0` (config/init/common/lxc-net.in, LXC_BRIDGE).
///
/// LXD's and Incus's `lxdbr0` and `incusbr0` are not among them: those carry virtual machines as well, and their own
/// rules are nftables' `bridge` and `inet` tables.
const CONTAINER_BRIDGES: [&str; 11] = [
    "docker0",
    "docker_gwbridge",
    concat!("br-", "[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]"),
    "cni0",
    "cbr0",
    "kube-bridge",
    "weave",
    "podman[0-9]*",
    "cni-podman[0-9]*",
    "nerdctl[0-9]*",
    "lxcbr[0-9]*",
];

impl Policy {
    /// The policy's name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Policy::Containers => "containers",
            Policy::Off => "off",
            Policy::On => "on",
            Policy::Leave => "leave",
        }
    }
}

impl Netfilter {
    /// The first pattern of a container engine's bridges that this name has.
    pub fn container_pattern(&self, bridge: &str) -> Option<&str> {
        match &self.container_bridges {
            Some(patterns) => patterns.iter().find(|pattern| pattern.matches(bridge)).map(Glob::pattern),
            None => CONTAINER_BRIDGES.into_iter().find(|pattern| glob::matches(pattern, bridge)),
        }
    }

    /// The patterns that hold where none are told.
    #[cfg(test)]
    pub(super) fn known_container_bridges() -> Vec<Glob> {
        CONTAINER_BRIDGES.into_iter().map(|pattern| pattern.parse().expect("the test below holds that")).collect()
    }

    pub(super) fn apply(&mut self, setting: &Entry) -> Result<(), Error> {
        match setting.name {
            "policy" => self.policy = policy(setting)?,
            "container-bridges" => self.container_bridges = Some(container_bridges(setting)?),
            _ => return Err(setting.unknown_key(&["policy", "container-bridges"])),
        }
        Ok(())
    }
}

fn policy(setting: &Entry) -> Result<Policy, Error> {
    const ALLOWED: &str = "\"containers\", \"off\", \"on\", \"leave\"";
    match setting.text(ALLOWED)? {
        "containers" => Ok(Policy::Containers),
        "off" => Ok(Policy::Off),
        "on" => Ok(Policy::On),
        "leave" => Ok(Policy::Leave),
        _ => Err(setting.not_known(ALLOWED)),
    }
}

fn container_bridges(setting: &Entry) -> Result<Vec<Glob>, Error> {
    const ALLOWED: &str = "an array of names and patterns of bridges, such as [\"docker0\", \"podman[0-9]*\"]";
    let mut patterns = Vec::new();
    for text in setting.texts(ALLOWED)? {
        patterns.push(text?.parse().map_err(|why| setting.error(why))?);
    }
    Ok(patterns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bridges_of_container_engines_are_known_and_no_others() {
        assert!(CONTAINER_BRIDGES.iter().all(|pattern| pattern.parse::<Glob>().is_ok()));
        let is_known = |name: &str| Netfilter::default().container_pattern(name).is_some();
        for name in [
            "docker0",
            "docker_gwbridge",
            "br-0123456789ab",
            "cni0",
            "cbr0",
            "kube-bridge",
            "weave",
            "podman0",
            "podman12",
            "cni-podman0",
            "nerdctl1",
            "lxcbr0",
        ] {
            assert!(is_known(name), "{name}");
        }
        for name in
            ["br0", "br-lan", "br-0123456789a", "br-0123456789aB", "br-0123456789ag", "virbr0", "vmbr0", "docker00"]
        {
            assert!(!is_known(name), "{name}");
        }
        for name in ["podman", "podmanx", "ovs-system", "xdocker0", "lxdbr0", "incusbr0", "weave0", ""] {
            assert!(!is_known(name), "{name}");
        }
    }
}
