//! A host whose eth0 networkd has configured.

use crate::support::Lab;

pub const UP: [&str; 6] = ["virt-bridge", "up", "br0", "--uplink", "eth0", "--persist"];

pub const STATIC: &str = "# the LAN
[Match]
Name=eth0

[Network]
IPv6AcceptRA=no
Address=192.0.2.10/24
Address=2001:db8:0:1::10/64
Gateway=192.0.2.1
Gateway=2001:db8:0:1::1

[Route]
Destination=198.51.100.0/24
Gateway=192.0.2.254
";

pub const LEASED: &str = "[Match]\nName=eth0\n\n[Network]\nDHCP=ipv4\n";

/// No file of networkd's or netplan's.
pub const NO_FILES: &str =
    "rm -rf /etc/systemd/network /etc/netplan; mkdir /etc/systemd/network /etc/netplan; rm -f /etc/machine-id
    echo 0123456789abcdef0123456789abcdef >/etc/machine-id";

/// What systemd does before it starts networkd.
pub const GENERATE: &str =
    "! ls /etc/netplan/*.yaml >/dev/null 2>&1 || { chmod 600 /etc/netplan/*; netplan generate; }";

/// A host whose eth0 networkd has configured by this file.
pub fn configured(lab: Lab, network: &str) -> Lab {
    configured_by(lab, "/etc/systemd/network/20-wired.network", network)
}

pub fn configured_by(lab: Lab, file: &str, text: &str) -> Lab {
    lab.host(["bash", "-ec", NO_FILES]);
    lab.host(["bash", "-ec", "ip address flush dev eth0; ip link set eth0 down"]);
    lab.write(file, text);
    lab.host(["bash", "-ec", GENERATE]);
    lab.host(["networkd", "start"]);
    settle(&lab, "eth0");
    lab
}

/// The host, once it has its lease: networkd is content with a link that has an advertised address before.
pub fn with_lease(lab: Lab) -> Lab {
    lab.wait_until("eth0 has a lease", || state(&lab).contains("eth0 inet 192.0.2.1"));
    settle(&lab, "eth0");
    lab
}

/// Waits until networkd is content with the link, and the kernel with its addresses.
pub fn settle(lab: &Lab, link: &str) {
    let is_configured = || {
        let listed = lab.host(["networkctl", "--no-legend", "list"]);
        listed.lines().any(|line| line.contains(&format!(" {link} ")) && line.contains(" configured"))
            && !listed.contains("configuring")
            && lab.host(["ip", "-6", "address", "show", "tentative"]).is_empty()
    };
    lab.wait_until("networkd has configured the link", is_configured);
}

/// What a boot leaves of the network: the NIC, down, and nothing in /run.
pub fn boot(lab: &Lab, link: &str) {
    lab.host(["networkd", "end"]);
    let gone =
        "ip link delete br0; ip link set eth0 down; ip address flush dev eth0; ip link set eth0 addrgenmode eui64
        rm -rf /run/systemd /run/virt-bridge";
    lab.host(["bash", "-ec", gone]);
    lab.host(["bash", "-ec", GENERATE]);
    lab.host(["networkd", "start"]);
    settle(lab, link);
}

/// Addresses, routes and MAC, what is port of what, and how networkd finds it. A lease that networkd keeps has no end, and
/// its prefix route no metric, until the next boot.
pub fn state(lab: &Lab) -> String {
    let script = "ip -o address show scope global | awk '{print $2, $3, $4}' | sort
        ip route | sed 's/\\(proto kernel .*\\) metric [0-9]*/\\1/' | sort
        ip -6 route | grep -v fe80::/64 | sed 's/ expires [^ ]*//' | sort
        ip -j -d link show type bridge | jq -c '.[] | [.ifname, .address, .mtu, .operstate]'
        ip -j -d link show type bridge | jq -c '.[].linkinfo.info_data | [.stp_state, .forward_delay]'
        ip -j link show type veth | jq -c '.[] | [.ifname, .address, .mtu, .operstate, .master]'
        networkctl --no-legend list | awk '{print $2, $3, $4, $5}'";
    lab.host(["bash", "-ec", script])
}

/// The lease as the server has it: MAC, address, name and client identifier.
pub fn lease(lab: &Lab) -> String {
    lab.leases().concat()
}

pub fn files(lab: &Lab) -> String {
    lab.host([
        "bash",
        "-c",
        "cd /etc; find systemd/network netplan -exec stat -c '%n %a %U' {} + -type f -exec sha256sum {} +",
    ])
}

/// Every address that was taken from a link since the watch began.
pub fn watch(lab: &Lab) {
    lab.host(["bash", "-c", "ip -o monitor address route >/run/lab/monitor 2>&1 </dev/null & disown"]);
}
