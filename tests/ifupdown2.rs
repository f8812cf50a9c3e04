//! A bridge that lasts, with the real ifupdown2 in the place of ifupdown: written, made again at boot and by `ifreload`, taken
//! back.

mod support;

use support::{Lab, ifupdown2, told};

const INTERFACES: &str = "/etc/network/interfaces";

const STATIC: &str = "# the LAN
auto lo
iface lo inet loopback

auto eth0
iface eth0
    address 192.0.2.10/24
    address 2001:db8:0:1::10/64
    gateway 192.0.2.1
    gateway 2001:db8:0:1::1
    up ip route replace 198.51.100.0/24 via 192.0.2.254 dev eth0
";

const DHCP: &str = "auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet dhcp\n";

const UP: [&str; 6] = ["virt-bridge", "up", "br0", "--uplink", "eth0", "--persist"];

/// What a boot leaves of the network: the NIC, down. The state of ifupdown2 goes with the first start of its service
/// (ifupdown_init in its start-networking), which brings all up so.
const BOOT: &str = "pkill -9 -x dhclient || true
    ! ip link show br0 &>/dev/null || ip link delete br0
    ip link set eth0 down; ip address flush dev eth0; ip link set eth0 addrgenmode eui64
    echo 0 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6
    rm -rf /run/network /run/virt-bridge /var/tmp/network
    mkdir /run/network
    /usr/share/ifupdown2/sbin/start-networking start";

/// A host that was booted with these interfaces.
fn booted(interfaces: &str, options: &[&str]) -> Lab {
    let lab = Lab::start([&["--no-ra"], options].concat());
    lab.serve_dhcp(&[]);
    lab.host(["bash", "-ec", &ifupdown2::install()]);
    lab.write(INTERFACES, interfaces);
    lab.host(["bash", "-ec", &format!("rm -f /var/lib/dhcp/*\n{BOOT}")]);
    lab
}

/// Addresses, routes, MACs, ports, and what makes a router of a host.
fn state(lab: &Lab) -> String {
    let script = "for try in $(seq 400); do ip -6 address show tentative | grep -q . || break; sleep 0.05; done
        ip -o address show scope global | awk '{print $2, $3, $4, $5, $6}' | sort
        ip route; ip -6 route | grep -v fe80 | sort
        ip -j link | jq -c '.[] | [.ifname, .address, .mtu, .operstate, .master]'
        ! ip -d -j link show br0 2>/dev/null | jq -c '.[].linkinfo.info_data | [.stp_state, .forward_delay]'
        grep . /proc/sys/net/ipv[46]/conf/[be]*/forwarding";
    lab.host(["bash", "-ec", script])
}

#[test]
fn a_boot_and_a_reload_bring_the_state_that_the_takeover_made() {
    let lab = booted(STATIC, &["--no-libvirt"]);
    lab.router(["ping", "-c1", "-W2", "192.0.2.10"]);
    let said = lab.host(UP);
    assert!(said.contains("wrote /etc/network/interfaces"), "{said}");
    let live = state(&lab);
    assert!(live.contains("198.51.100.0/24 via 192.0.2.254 dev br0") && live.contains("br0/forwarding:0"), "{live}");
    lab.host(["ifreload", "-a"]);
    assert_eq!(state(&lab), live);
    lab.host(["bash", "-ec", BOOT]);
    lab.wait_until("the bridge forwards", || state(&lab) == live);
    lab.router(["ping", "-c1", "-W2", "192.0.2.10"]);
    lab.router(["ping", "-c1", "-W2", "2001:db8:0:1::10"]);
    assert!(lab.host(UP).contains("nothing to do"));
}

#[test]
fn a_lease_goes_to_the_bridge_and_comes_there_at_boot() {
    let lab = booted(DHCP, &["--no-libvirt"]);
    let before = lab.leases().concat();
    assert!(before.contains("52:54:00:00:00:10 192.0.2.1"), "{before}");
    lab.host(UP);
    let live = state(&lab);
    assert!(live.contains("br0 inet 192.0.2.1") && !live.contains("eth0 inet"), "{live}");
    lab.host(["ifreload", "-a"]);
    assert_eq!(state(&lab), live);
    lab.host(["bash", "-ec", BOOT]);
    lab.wait_until("the bridge forwards", || state(&lab) == live);
    assert_eq!(lab.leases().concat(), before);
    assert!(lab.host(UP).contains("nothing to do"));
}

#[test]
fn undo_gives_the_file_and_the_state_back() {
    for (interfaces, address) in [(STATIC, "192.0.2.10/24"), (DHCP, "192.0.2.1")] {
        let lab = booted(interfaces, &["--no-libvirt"]);
        let before = state(&lab);
        assert!(before.contains(&format!("eth0 inet {address}")), "{before}");
        lab.host(UP);
        let said = lab.host(["virt-bridge", "undo", "br0"]);
        assert!(said.contains("restored /etc/network/interfaces"), "{said}");
        assert_eq!((lab.read(INTERFACES).as_str(), state(&lab)), (interfaces, before.clone()));
        lab.host(["ifreload", "-a"]);
        assert_eq!(state(&lab), before);
    }
}

#[test]
fn the_network_hook_lets_ifup_make_the_bridge() {
    let lab = booted(STATIC, &[]);
    lab.host(UP);
    let live = state(&lab);
    lab.host(["bash", "-ec", "ifreload -a; ifdown br0"]);
    assert!(!lab.attempt(["ip", "link", "show", "br0"]).status.success());
    lab.write("/run/network.xml", "<network><name>lan</name><forward mode='bridge'/><bridge name='br0'/></network>");
    lab.virsh(["net-define", "/run/network.xml"]);
    lab.virsh(["net-start", "lan"]);
    lab.wait_until("the bridge forwards", || state(&lab) == live);
    assert!(lab.log().contains("ifupdown has made br0"), "{}", lab.log());
}

#[test]
fn a_takeover_that_is_not_to_last_says_so() {
    let lab = booted(STATIC, &["--no-libvirt"]);
    let said = told(&lab.attempt(["virt-bridge", "up", "br0", "--uplink", "eth0"]));
    let warning =
        "/etc/network/interfaces:6 says iface eth0: eth0 is configured by ifupdown at boot, so the bridge lasts";
    assert!(said.contains(warning), "{said}");
}
