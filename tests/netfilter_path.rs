//! Bridge netfilter in the data path: two guests on one bridge, two containers on another, and a host whose packet
//! filters drop what is forwarded, as Docker sets it. Each case is first shown as it is without virt-bridge.

mod support;

use support::Lab;

const ALL: &str = "arp< arp> ipv4< ipv4> ipv6< ipv6>";
const NOTHING: &str = "";

/// `br0` joins two guests, `docker0` two containers; nothing has touched the kernel's defaults.
fn lab() -> Lab {
    let lab = Lab::start(["--no-libvirt", "--no-ra"]);
    lab.host(["joined", "make", "br0"]);
    lab.host(["joined", "make", "docker0"]);
    for filter in ["iptables", "ip6tables"] {
        lab.host([filter, "-P", "FORWARD", "DROP"]);
    }
    // nftables, and so arptables-nft, has no forward hook for ARP (nft_chain_filter_arp in nft_chain_filter.c).
    lab.host(["arptables-legacy", "-P", "FORWARD", "DROP"]);
    lab
}

/// What passes on `br0` and on `docker0`.
fn passing(lab: &Lab) -> [String; 2] {
    ["br0", "docker0"].map(|bridge| lab.host(["joined", "passes", bridge]).trim().to_owned())
}

fn apply(lab: &Lab, policy: &str) {
    lab.write("/etc/virt-bridge.toml", &format!("netfilter.policy = '{policy}'"));
    lab.host(["virt-bridge", "netfilter", "apply"]);
}

/// What administrators write into sysctl.d.
fn sysctls_off(lab: &Lab) {
    for table in ["iptables", "ip6tables", "arptables"] {
        lab.host(["sysctl", "-q", &format!("net.bridge.bridge-nf-call-{table}=0")]);
    }
}

#[test]
fn with_policy_containers_guests_pass_and_containers_are_filtered() {
    let lab = lab();
    assert_eq!(passing(&lab), [NOTHING, NOTHING], "the kernel's default cuts guests off");
    apply(&lab, "containers");
    assert_eq!(passing(&lab), [ALL, NOTHING]);

    // Containers pass again where the host's filters let them.
    for filter in ["iptables", "ip6tables"] {
        lab.host([filter, "-A", "FORWARD", "-i", "docker0", "-o", "docker0", "-j", "ACCEPT"]);
    }
    assert_eq!(passing(&lab), [ALL, "ipv4< ipv4> ipv6< ipv6>"]);
}

#[test]
fn with_the_sysctls_off_by_hand_containers_are_not_filtered_until_policy_containers_is_applied() {
    let lab = lab();
    sysctls_off(&lab);
    assert_eq!(passing(&lab), [ALL, ALL], "sysctls alone give the containers' isolation away");
    apply(&lab, "containers");
    assert_eq!(passing(&lab), [ALL, NOTHING]);
}

#[test]
fn with_policy_off_nothing_is_filtered() {
    let lab = lab();
    assert_eq!(passing(&lab), [NOTHING, NOTHING]);
    apply(&lab, "off");
    assert_eq!(passing(&lab), [ALL, ALL]);
}

#[test]
fn with_policy_on_guests_are_filtered_too() {
    let lab = lab();
    sysctls_off(&lab);
    assert_eq!(passing(&lab), [ALL, ALL]);
    apply(&lab, "on");
    assert_eq!(passing(&lab), [NOTHING, NOTHING]);
}

#[test]
fn a_key_of_one_bridge_decides_for_its_packets() {
    let lab = lab();
    let settings = "netfilter.policy = 'on'\n[bridge.br0]\nnf-call-iptables = false\nnf-call-arptables = false";
    lab.write("/etc/virt-bridge.toml", settings);
    assert_eq!(passing(&lab), [NOTHING, NOTHING]);
    lab.host(["virt-bridge", "netfilter", "apply"]);
    assert_eq!(passing(&lab), ["arp< arp> ipv4< ipv4>", NOTHING]);
}
