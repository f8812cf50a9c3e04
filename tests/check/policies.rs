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

/// What the doctor says of a firewall is what becomes of a guest's packets.
#[test]
fn a_firewall_is_judged_as_a_guests_packets_fare() {
    let lab = healthy();
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\n[netfilter]\npolicy = \"on\"\n");
    let guest = "virt-bridge netfilter apply
        ip netns add guest; ip link add vnet0 type veth peer name eth0 netns guest
        ip link set vnet0 master br0 up; ip -n guest link set eth0 up; ip -n guest address add 192.0.2.30/24 dev eth0";
    lab.host(["sh", "-ec", guest]);
    let ping = "ip netns exec guest ping -q -c1 -W1 192.0.2.20";
    lab.wait_until("the guest reaches the LAN", || lab.attempt(["sh", "-c", ping]).status.success());
    let forward = |policy: &str, rules: &str| {
        format!(
            "add table inet lab
            add chain inet lab other
            add chain inet lab input {{ type filter hook input priority 0; }}
            add rule inet lab input iifname br0 tcp dport 22 accept
            add chain inet lab forward {{ type filter hook forward priority 0; policy {policy}; }}\n{}",
            rules
                .split(';')
                .filter(|rule| !rule.is_empty())
                .map(|rule| format!("add rule inet lab forward {rule}\n"))
                .collect::<String>()
        )
    };
    let base = |family: &str, hook: &str, priority: i32| {
        let chain = format!("{{ type filter hook {hook} priority {priority}; policy drop; }}");
        format!("add table {family} lab\nadd chain {family} lab c {chain}\n")
    };
    for (ruleset, drops) in [
        (forward("accept", ""), false),
        // A rule for what comes to the host itself helps no guest.
        (forward("drop", ""), true),
        (forward("drop", "iifname br0 oifname br0 accept"), false),
        (forward("accept", "goto other; drop"), false),
        (forward("drop", "goto other; accept"), true),
        (forward("accept", "jump other; drop"), true),
        (forward("accept", "iifname != \"eth9\" drop"), true),
        (forward("accept", "iifname != \"br0\" drop"), false),
        (base("bridge", "prerouting", 0), true),
        (base("bridge", "postrouting", 0), true),
        (base("ip", "prerouting", -300), true),
    ] {
        lab.write("/run/lab/rules.nft", &ruleset);
        lab.host(["nft", "-f", "/run/lab/rules.nft"]);
        let is_dropped = !lab.attempt(["sh", "-c", ping]).status.success();
        let said = told(&lab.attempt(["virt-bridge", "check", "host-firewall"]));
        assert_eq!((said.contains("\nproblem  host-firewall"), is_dropped), (drops, drops), "{ruleset}: {said}");
        // The mend lets the packets pass; not every kernel knows a frame's bridge (CONFIG_NFT_BRIDGE_META).
        if drops && !ruleset.starts_with("add table bridge") {
            lab.host(["sh", "-ec", said.split("mend: ").nth(1).unwrap().lines().next().unwrap()]);
            assert!(lab.attempt(["sh", "-c", ping]).status.success(), "{ruleset}: {said}");
        }
        lab.host(["nft", "flush", "ruleset"]);
    }
}

#[test]
fn a_bridge_netfilter_that_somebody_turned_on() {
    let trap = "sysctl -q -w net.bridge.bridge-nf-call-iptables=1";
    falls_into(
        &healthy(),
        trap,
        "bridge-netfilter",
        PROBLEM,
        "otherwise than configured (bridge-nf-call-iptables 1 → 0)",
    );
}

#[test]
fn a_takeover_that_waits_for_its_confirmation() {
    let lab = healthy();
    lab.host(["virt-bridge", "undo", "br0"]);
    let trap = "virt-bridge up br0 --confirm 100s --detach";
    falls_into(&lab, trap, "takeover-unfinished", WARNING, "br0 goes back unless somebody confirms it");
}

#[test]
fn a_receipt_that_nobody_understands() {
    let sentence = "br0.json cannot be understood, so that undo does not know the way back";
    falls_into(&healthy(), "echo '{' >/run/virt-bridge/br0.json", "takeover-unfinished", PROBLEM, sentence);
}

#[test]
fn a_receipt_from_before_the_boot() {
    let trap = "jq '.time = 1' /run/virt-bridge/br0.json >/run/lab/old; cp /run/lab/old /run/virt-bridge/br0.json";
    falls_into(&healthy(), trap, "receipt-stale", WARNING, "older than the last boot");
}
