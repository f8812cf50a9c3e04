//! Bridges and what they do with packet filters, for tests.

use super::Lab;

/// A host without libvirt.
pub fn lab() -> Lab {
    Lab::start(["--no-libvirt", "--no-ra"])
}

/// What a script prints on the host, where all of it must succeed.
pub fn script(lab: &Lab, script: &str) -> String {
    lab.host(["bash", "-ec", script])
}

/// Makes a bridge.
pub fn make_bridge(lab: &Lab, name: &str) {
    lab.host(["ip", "link", "add", name, "type", "bridge"]);
}

/// The three sysctls as one word.
pub fn sysctls(lab: &Lab) -> String {
    script(lab, "cd /proc/sys/net/bridge; cat bridge-nf-call-{ip,ip6,arp}tables").split_whitespace().collect()
}

/// A bridge's three flags as one word.
pub fn flags(lab: &Lab, bridge: &str) -> String {
    let details = lab.host(["ip", "-d", "-j", "link", "show", bridge]);
    let json: serde_json::Value = serde_json::from_str(&details).unwrap();
    let data = &json[0]["linkinfo"]["info_data"];
    ["iptables", "ip6tables", "arptables"].map(|table| data[format!("nf_call_{table}")].to_string()).concat()
}
