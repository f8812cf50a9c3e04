//! Why Kubernetes wants bridge-nf-call-iptables = 1: a pod speaks to a service that a pod on the same node serves. The
//! question is routed, and translated on its way; the answer goes straight across `cni0`, and only where that bridge is
//! filtered does it meet the connection's translation back.

mod support;

use support::Lab;
use support::bridges::{flags, lab, script, sysctls};

const GUESTS_PASS: &str = "arp< arp> ipv4< ipv4> ipv6< ipv6>";

/// A node as kubelet, a CNI plugin and kube-proxy leave it: two pods on `cni0`, the service 192.0.2.99:80 translated to
/// port 8080 of pod b, everything else that is forwarded dropped; beside them two guests on `br0`.
fn node() -> Lab {
    let lab = lab();
    lab.host(["joined", "make", "br0"]);
    script(
        &lab,
        "ip link add cni0 type bridge forward_delay 0; ip address add 203.0.113.1/24 dev cni0; ip link set cni0 up
         for pod in a:2 b:3; do
             ip netns add pod-${pod%:*}
             ip link add veth-${pod%:*} type veth peer name eth0 netns pod-${pod%:*}
             ip link set veth-${pod%:*} master cni0 up
             ip -n pod-${pod%:*} link set lo up
             ip -n pod-${pod%:*} link set eth0 up
             ip -n pod-${pod%:*} address add 203.0.113.${pod#*:}/24 dev eth0
             ip -n pod-${pod%:*} route add default via 203.0.113.1
         done
         sysctl -q net.ipv4.ip_forward=1
         iptables -t nat -A PREROUTING -d 192.0.2.99 -p tcp --dport 80 -j DNAT --to-destination 203.0.113.3:8080
         iptables -A FORWARD -s 203.0.113.0/24 -j ACCEPT
         iptables -A FORWARD -d 203.0.113.0/24 -j ACCEPT
         iptables -P FORWARD DROP
         ip6tables -P FORWARD DROP
         mkdir /run/pod-b; echo 'pod b' >/run/pod-b/index.html
         ip netns exec pod-b python3 -m http.server 8080 --directory /run/pod-b &>/run/pod-b.log &",
    );
    lab.wait_until("pod b serves its own address", || ask(&lab, "pod-b", "203.0.113.3:8080") == "pod b");
    lab
}

/// What the server at this address answers to a question from this namespace; nothing where no answer arrives.
fn ask(lab: &Lab, namespace: &str, server: &str) -> String {
    let question = format!(
        "import urllib.request; print(urllib.request.urlopen('http://{server}/', timeout=2).read().decode(), end='')"
    );
    let output = lab.attempt(["ip", "netns", "exec", namespace, "python3", "-c", &question]);
    support::text(&output.stdout).trim().to_owned()
}

#[test]
fn a_service_of_a_pod_on_the_same_node_answers_while_guests_pass_unfiltered() {
    let lab = node();
    lab.host(["virt-bridge", "netfilter", "apply"]);
    assert_eq!([sysctls(&lab), flags(&lab, "cni0"), flags(&lab, "br0")], ["000", "111", "000"]);
    assert_eq!(ask(&lab, "pod-a", "192.0.2.99:80"), "pod b");
    assert_eq!(lab.host(["joined", "passes", "br0"]).trim(), GUESTS_PASS);
}

#[test]
fn with_all_flags_0_the_answer_is_lost_and_with_the_sysctl_1_the_guests_are_cut_off() {
    let lab = node();
    assert_eq!(sysctls(&lab), "111", "as kubelet sets it");
    assert_eq!(ask(&lab, "pod-a", "192.0.2.99:80"), "pod b");
    assert_eq!(lab.host(["joined", "passes", "br0"]).trim(), "arp< arp>");

    lab.write("/etc/virt-bridge.toml", "netfilter.policy = 'off'");
    lab.host(["virt-bridge", "netfilter", "apply"]);
    assert_eq!([sysctls(&lab), flags(&lab, "cni0"), flags(&lab, "br0")], ["000", "000", "000"]);
    assert_eq!(ask(&lab, "pod-a", "203.0.113.3:8080"), "pod b", "the pods do reach each other");
    let seen =
        "ip netns exec pod-a timeout 10 tcpdump --immediate-mode -lnni eth0 -c1 'tcp and src 203.0.113.3' 2>/dev/null";
    let sniffer = lab.command(["sh", "-c", seen]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    lab.wait_until("tcpdump listens", || {
        !script(&lab, "ip netns exec pod-a ss -0 -l -n | grep -c p_raw || true").trim().starts_with('0')
    });
    assert_eq!(ask(&lab, "pod-a", "192.0.2.99:80"), "");
    let answer = support::text(&sniffer.wait_with_output().unwrap().stdout);
    assert!(answer.contains("203.0.113.3.8080 > 203.0.113.2."), "the answer as it comes, untranslated: {answer:?}");
    assert_eq!(lab.host(["joined", "passes", "br0"]).trim(), GUESTS_PASS);
}
