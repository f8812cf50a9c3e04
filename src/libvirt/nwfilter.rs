//! Which guests have network filters that only iptables can apply.

use std::collections::BTreeSet;
use std::path::Path;

use super::elements::{self, xml_files};
use super::networks;

const DOMAINS: [&str; 2] = ["etc/libvirt/qemu", "run/libvirt/qemu"];
const FILTERS: &str = "etc/libvirt/nwfilter";

/// An interface of a guest with such a filter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FilteredInterface {
    /// The guest.
    pub domain: String,
    /// The filter that the interface names.
    pub filter: String,
    /// The bridge that the interface is a port of; not known where its network is not.
    pub bridge: Option<String>,
    /// Whether the filter has rules for iptables.
    pub needs_iptables: bool,
    /// Whether the filter has rules for ip6tables.
    pub needs_ip6tables: bool,
}

/// The interfaces of all guests under `root`, defined or running, whose filters need iptables or ip6tables, in order.
/// A file that cannot be read has none.
pub fn filtered_interfaces(root: &Path) -> Vec<FilteredInterface> {
    let networks: Vec<(String, String)> =
        networks::each(root).filter_map(|(name, network)| Some((name, network.bridge?))).collect();
    let mut found = BTreeSet::new();
    for file in DOMAINS.iter().flat_map(|directory| xml_files(&root.join(directory))) {
        let domain = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut bridge = None;
        let _ = elements::visit(&file, |path, element| {
            let name = element.name();
            let in_interface = path.last().is_some_and(|parent| parent == "interface");
            if name == "interface" {
                bridge = None;
            } else if in_interface && name == "source" {
                let network = element.attribute("network");
                let of_network = || networks.iter().find(|(name, _)| Some(name) == network.as_ref());
                bridge = element.attribute("bridge").or_else(|| of_network().map(|(_, bridge)| bridge.clone()));
            } else if in_interface && name == "filterref" {
                let Some(filter) = element.attribute("filter") else { return };
                let (needs_iptables, needs_ip6tables) = needs(root, &filter, &mut Vec::new());
                if needs_iptables || needs_ip6tables {
                    let domain = domain.clone();
                    let bridge = bridge.clone();
                    found.insert(FilteredInterface { domain, filter, bridge, needs_iptables, needs_ip6tables });
                }
            }
        });
    }
    found.into_iter().collect()
}

/// Whether the filter, or one that it names, has rules for iptables and for ip6tables.
fn needs(root: &Path, filter: &str, seen: &mut Vec<String>) -> (bool, bool) {
    if seen.iter().any(|name| name == filter) || filter.contains('/') {
        return (false, false);
    }
    seen.push(filter.to_owned());
    let (mut iptables, mut ip6tables) = (false, false);
    let mut others = Vec::new();
    let _ = elements::visit(&root.join(FILTERS).join(format!("{filter}.xml")), |path, element| {
        let name = element.name();
        match path.last().map(String::as_str) {
            Some("rule") if name.ends_with("-ipv6") => ip6tables |= is_for_iptables(name.trim_end_matches("-ipv6")),
            Some("rule") => iptables |= is_for_iptables(&name),
            Some("filter") if name == "filterref" => others.extend(element.attribute("filter")),
            _ => {}
        }
    });
    for other in others {
        let (four, six) = needs(root, &other, seen);
        iptables |= four;
        ip6tables |= six;
    }
    (iptables, ip6tables)
}

/// Rules for these protocols are iptables rules, those for mac, vlan, stp, arp, rarp, ip and ipv6 ebtables rules
/// (virNWFilterRuleIsProtocolIPv4 in src/conf/nwfilter_conf.h).
fn is_for_iptables(protocol: &str) -> bool {
    ["tcp", "udp", "udplite", "icmp", "icmpv6", "igmp", "esp", "ah", "sctp", "all"].contains(&protocol)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_filters_with_iptables_rules_count_wherever_they_stand() {
        let root = std::env::temp_dir().join(format!("virt-bridge-nwfilter-{}", std::process::id()));
        let write = |file: &str, text: &str| {
            let file = root.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        let filter = |name: &str, body: &str| {
            write(&format!("etc/libvirt/nwfilter/{name}.xml"), &format!("<filter name='{name}'>{body}</filter>"));
        };
        filter("mac", "<rule action='drop'><mac match='no'/></rule>");
        filter("tcp", "<filterref filter='tcp'/><rule action='accept'><tcp dstportstart='22'/></rule>");
        filter("both", "<filterref filter='mac'/><filterref filter='tcp'/><rule><udp-ipv6/></rule>");
        write("etc/libvirt/qemu/networks/lan.xml", "<network><bridge name='br0'/></network>");
        let interface = |source: &str, filter: &str| {
            format!("<interface type='x'><source {source}/><filterref filter='{filter}'/></interface>")
        };
        let domain = |interfaces: String| format!("<domain><devices>{interfaces}</devices></domain>");
        let web =
            [interface("bridge='br1'", "mac"), interface("network='lan'", "tcp"), interface("bridge='br2'", "both")];
        write("etc/libvirt/qemu/web.xml", &domain(web.concat()));
        write(
            "run/libvirt/qemu/db.xml",
            &format!("<domstatus>{}</domstatus>", domain(interface("network='x'", "tcp"))),
        );
        let found = filtered_interfaces(&root);
        let found: Vec<_> = found
            .iter()
            .map(|it| (it.domain.as_str(), it.bridge.as_deref(), it.needs_iptables, it.needs_ip6tables))
            .collect();
        let expected = [("db", None, true, false), ("web", Some("br2"), true, true), ("web", Some("br0"), true, false)];
        assert_eq!(found, expected);
        fs::remove_dir_all(&root).unwrap();
    }
}
