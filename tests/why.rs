//! Why a guest is offline: breakages made on purpose in the way of a real guest of a real libvirtd, each named with its
//! hop, and mended as `why` says.

mod support;

use std::process::Output;

use serde_json::Value;
use support::domains::{define, domain, is_online, on_network, online, online_with_ipv6};
use support::{Lab, told};

const MAC: &str = "52:54:00:00:00:30";

/// The only finding in the way of a guest that is offline.
fn finding(lab: &Lab, guest: &str, hop: &str) -> Value {
    finding_in(&lab.attempt(["virt-bridge", "why", guest, "--json"]), hop)
}

fn finding_in(output: &Output, hop: &str) -> Value {
    assert_eq!(output.status.code(), Some(2), "{hop}: {}", told(output));
    let walks: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(walks[0]["broken"], hop, "{}", told(output));
    let hops = walks[0]["hops"].as_array().unwrap();
    let findings: Vec<&Value> = hops.iter().flat_map(|hop| hop["findings"].as_array().unwrap()).collect();
    assert_eq!(findings.len(), 1, "{}", told(output));
    findings[0].clone()
}

fn says(finding: &Value, sentence: &str, owner: &str) {
    assert!(finding["sentence"].as_str().unwrap().contains(sentence), "{sentence} is not in {finding}");
    assert!(finding["owner"].as_str().unwrap().contains(owner), "{owner} is not in {finding}");
}

fn is_named_and_its_mend_run(lab: &Lab, breakage: &str, hop: &str, sentence: &str, owner: &str) {
    lab.host(["sh", "-ec", breakage]);
    let finding = finding(lab, "web", hop);
    says(&finding, sentence, owner);
    lab.host(["sh", "-ec", finding["mend"].as_str().unwrap()]);
}

/// Breaks the way of `web`, lets it be named, and mends it as it is said.
fn is_named_and_mended(lab: &Lab, breakage: &str, hop: &str, sentence: &str, owner: &str) {
    is_named_and_its_mend_run(lab, breakage, hop, sentence, owner);
    lab.wait_until(&format!("the guest is online again after: {breakage}"), || is_online(lab, "web"));
}

#[test]
fn what_is_broken_at_the_guest_its_tap_and_its_router_is_named_and_mended() {
    let lab = online();
    let text = lab.host(["virt-bridge", "why", "web"]);
    assert!(text.lines().skip(1).all(|line| line.starts_with("ok ")) && text.lines().count() == 6, "{text}");
    for (breakage, hop, sentence, owner) in [
        // While libvirt still knows that it came by a network: a change of the cable makes it forget (libvirt 9.0).
        ("ip link set vnet0 nomaster", "tap", "vnet0 has fallen off br0", "whoever"),
        ("virsh suspend web", "guest", "web is paused", "starts and stops"),
        (
            "virsh domif-setlink web vnet0 down",
            "guest",
            "the cable of 52:54:00:00:00:30 is pulled",
            "the definition of web",
        ),
        ("ip link set vnet0 down", "tap", "vnet0 is down", "libvirt does not set it so"),
        (
            "ip link add other type bridge; ip link set other up; ip link set vnet0 master other",
            "tap",
            "vnet0 is a port of other, and should be one of br0",
            "libvirt does not set it so",
        ),
        ("bridge link set dev vnet0 state 2", "tap", "br0 keeps vnet0 learning", "libvirt does not set it so"),
        ("bridge link set dev vnet0 bcast_flood off", "tap", "no ARP question passes", "libvirt does not set it so"),
    ] {
        is_named_and_mended(&lab, breakage, hop, sentence, owner);
    }
    lab.router(["ip", "link", "set", "lan", "down"]);
    let output = lab.attempt(["virt-bridge", "why", "web"]);
    let text = told(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(
        text.contains("192.0.2.1 does not answer by br0") && text.contains("its way ends at the gateway"),
        "{text}"
    );
}

/// What `why` hears when the guest's firmware asks anew.
fn listen(lab: &Lab) -> Output {
    lab.virsh(["reset", "web"]);
    lab.attempt(["virt-bridge", "why", "web", "--listen", "60s", "--json"])
}

/// What is lost, and where: the side, the chain at a device of it, and a rule that fits; and the hop and the sentence by
/// which `why` names that.
type Loss<'a> = (&'a [&'a str], &'a str, &'a str, &'a str, &'a str);

/// Each is named while it is there, and without them the guest is online again.
fn are_named(lab: &Lab, losses: &[Loss]) {
    for (side, chain, rule, hop, sentence) in losses {
        let table =
            format!("add table netdev mine; add chain netdev mine way {{ type filter hook {chain} priority 0; }}");
        lab.host([*side, &["nft", &format!("{table}; add rule netdev mine way {rule} drop")]].concat());
        says(&finding_in(&listen(lab), hop), sentence, "");
        lab.host([*side, &["nft", "delete table netdev mine"]].concat());
    }
    lab.virsh(["reset", "web"]);
    lab.wait_until("the guest is online again", || is_online(lab, "web"));
}

const HOST: &[&str] = &[];
const SWITCH: &[&str] = &["switch"];

/// Nothing that is known of the host explains these.
#[test]
fn what_the_guest_asks_for_tells_where_its_way_ends() {
    let lab = online();
    let mac = format!("ether saddr {MAC}");
    let arp = format!("{mac} ether type arp");
    let losses = [
        (
            HOST,
            "egress device eth0",
            "udp dport 67",
            "bridge",
            "the question of web comes into br0 by vnet0, but not out of it by eth0",
        ),
        (
            HOST,
            "egress device vnet0",
            "udp sport 67",
            "bridge",
            "the answer to web comes into br0 by eth0, but not out of it by vnet0",
        ),
        (SWITCH, "ingress device host", &mac, "gateway", "web asks for an address by DHCP, and no server answers"),
        (SWITCH, "ingress device host", &arp, "gateway", "192.0.2.1 answers this host, but not web"),
    ];
    are_named(&lab, &losses);
}

/// As of a guest that was somewhere else before, or whose address somebody has set.
#[test]
fn an_address_of_another_network_is_named() {
    let lab = online();
    lab.router(["ip", "address", "add", "198.51.100.1/24", "dev", "lan"]);
    lab.router(["sh", "-ec", "kill $(cat /run/lab/dhcp.pid); rm /run/lab/leases"]);
    let host = format!("--dhcp-host={MAC},198.51.100.50");
    // Where it is to boot from is nobody.
    lab.serve_dhcp(&["--dhcp-range=198.51.100.50,198.51.100.60,2m", &host, "--dhcp-boot=nothing,other,198.51.100.77"]);
    lab.virsh(["reset", "web"]);
    let output = lab.attempt(["virt-bridge", "why", "web", "--listen", "60s"]);
    let sentence = "web uses 198.51.100.50 and looks in vain for 198.51.100.77, while br0 is in 192.0.2.0/24";
    assert!(output.status.code() == Some(1) && told(&output).contains(sentence), "{}", told(&output));
}

#[test]
fn a_router_of_ipv6_that_reaches_the_host_alone_is_named() {
    let lab = online_with_ipv6();
    let advertisement = "icmpv6 type nd-router-advert";
    let (answer, silence) = (
        "the answer to web comes into br0 by eth0, but not out of it by vnet0",
        "a router advertises itself to this host, but does not answer web",
    );
    let losses = [
        (HOST, "egress device vnet0", advertisement, "bridge", answer),
        (SWITCH, "egress device host", advertisement, "gateway", silence),
    ];
    are_named(&lab, &losses);
}

/// A bridge that does not learn, or a rule that drops what it would learn from; what was learnt before is forgotten.
#[test]
fn what_keeps_the_bridge_from_knowing_the_guest_is_named_and_taken_away() {
    let lab = online();
    for (chain, table, rule) in [
        ("type filter hook prerouting priority 0", "bridge", "iifname vnet0 counter drop"),
        ("type filter hook prerouting priority 0", "bridge", "ether saddr 52:54:00:00:00:30 drop"),
        ("type filter hook ingress device vnet0 priority 0", "netdev", "counter drop"),
    ] {
        let made = format!(
            "nft 'add table {table} mine; add chain {table} mine first {{ {chain}; }}; add rule {table} mine first {rule}'"
        );
        let sentence = format!("a rule in chain first of table {table} mine drops frames of web at vnet0");
        unlearnt(&lab, &made, &sentence, &format!("whoever has made chain first of table {table} mine"));
        // Nor does one of another guest count, nor one at its tap that lets pass.
        let verdict = if table == "bridge" { "drop" } else { "accept" };
        lab.host(["nft", &format!("add rule {table} mine first ether saddr 52:54:00:00:00:31 {verdict}")]);
        assert!(!told(&lab.attempt(["virt-bridge", "why", "web"])).contains("a rule in"));
        lab.host(["nft", "delete", "table", table, "mine"]);
    }
    let made = "bridge link set dev vnet0 learning off flood off";
    unlearnt(&lab, made, "br0 does not know that 52:54:00:00:00:30 is behind vnet0", "macTableManager");
}

/// As `is_named_and_mended`, but for a guest that speaks too seldom to be waited for.
fn unlearnt(lab: &Lab, breakage: &str, sentence: &str, owner: &str) {
    let breakage = format!("{breakage}; ip link set vnet0 type bridge_slave fdb_flush");
    is_named_and_its_mend_run(lab, &breakage, "tap", sentence, owner);
    let afterwards = told(&lab.attempt(["virt-bridge", "why", "web"]));
    assert!(!afterwards.contains(sentence), "{afterwards}");
}

#[test]
fn what_is_broken_at_the_bridge_and_its_uplink_is_named_and_mended() {
    let lab = online();
    for (breakage, hop, sentence, owner) in [
        ("ip link set br0 down", "bridge", "br0 is down", "administrator"),
        (
            "bridge link set dev vnet0 isolated on; bridge link set dev eth0 isolated on",
            "bridge",
            "vnet0 and eth0 are both isolated",
            "whoever has isolated eth0",
        ),
        ("ip link set eth0 nomaster", "uplink", "eth0 is not a port of br0", "whoever has taken it out"),
        ("ip link set eth0 down", "uplink", "eth0 is down", "an administrator"),
        ("bridge link set dev eth0 state 1", "uplink", "br0 keeps eth0 listening", "an administrator"),
        (
            "sysctl -q net.bridge.bridge-nf-call-iptables=1; iptables -N DOCKER-USER; iptables -P FORWARD DROP",
            "bridge",
            "chain FORWARD of table ip filter drops what passes br0, which bridge netfilter makes pass it",
            "Docker; bridge netfilter was turned on by the module",
        ),
    ] {
        is_named_and_mended(&lab, breakage, hop, sentence, owner);
    }
    // Where the policy wants it so, the firewall itself has to let the bridge's packets pass.
    let wanted = "printf '[bridge.br0]\\nuplink = \"eth0\"\\n[netfilter]\\npolicy = \"on\"\\n' >/etc/virt-bridge.toml
        virt-bridge netfilter apply; ip6tables -P FORWARD DROP; iptables -P FORWARD ACCEPT";
    is_named_and_mended(
        &lab,
        wanted,
        "bridge",
        "chain FORWARD of table ip6 filter drops what passes br0",
        "administrator",
    );
    // Its mend names the bridge, which not every kernel's nftables can (CONFIG_NFT_BRIDGE_META).
    let filter = "nft 'add table bridge mine; add chain bridge mine passing { type filter hook forward priority 0; }
        add rule bridge mine passing counter drop'";
    lab.host(["sh", "-ec", filter]);
    says(
        &finding(&lab, "web", "bridge"),
        "chain passing of table bridge mine drops what passes br0",
        "an administrator",
    );
    lab.host(["nft", "delete", "table", "bridge", "mine"]);
    lab.host(["switch", "ip", "link", "set", "host", "down"]);
    says(&finding(&lab, "web", "uplink"), "eth0 has no carrier", "cable");
    lab.host(["switch", "ip", "link", "set", "host", "up"]);
    lab.wait_until("the guest is online again", || is_online(&lab, "web"));
}

#[test]
fn what_is_broken_in_a_definition_is_named() {
    let lab = online();
    // Legacy iptables is looked at as well.
    lab.host(["sh", "-ec", "sysctl -q net.bridge.bridge-nf-call-iptables=1; iptables-legacy -P FORWARD DROP"]);
    says(&finding(&lab, "web", "bridge"), "ip filter (legacy iptables) drops what passes br0", "an administrator");
    lab.host(["virt-bridge", "netfilter", "apply"]);

    lab.write("/run/lab/filter.xml", "<filter name='nothing'><rule action='drop' direction='inout'/></filter>");
    lab.virsh(["nwfilter-define", "/run/lab/filter.xml"]);
    let interface = on_network("bridge-network", "52:54:00:00:00:31");
    define(&lab, &domain("db", &interface.replace("<model", "<filterref filter='nothing'/><model")));
    says(&finding(&lab, "db", "guest"), "db is shut off", "");
    lab.virsh(["start", "db"]);
    let sent = || lab.read("/sys/class/net/vnet1/statistics/rx_packets").trim().parse::<u64>().unwrap_or(0);
    lab.wait_until("its guest has sent something", || sent() > 0);
    says(&finding(&lab, "db", "tap"), "the filter nothing has let none into the bridge", "in the definition of db");
    lab.virsh(["destroy", "db"]);

    define(&lab, &domain("twin", &on_network("bridge-network", MAC)));
    lab.virsh(["start", "twin"]);
    let text = told(&lab.attempt(["virt-bridge", "why", "twin"]));
    assert!(text.contains("52:54:00:00:00:30 is the MAC of guest web as well"), "{text}");
    lab.virsh(["destroy", "twin"]);
    // Whoever has spoken last has the MAC.
    lab.virsh(["suspend", "web"]);
    lab.peer(["ip", "link", "set", "lan", "address", MAC]);
    lab.peer(["ping", "-c1", "-W5", "192.0.2.10"]);
    let text = told(&lab.attempt(["virt-bridge", "why", "web"]));
    assert!(text.contains("52:54:00:00:00:30 is the MAC of a machine behind eth0 as well"), "{text}");

    define_nat(&lab);
    let second = "<interface type='user'><mac address='52:54:00:00:00:33'/></interface>";
    define(&lab, &domain("nat", &(on_network("nat", "52:54:00:00:00:32") + second)));
    lab.virsh(["start", "nat"]);
    let text = told(&lab.attempt(["virt-bridge", "why", "nat"]));
    assert!(text.contains("warning  guest     nat is on network nat (nat), behind this host"), "{text}");
    assert!(text.contains("52:54:00:00:00:33\nwarning  guest     an interface of type user is on no bridge"), "{text}");
    let unknown = lab.attempt(["virt-bridge", "why", "wep"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(told(&unknown).contains("there is no domain wep\nhint: did you mean web?"), "{}", told(&unknown));
}

fn define_nat(lab: &Lab) {
    let xml = "<network><name>nat</name><forward mode='nat'/><bridge name='virbr7'/>
        <ip address='198.51.100.1' netmask='255.255.255.0'/></network>";
    lab.write("/run/lab/nat.xml", xml);
    lab.virsh(["net-define", "/run/lab/nat.xml"]);
    lab.virsh(["net-start", "nat"]);
}
