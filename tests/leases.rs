//! A host with a lease, with the real ifupdown, dhclient or dhcpcd, and dnsmasq: the lease goes to the bridge, is renewed
//! there, comes at the next boot, and goes back.

mod support;

use std::time::{Duration, Instant};

use support::{Lab, told};

const UP: [&str; 6] = ["virt-bridge", "up", "br0", "--uplink", "eth0", "--persist"];

const SERVER_LOG: &str = "/run/lab/dhcp.log";

/// Hides the clients that ifupdown would rather take, and configures `eth0`.
const DHCLIENT: &str = "echo 'iface eth0 inet6 auto' >>/etc/network/interfaces";
/// It does the router's advertisements, too.
const DHCPCD: &str = "mount --bind /dev/null /sbin/dhclient; mount --bind /dev/null /usr/sbin/udhcpc";

/// A host on a LAN with router advertisements and leases of two minutes, to be renewed after ten seconds.
fn leased(client: &str) -> Lab {
    let lab = Lab::start(["--no-libvirt"]);
    let server = format!(
        "dnsmasq --no-daemon --conf-file=/dev/null --port=0 --interface=lan --log-dhcp --log-facility={SERVER_LOG} \
         --dhcp-range=192.0.2.100,192.0.2.199,2m --dhcp-option=option:T1,10 --dhcp-option=option:T2,60 --dhcp-option=option:dns-server,192.0.2.1 \
         --dhcp-leasefile=/run/lab/leases --pid-file=/run/lab/dhcp.pid --user=root </dev/null &>/dev/null & disown"
    );
    lab.router(["bash", "-c", &server]);
    lab.wait_until("the DHCP server is there", || lab.read(SERVER_LOG).contains("started"));
    lab.write("/etc/network/interfaces", "auto lo\niface lo inet loopback\nauto eth0\niface eth0 inet dhcp\n");
    lab.host(["bash", "-ec", client]);
    lab.host([
        "bash",
        "-ec",
        "mkdir -p /run/network; rm -f /var/lib/dhcp/*; ip link set eth0 down; ip address flush dev eth0",
    ]);
    lab.host(["ifup", "-a"]);
    lab
}

fn state(lab: &Lab, link: &str) -> String {
    let settled = || {
        let addresses = lab.host(["ip", "-6", "address", "show", "dev", link, "scope", "global", "-tentative"]);
        addresses.contains("2001:db8:0:2:")
    };
    lab.wait_until("an advertised address is there", settled);
    let script = "ip -o address show scope global | awk '{print $2, $3, $4}' | sort
        ip route | sort; ip -6 route | grep -v ^fe80 | sed 's/ expires [^ ]*//' | sort; grep -v '^#' /etc/resolv.conf
        ip -j link | jq -c '.[] | [.ifname, .address, .mtu, .operstate, .master]'";
    lab.host(["bash", "-ec", script])
}

/// The lease as the server has it: MAC, address, name and client identifier.
fn lease(lab: &Lab) -> String {
    lab.leases().concat()
}

/// The links that DHCP clients serve: the last argument of a dhclient, the title of a dhcpcd.
fn served(lab: &Lab) -> String {
    let script = "for pid in $(pgrep -x dhclient); do tr '\\0' ' ' </proc/$pid/cmdline | sed 's/.* \\(.*\\) $/\\1/'; done
        for pid in $(pgrep -x dhcpcd); do tr '\\0' ' ' </proc/$pid/cmdline | sed -n 's/^dhcpcd: \\([^[]*\\) \\[.*/\\1/p'; done";
    lab.host(["bash", "-c", script])
}

fn acknowledged(lab: &Lab) -> usize {
    lab.read(SERVER_LOG).matches("DHCPACK").count()
}

#[test]
fn a_lease_of_dhclient_is_renewed_on_the_bridge_and_stays_the_same() {
    stays_the_same(DHCLIENT);
}

#[test]
fn a_lease_of_dhcpcd_is_renewed_on_the_bridge_and_stays_the_same() {
    stays_the_same(DHCPCD);
}

fn stays_the_same(client: &str) {
    let lab = leased(client);
    let (before, eth0) = (lease(&lab), state(&lab, "eth0"));
    assert!(before.starts_with("52:54:00:00:00:10 192.0.2.1") && served(&lab) == "eth0", "{before}");
    let said = lab.attempt(UP);
    assert!(said.status.success(), "{}", told(&said));
    assert!(lease(&lab) == before && !lab.read(SERVER_LOG).contains("DHCPRELEASE"), "{}", lab.read(SERVER_LOG));
    assert_eq!(served(&lab), "br0");
    let (begun, acknowledged_before) = (Instant::now(), acknowledged(&lab));
    while acknowledged(&lab) < acknowledged_before + 3 {
        assert!(begun.elapsed() < Duration::from_secs(90), "not renewed: {}", lab.read(SERVER_LOG));
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(lease(&lab), before);
    let addresses = lab.host(["ip", "-4", "-o", "address", "show", "scope", "global"]);
    assert!(addresses.lines().count() == 1 && addresses.contains("br0"), "{addresses}");
    assert!(!addresses.contains("forever"), "the renewed lease has no end: {addresses}");
    assert!(lab.host(["ip", "address", "show", "dev", "eth0"]).lines().all(|line| !line.contains("inet")));
    lab.host(["virt-bridge", "undo", "br0"]);
    assert_eq!(served(&lab), "eth0");
    assert_eq!(lease(&lab), before);
    // dhcpcd sets the routes of an advertisement anew with the router's next one.
    lab.wait_until("eth0 is as before", || state(&lab, "eth0") == eth0);
}

#[test]
fn a_boot_brings_the_state_that_dhclient_had_after_the_takeover() {
    comes_at_boot(DHCLIENT);
}

#[test]
fn a_boot_brings_the_state_that_dhcpcd_had_after_the_takeover() {
    comes_at_boot(DHCPCD);
}

fn comes_at_boot(client: &str) {
    let lab = leased(client);
    lab.host(UP);
    // dhcpcd makes the metric of the link's index, which a new bridge has another of.
    let without_metric = |line: &str| match line.split_once(" metric ") {
        Some((before, after)) => format!("{before}{}", after.trim_start_matches(|c: char| c.is_ascii_digit())),
        None => line.to_owned(),
    };
    let state = |lab: &Lab| state(lab, "br0").lines().map(without_metric).collect::<Vec<_>>();
    let (live, before) = (state(&lab), lease(&lab));
    lab.host([
        "bash",
        "-c",
        "pkill -9 -x 'dhclient|dhcpcd'; ip link delete br0; ip link set eth0 down; ip address flush dev eth0
         ip link set eth0 addrgenmode eui64; rm -rf /run/network /run/virt-bridge; mkdir /run/network; ifup -a",
    ]);
    assert_eq!((state(&lab), lease(&lab)), (live, before));
    assert!(lab.host(UP).contains("nothing to do"));
}

#[test]
fn without_persist_a_lease_is_refused_with_the_command_to_run() {
    let lab = leased(DHCLIENT);
    let refused = lab.attempt(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    assert_eq!(refused.status.code(), Some(1), "{}", told(&refused));
    assert!(told(&refused).contains("virt-bridge up BRIDGE --uplink eth0 --persist"), "{}", told(&refused));
    assert_eq!(served(&lab), "eth0");
}
