//! The end state of a host, value by value.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::Lab;
use crate::support::bridges::script;

/// Values by their names.
pub type EndState = BTreeMap<String, String>;

/// Everything that the guide's steps decide, of a host with a guest `web` that has this MAC.
pub fn of(lab: &Lab, guest: &str) -> EndState {
    let mut state = EndState::new();
    links(lab, &mut state);
    addresses(lab, &mut state);
    routes(lab, &mut state);
    sysctls(lab, &mut state);
    files(lab, &mut state);
    libvirt(lab, &mut state);
    packets(lab, guest, &mut state);
    // The containers' veths are scenery: udevd gives them their MACs before or after their addresses.
    state.retain(|name, _| !name.contains("docker0-"));
    state
}

/// What `ip` or `bridge` shows as JSON; nothing is an empty list.
fn show(lab: &Lab, command: &str) -> Vec<Value> {
    let text = lab.host(command.split(' '));
    if text.trim().is_empty() { Vec::new() } else { serde_json::from_str(&text).unwrap() }
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => {
            let mut words: Vec<String> = values.iter().map(word).collect();
            words.sort();
            words.join(" ")
        }
        other => other.to_string(),
    }
}

/// Links with their flags, and all parameters of bridges and ports but what counts or runs.
fn links(lab: &Lab, state: &mut EndState) {
    const OF_A_LINK: [&str; 9] =
        ["address", "flags", "group", "linkmode", "master", "mtu", "operstate", "qdisc", "txqlen"];
    for link in show(lab, "ip -json -details link show") {
        let name = word(&link["ifname"]);
        for key in OF_A_LINK {
            state.insert(format!("link {name} {key}"), word(&link[key]));
        }
        let chosen = script(lab, &format!("cat /sys/class/net/{name}/addr_assign_type"));
        state.insert(format!("link {name} addr_assign_type"), chosen.trim().to_owned());
        for (kind, data) in [("bridge", "info_data"), ("port", "info_slave_data")] {
            if link["linkinfo"][format!("info_{}kind", if kind == "port" { "slave_" } else { "" })] != "bridge" {
                continue;
            }
            for (key, value) in link["linkinfo"][data].as_object().into_iter().flatten() {
                if !key.ends_with("_timer") && key != "topology_change_detected" {
                    state.insert(format!("{kind} {name} {key}"), word(value));
                }
            }
        }
    }
}

fn addresses(lab: &Lab, state: &mut EndState) {
    for link in show(lab, "ip -json address show") {
        for address in link["addr_info"].as_array().unwrap() {
            let mut address = address.as_object().unwrap().clone();
            let [family, local, length] =
                ["family", "local", "prefixlen"].map(|key| word(&address.remove(key).unwrap()));
            address.retain(|key, _| !key.ends_with("_life_time"));
            let rest: Vec<String> = address.iter().map(|(key, value)| format!("{key} {}", word(value))).collect();
            state.insert(format!("address {} {family} {local}/{length}", word(&link["ifname"])), rest.join(" "));
        }
    }
}

fn routes(lab: &Lab, state: &mut EndState) {
    for family in ["-4", "-6"] {
        for line in lab.host(["ip", family, "route", "show", "table", "all"]).lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let place = words.iter().position(|word| *word == "dev").unwrap();
            let rest = words[place + 2..].join(" ");
            state.insert(format!("route {family} {} dev {}", words[..place].join(" "), words[place + 1]), rest);
        }
    }
    for rule in [lab.host(["ip", "-4", "rule"]), lab.host(["ip", "-6", "rule"])].iter().flat_map(|text| text.lines()) {
        state.insert(format!("rule {rule}"), "there".into());
    }
}

fn sysctls(lab: &Lab, state: &mut EndState) {
    let mut wanted = vec!["net.ipv4.ip_forward".to_owned(), "net.ipv6.conf.all.forwarding".into()];
    wanted.extend(["ip", "ip6", "arp"].map(|table| format!("net.bridge.bridge-nf-call-{table}tables")));
    let of_links = "^net.ipv[46].conf.(br0|eth0|vnet0).";
    let shown = script(lab, &format!("sysctl -a -r '{of_links}' 2>/dev/null; sysctl {}", wanted.join(" ")));
    for (name, value) in shown.lines().filter_map(|line| line.split_once(" = ")) {
        state.insert(format!("sysctl {name}"), value.into());
    }
}

/// What lasts beyond a boot.
fn files(lab: &Lab, state: &mut EndState) {
    for file in ["/etc/network/interfaces", "/etc/sysctl.conf", "/etc/sysctl.d/bridge.conf", "/etc/virt-bridge.toml"] {
        let is_setting = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
        let settings: Vec<String> =
            lab.read(file).lines().filter(is_setting).map(|line| line.trim().to_owned()).collect();
        state.insert(format!("file {file}"), settings.join("; "));
    }
}

fn libvirt(lab: &Lab, state: &mut EndState) {
    for inactive in [&[][..], &["--inactive"]] {
        let xml = lab.virsh(["net-dumpxml", "bridge-network"].iter().chain(inactive));
        state.insert(format!("network XML {}", inactive.join("")).trim().into(), joined(&xml));
    }
    for (name, value) in lab.virsh(["net-info", "bridge-network"]).lines().filter_map(|line| line.split_once(':')) {
        state.insert(format!("network {name}"), value.trim().into());
    }
    let xml = lab.virsh(["dumpxml", "web"]);
    let from = xml.find("<interface").unwrap();
    let interface = joined(&xml[from..xml.find("</interface>").unwrap()]);
    // Its number is made up anew for every port.
    let (before, after) = interface.split_once("portid='").unwrap();
    state.insert("guest's interface".into(), format!("{before}{}", after.split_once("' ").unwrap().1));
}

fn joined(xml: &str) -> String {
    xml.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What arrives, on a host whose packet filters drop what is forwarded, as Docker sets it.
fn packets(lab: &Lab, guest: &str, state: &mut EndState) {
    let mut passes = |name: &str, command: &str| {
        // What hosts knew of each other before lasts for a while; then they have to ask.
        script(lab, "ip neighbour flush all; router ip neighbour flush all");
        let arrived = lab.attempt(command.split(' ')).status.success();
        state.insert(format!("packets {name}"), if arrived { "pass" } else { "lost" }.into());
    };
    passes("IPv4 from the host", "ping -c1 -W2 192.0.2.1");
    passes("IPv4 to the host", "router ping -c1 -W2 192.0.2.10");
    passes("IPv6 from the host", "ping -c1 -W2 2001:db8:0:1::1");
    passes("IPv6 to the host", "router ping -c1 -W2 2001:db8:0:1::10");
    // Its firmware asks again when it starts anew, and only the answer makes a lease.
    script(lab, "truncate --size 0 /run/lab/leases; virsh reset web");
    passes("of the guest, both ways", &format!("lan-dhcp lease {guest}"));
    let containers = lab.host(["joined", "passes", "docker0"]);
    state.insert("packets between containers".into(), containers.trim().into());
}
