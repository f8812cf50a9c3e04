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

/// What libvirtd does when it starts a network on `br0`.
pub const HOOK: &str = "echo \"<hookData><network><name>lan</name><forward mode='bridge'/><bridge name='br0'/></network>\
    </hookData>\" | /etc/libvirt/hooks/network lan start begin -";

/// How many system calls such a call takes, and which.
pub fn hook_calls(lab: &Lab) -> (usize, String) {
    // fcntl is what std's own debug build asks of every descriptor.
    script(lab, &HOOK.replace("/etc/libvirt", "strace -f -e '!fcntl' -o /run/calls /etc/libvirt"));
    let trace = lab.read("/run/calls");
    let is_call = |line: &&str| !line.contains(" +++ ") && !line.contains(" --- ") && !line.contains(" resumed>");
    (trace.lines().filter(is_call).count(), trace)
}
