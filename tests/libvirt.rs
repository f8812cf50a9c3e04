//! The network hook as a real libvirtd calls it.

mod support;

use support::{Lab, told};

/// The definition of the last network.
const XML: &str = "/run/lab/network.xml";

const STATIC_ADDRESSES: [&str; 2] = ["192.0.2.10/24", "2001:db8:0:1::10/64"];

fn configure(lab: &Lab, settings: &str) {
    lab.write("/etc/virt-bridge.toml", &format!("[bridge.br0]\nuplink = \"eth0\"\n{settings}\n"));
}

/// Defines a network of the hook's kind, on `br0`.
fn define(lab: &Lab, name: &str) {
    let xml = format!("<network><name>{name}</name><forward mode='bridge'/><bridge name='br0'/></network>");
    lab.write(XML, &xml);
    lab.virsh(["net-define", XML]);
}

/// A lab whose host has the hook, `settings` for `br0`, and a defined network `lan`.
fn lab_with_network(settings: &str) -> Lab {
    let lab = Lab::start([]);
    configure(&lab, settings);
    define(&lab, "lan");
    lab
}

fn is_active(lab: &Lab, network: &str) -> bool {
    lab.virsh(["net-list", "--name"]).lines().any(|line| line.trim() == network)
}

fn has_bridge(lab: &Lab) -> bool {
    lab.attempt(["ip", "link", "show", "br0"]).status.success()
}

fn addresses(lab: &Lab, link: &str) -> String {
    lab.host(["ip", "-brief", "address", "show", "dev", link])
}

fn assert_host_is_on_the_bridge(lab: &Lab) {
    let bridge = addresses(lab, "br0");
    for address in STATIC_ADDRESSES {
        assert!(bridge.contains(address), "br0 has no {address}: {bridge}");
    }
    assert!(lab.host(["ip", "link", "show", "master", "br0"]).contains("eth0"), "eth0 is no port of br0");
    for address in STATIC_ADDRESSES {
        let (address, _) = address.split_once('/').unwrap();
        lab.router(["ping", "-c1", "-W2", address]);
    }
}

fn takeovers(lab: &Lab) -> usize {
    lab.log().lines().filter(|line| line.contains("br0 has taken over")).count()
}

#[test]
fn a_network_starts_with_its_bridge_on_the_uplink() {
    let lab = lab_with_network("");
    lab.virsh(["net-start", "lan"]);
    assert!(is_active(&lab, "lan"));
    assert_host_is_on_the_bridge(&lab);
    let log = lab.log();
    assert!(log.contains("virt-bridge-network[") && log.contains("commit "), "{log}");
    assert_eq!(takeovers(&lab), 1, "{log}");
}

#[test]
fn an_autostarted_network_starts_with_the_daemon() {
    let lab = lab_with_network("");
    lab.virsh(["net-autostart", "lan"]);
    lab.host(["daemon", "stop"]);
    // As after a boot: libvirtd starts networks once for each life of this stamp.
    lab.host(["rm", "-f", "/run/libvirt/network/autostarted"]);
    lab.host(["daemon", "start"]);
    lab.wait_until("network lan is active", || is_active(&lab, "lan"));
    assert_host_is_on_the_bridge(&lab);
}

#[test]
fn a_restarted_daemon_changes_nothing() {
    let lab = lab_with_network("on-stop = \"remove\"");
    lab.virsh(["net-start", "lan"]);
    let before = lab.state();
    for end in ["stop", "kill"] {
        lab.host(["daemon", end]);
        lab.host(["daemon", "start"]);
        lab.wait_until("network lan is active again", || is_active(&lab, "lan"));
        assert_eq!(lab.state(), before, "after {end}");
    }
    assert_eq!(takeovers(&lab), 1);
}

#[test]
fn a_network_that_cannot_have_its_bridge_does_not_start_and_says_why() {
    let lab = lab_with_network("");
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth9\"\n");
    let before = lab.state();
    let said = lab.virsh_fails(["net-start", "lan"]);
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("virt-bridge: ")).collect();
    assert!(ours.len() == 1 && ours[0].contains("br0") && ours[0].contains("eth9"), "{said}");
    assert!(!is_active(&lab, "lan"));
    assert_eq!(lab.state(), before);
}

#[test]
fn a_broken_configuration_is_told_to_the_user_of_virsh() {
    let lab = lab_with_network("forward-delay = \"soon\"");
    let before = lab.state();
    let said = lab.virsh_fails(["net-start", "lan"]);
    assert!(said.contains("/etc/virt-bridge.toml") && said.contains("forward-delay"), "{said}");
    assert_eq!(lab.state(), before);
}

#[test]
fn the_default_network_is_none_of_the_hooks_business() {
    let lab = Lab::start([]);
    lab.write("/etc/virt-bridge.toml", "this is no configuration");
    lab.host(["mv", "/etc/libvirt/hooks/network", "/run/lab/hook"]);
    lab.write(
        "/etc/libvirt/hooks/network",
        "#!/bin/sh\nexec strace -qq -A -o /run/lab/trace -e trace=%file,socket,connect /run/lab/hook \"$@\"\n",
    );
    lab.host(["chmod", "+x", "/etc/libvirt/hooks/network"]);
    // libvirtd looks for hooks when it starts.
    lab.host(["daemon", "restart"]);
    lab.virsh(["net-start", "default"]);
    assert!(addresses(&lab, "virbr0").contains("192.168.122.1/24"));
    lab.virsh(["net-destroy", "default"]);
    let trace = lab.read("/run/lab/trace");
    let calls = trace.lines().filter(|line| line.starts_with("execve(")).count();
    assert_eq!(calls, 3, "start, started, stopped: {trace}");
    for ours in ["\"/etc/", "\"/run/virt-bridge", "socket("] {
        assert!(!trace.contains(ours), "{ours} in {trace}");
    }
    assert!(!lab.log().contains("virt-bridge"), "{}", lab.log());
}

#[test]
fn several_networks_share_a_bridge() {
    let lab = lab_with_network("");
    define(&lab, "dmz");
    lab.virsh(["net-start", "lan"]);
    let before = lab.state();
    lab.virsh(["net-start", "dmz"]);
    assert!(is_active(&lab, "lan") && is_active(&lab, "dmz"));
    assert_eq!(lab.state(), before);
}

#[test]
fn a_stopped_network_leaves_its_bridge_where_nothing_else_is_asked() {
    let lab = lab_with_network("");
    lab.virsh(["net-start", "lan"]);
    let before = lab.state();
    lab.virsh(["net-destroy", "lan"]);
    assert_eq!(lab.state(), before);
    assert_host_is_on_the_bridge(&lab);
}

#[test]
fn a_stopped_network_gives_the_uplink_back_where_that_is_asked() {
    // Not with advertised routes: what a moved one looks like until the next advertisement is the zoo's to hold.
    let lab = Lab::start(["--no-ra"]);
    configure(&lab, "on-stop = \"remove\"");
    define(&lab, "lan");
    let before = lab.state();
    lab.virsh(["net-start", "lan"]);
    assert_host_is_on_the_bridge(&lab);
    lab.virsh(["net-destroy", "lan"]);
    assert!(!has_bridge(&lab));
    lab.wait_until("the host is as before", || lab.state() == before);
}

#[test]
fn a_bridge_that_another_network_uses_stays() {
    let lab = lab_with_network("on-stop = \"remove\"");
    define(&lab, "dmz");
    lab.virsh(["net-start", "lan"]);
    lab.virsh(["net-start", "dmz"]);
    lab.virsh(["net-destroy", "lan"]);
    assert_host_is_on_the_bridge(&lab);
    assert!(lab.log().contains("br0 stays: network dmz"), "{}", lab.log());
    lab.virsh(["net-destroy", "dmz"]);
    assert!(!has_bridge(&lab));
}

#[test]
fn a_bridge_with_a_tap_stays() {
    let lab = lab_with_network("on-stop = \"remove\"");
    lab.virsh(["net-start", "lan"]);
    lab.host(["ip", "tuntap", "add", "tap0", "mode", "tap"]);
    lab.host(["ip", "link", "set", "tap0", "master", "br0"]);
    lab.virsh(["net-destroy", "lan"]);
    assert_host_is_on_the_bridge(&lab);
    assert!(lab.log().contains("tap0"), "{}", lab.log());
}

#[test]
fn what_a_guest_sends_is_seen_on_the_lan() {
    let lab = lab_with_network("");
    lab.virsh(["net-start", "lan"]);
    // The firmware asks for an address with broadcasts until it has one.
    let seen = "timeout 120 tcpdump --immediate-mode -lnei lan -c1 ether src 52:54:00:00:00:30 2>&1";
    let peer = lab.command(["peer", "sh", "-c", seen]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    lab.host(["guest", "g1", "lan"]);
    assert!(lab.host(["ip", "link", "show", "master", "br0"]).contains("vnet0"));
    let seen = peer.wait_with_output().unwrap();
    assert!(seen.status.success(), "nothing came from the guest: {}", told(&seen));
    lab.virsh(["destroy", "g1"]);
    assert_host_is_on_the_bridge(&lab);
}

#[test]
fn fifty_starts_and_ups_at_once_are_one_takeover() {
    let lab = lab_with_network("");
    let before = lab.host(["ip", "-json", "route"]).replace("eth0", "br0");
    lab.host(["bash", "-c", "for i in {1..50}; do sed s/lan/n$i/ $0 >$0.$i; echo net-define $0.$i; done | virsh", XML]);
    let all = r#"
        status=0
        for i in {1..50}; do
            virsh -q net-start n$i & jobs+=($!)
            virt-bridge up br0 & jobs+=($!)
        done
        for job in "${jobs[@]}"; do wait "$job" || status=1; done
        exit "$status""#;
    let output = lab.attempt(["timeout", "60", "bash", "-c", all]);
    assert!(output.status.success(), "{}", told(&output));
    let by_command = support::text(&output.stdout).lines().filter(|line| line.contains("br0 has taken over")).count();
    assert_eq!(by_command + takeovers(&lab), 1, "{}{}", told(&output), lab.log());
    assert_eq!(lab.virsh(["net-list", "--name"]).split_whitespace().count(), 50);
    assert_eq!(lab.host(["ip", "-json", "route"]), before);
    assert_host_is_on_the_bridge(&lab);
}

#[test]
fn links_in_both_places_act_once() {
    let lab = lab_with_network("");
    let main = "/etc/libvirt/hooks/network";
    let beside = "/etc/libvirt/hooks/network.d/50-virt-bridge";
    let program = lab.host(["readlink", "-f", main]);
    lab.host(["mkdir", "/etc/libvirt/hooks/network.d"]);
    lab.host(["ln", "-s", program.trim(), beside]);
    let call = || {
        let call =
            format!("virsh net-dumpxml lan | sed '1i<hookData>' | sed '$a</hookData>' | {beside} lan start begin -");
        lab.host(["sh", "-c", &call]);
    };
    call();
    assert!(!has_bridge(&lab), "libvirt has called the main link for the same start");
    // Somebody's own hook has taken the place of our link.
    lab.host(["rm", main]);
    lab.host(["ln", "-s", "/bin/true", main]);
    call();
    assert_host_is_on_the_bridge(&lab);
}
