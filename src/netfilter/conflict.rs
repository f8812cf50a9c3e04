//! What on the host needs packets to be filtered where the policy does not filter them.

use std::fs;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::docker::{self, Docker};
use crate::libvirt::nwfilter;
use crate::netlink::NetfilterCalls;
use crate::printable::Printable;

/// Somebody's rules that do not see the packets that they are for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// Who needs it, and where that is written.
    pub who: String,
    /// The bridge, where it is known.
    pub bridge: Option<String>,
    /// What it needs: `nf-call-iptables` or `nf-call-ip6tables`.
    pub needs: &'static str,
    /// What happens without.
    pub consequence: &'static str,
}

const IPTABLES: &str = "nf-call-iptables";
const IP6TABLES: &str = "nf-call-ip6tables";

/// All conflicts under `root`; `effective` tells for a bridge what the policy makes of its packets, and of a bridge
/// that is not there what it would make of them.
pub fn all(root: &Path, bridges: &[String], effective: impl Fn(&str) -> NetfilterCalls) -> Vec<Conflict> {
    let mut conflicts = of_nwfilter(root, &effective);
    conflicts.extend(of_docker(root, bridges, &effective));
    conflicts.extend(of_cni(root, &effective));
    conflicts
}

fn of_nwfilter(root: &Path, effective: &impl Fn(&str) -> NetfilterCalls) -> Vec<Conflict> {
    let mut conflicts = Vec::new();
    for interface in nwfilter::filtered_interfaces(root) {
        // Of an unknown bridge it cannot be said that its packets are filtered.
        let calls = interface.bridge.as_deref().map(effective).unwrap_or_default();
        let needs = [
            (interface.needs_iptables, calls.iptables, IPTABLES),
            (interface.needs_ip6tables, calls.ip6tables, IP6TABLES),
        ];
        for (_, _, needs) in needs.into_iter().filter(|(needed, has, _)| *needed && *has != Some(true)) {
            conflicts.push(Conflict {
                who: format!("libvirt domain {}, network filter {}", Printable(&interface.domain), interface.filter),
                bridge: interface.bridge.clone(),
                needs,
                consequence: "the filter's rules for tcp, udp, icmp and the like do nothing",
            });
        }
    }
    conflicts
}

fn of_docker(root: &Path, bridges: &[String], effective: &impl Fn(&str) -> NetfilterCalls) -> Vec<Conflict> {
    let docker = Docker::read(root);
    let settings = docker.needs_iptables();
    if settings.is_empty() {
        return Vec::new();
    }
    let default = docker.default_bridge();
    let own = bridges.iter().map(String::as_str).filter(|bridge| {
        *bridge != default
            && bridge.strip_prefix("br-").is_some_and(|id| id.len() == 12 && id.bytes().all(|b| b.is_ascii_hexdigit()))
    });
    std::iter::once(default)
        .chain(own)
        .filter(|bridge| effective(bridge).iptables != Some(true))
        .map(|bridge| Conflict {
            who: format!("Docker (/{}: {})", docker::FILE, settings.join(", ")),
            bridge: Some(bridge.to_owned()),
            needs: IPTABLES,
            consequence: "containers that are to be kept apart reach each other, or published ports fail",
        })
        .collect()
}

/// Plugins of type `bridge`, by themselves or as flannel's delegate, make a bridge for pods and services.
fn of_cni(root: &Path, effective: &impl Fn(&str) -> NetfilterCalls) -> Vec<Conflict> {
    let mut conflicts = Vec::new();
    let mut files: Vec<_> =
        fs::read_dir(root.join("etc/cni/net.d")).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.sort();
    for file in files {
        let extension = file.extension().unwrap_or_default().to_string_lossy();
        if !["conf", "conflist", "json"].contains(&extension.as_ref()) {
            continue;
        }
        let configuration: Value = serde_json::from_slice(&fs::read(&file).unwrap_or_default()).unwrap_or_default();
        let alone = std::slice::from_ref(&configuration);
        let plugins = configuration["plugins"].as_array().map_or(alone, Vec::as_slice);
        for bridge in plugins.iter().filter_map(bridge_of_plugin) {
            if effective(bridge).iptables != Some(true) {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                conflicts.push(Conflict {
                    who: format!("CNI (/etc/cni/net.d/{})", Printable(&name)),
                    bridge: Some(bridge.to_owned()),
                    needs: IPTABLES,
                    consequence: "pods do not reach services that a pod on the same node serves",
                });
            }
        }
    }
    conflicts
}

fn bridge_of_plugin(plugin: &Value) -> Option<&str> {
    let bridge = match plugin["type"].as_str()? {
        "bridge" => &plugin["bridge"],
        "flannel" => &plugin["delegate"]["bridge"],
        _ => return None,
    };
    Some(bridge.as_str().unwrap_or("cni0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_a_filter_that_is_not_there_is_told() {
        let root = std::env::temp_dir().join(format!("virt-bridge-conflict-{}", std::process::id()));
        let write = |file: &str, text: &str| {
            let file = root.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        let bridges = ["br0", "docker0", "br-0123456789ab", "br-lan"].map(str::to_owned);
        let found = |on: &[&str]| -> Vec<(Option<String>, &str)> {
            let effective = |bridge: &str| NetfilterCalls::all(on.contains(&bridge));
            all(&root, &bridges, effective).into_iter().map(|it| (it.bridge, it.needs)).collect()
        };
        assert_eq!(found(&[]), []);
        write("etc/docker/daemon.json", r#"{"icc": false}"#);
        write("etc/cni/net.d/10-flannel.conflist", r#"{"plugins": [{"type": "flannel"}, {"type": "portmap"}]}"#);
        write("etc/cni/net.d/20-x.conf", r#"{"type": "bridge", "bridge": "kube-bridge"}"#);
        write("etc/cni/net.d/30-broken.conf", "{");
        write("etc/libvirt/nwfilter/ssh.xml", "<filter name='ssh'><rule><tcp/></rule></filter>");
        let interface = "<interface><source bridge='br0'/><filterref filter='ssh'/></interface>";
        write("etc/libvirt/qemu/web.xml", &format!("<domain><devices>{interface}</devices></domain>"));
        let every = ["br0", "docker0", "br-0123456789ab", "cni0", "kube-bridge"];
        let expected: Vec<_> = every.iter().map(|bridge| (Some((*bridge).to_owned()), IPTABLES)).collect();
        assert_eq!(found(&[]), expected);
        assert_eq!(found(&every[1..]), expected[..1]);
        assert_eq!(found(&every), []);
        write("etc/docker/daemon.json", r#"{"icc": false, "iptables": false}"#);
        assert_eq!(found(&["br0", "cni0", "kube-bridge"]), []);
        fs::remove_dir_all(&root).unwrap();
    }
}
