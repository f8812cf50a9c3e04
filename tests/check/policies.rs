//! Settings of the whole host, and what takeovers have left.

use super::*;

#[test]
fn forwarding_that_somebody_turned_off() {
    let lab = healthy();
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\n[host]\nip-forward = true\n");
    lab.host(["virt-bridge", "host", "apply"]);
    assert_quiet(&lab);
    let trap = "mkdir -p /etc/sysctl.d; echo net.ipv4.ip_forward=0 >/etc/sysctl.d/router.conf
        sysctl -q -p /etc/sysctl.d/router.conf";
    falls_into(&lab, trap, "ip-forwarding", WARNING, "/etc/sysctl.d/router.conf:1");
}

#[test]
fn a_firewall_that_drops_what_guests_send() {
    let lab = healthy();
    let policy = "printf '[bridge.br0]\\nuplink = \"eth0\"\\n[netfilter]\\npolicy = \"on\"\\n' >/etc/virt-bridge.toml
        virt-bridge netfilter apply; iptables -P FORWARD DROP";
    falls_into(&lab, policy, "host-firewall", PROBLEM, "drops what guests send through br0");
    // What is not met drops nothing.
    lab.host(["iptables", "-F", "FORWARD"]);
    finding(&lab, "host-firewall", PROBLEM);
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\n");
    lab.host(["virt-bridge", "netfilter", "apply"]);
    assert_quiet(&lab);
}

#[test]
fn a_bridge_netfilter_that_somebody_turned_on() {
    let trap = "sysctl -q -w net.bridge.bridge-nf-call-iptables=1";
    falls_into(&healthy(), trap, "bridge-netfilter", PROBLEM, "somebody has changed bridge netfilter");
}

#[test]
fn a_takeover_that_waits_for_its_confirmation() {
    let lab = healthy();
    lab.host(["virt-bridge", "undo", "br0"]);
    let trap = "virt-bridge up br0 --confirm 100s --detach";
    falls_into(&lab, trap, "takeover-unfinished", WARNING, "br0 goes back unless somebody confirms it");
}

#[test]
fn a_receipt_from_before_the_boot() {
    let trap = "jq '.time = 1' /run/virt-bridge/br0.json >/run/lab/old; cp /run/lab/old /run/virt-bridge/br0.json";
    falls_into(&healthy(), trap, "receipt-stale", WARNING, "older than the last boot");
}
