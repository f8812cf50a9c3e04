//! A host with a lease, with the real ifupdown, dhclient and dnsmasq: the lease goes to the bridge, is renewed there,
//! comes at the next boot, and goes back.

mod support;

use std::time::{Duration, Instant};

use support::{Lab, told};

const UP: [&str; 6] = ["virt-bridge", "up", "br0", "--uplink", "eth0", "--persist"];

const SERVER_LOG: &str = "/run/lab/dhcp.log";

/// A host on a LAN with router advertisements and leases of two minutes, to be renewed after ten seconds.
fn leased() -> Lab {
    let lab = Lab::start(["--no-libvirt"]);
    let server = format!(
        "dnsmasq --no-daemon --conf-file=/dev/null --port=0 --interface=lan --log-dhcp --log-facility={SERVER_LOG} \
         --dhcp-range=192.0.2.100,192.0.2.199,2m --dhcp-option=option:T1,10 --dhcp-option=option:T2,60 --dhcp-option=option:dns-server,192.0.2.1 \
         --dhcp-leasefile=/run/lab/leases --pid-file=/run/lab/dhcp.pid --user=root </dev/null &>/dev/null & disown"
    );
    lab.router(["bash", "-c", &server]);
    lab.wait_until("the DHCP server is there", || lab.read(SERVER_LOG).contains("started"));
    lab.write(
        "/etc/network/interfaces",
        "auto lo\niface lo inet loopback\nauto eth0\niface eth0 inet dhcp\niface eth0 inet6 auto\n",
    );
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
        ip route | sort; ip -6 route | grep -v ^fe80 | sed 's/ expires [^ ]*//' | sort; cat /etc/resolv.conf
        ip -j link | jq -c '.[] | [.ifname, .address, .mtu, .operstate, .master]'";
    lab.host(["bash", "-ec", script])
}

/// The lease as the server has it: MAC, address, name and client identifier.
fn lease(lab: &Lab) -> String {
    lab.read("/run/lab/leases").lines().filter_map(|line| line.split_once(' ')).map(|(_, lease)| lease).collect()
}

fn dhclients(lab: &Lab) -> String {
    lab.host([
        "bash",
        "-c",
        "for pid in $(pgrep -x dhclient); do tr '\\0' ' ' </proc/$pid/cmdline | sed 's/.* \\(.*\\) $/\\1/'; done",
    ])
}

fn acknowledged(lab: &Lab) -> usize {
    lab.read(SERVER_LOG).matches("DHCPACK").count()
}

#[test]
fn a_lease_is_renewed_on_the_bridge_and_stays_the_same() {
    let lab = leased();
    let (before, eth0) = (lease(&lab), state(&lab, "eth0"));
    assert!(before.starts_with("52:54:00:00:00:10 192.0.2.1"), "{before}");
    let said = lab.attempt(UP);
    assert!(said.status.success(), "{}", told(&said));
    assert!(lease(&lab) == before && !lab.read(SERVER_LOG).contains("DHCPRELEASE"), "{}", lab.read(SERVER_LOG));
    assert_eq!(dhclients(&lab), "br0");
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
    assert_eq!(dhclients(&lab), "eth0");
    assert_eq!((lease(&lab), state(&lab, "eth0")), (before, eth0));
}

#[test]
fn a_boot_brings_the_leased_state_that_the_takeover_made() {
    let lab = leased();
    lab.host(UP);
    let (live, before) = (state(&lab, "br0"), lease(&lab));
    lab.host([
        "bash",
        "-c",
        "pkill -x dhclient; ip link delete br0; ip link set eth0 down; ip address flush dev eth0
         ip link set eth0 addrgenmode eui64; rm -rf /run/network /run/virt-bridge; mkdir /run/network; ifup -a",
    ]);
    assert_eq!((state(&lab, "br0"), lease(&lab)), (live, before));
    assert!(lab.host(UP).contains("nothing to do"));
}

#[test]
fn without_persist_a_lease_is_refused_with_the_command_to_run() {
    let lab = leased();
    let refused = lab.attempt(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    assert_eq!(refused.status.code(), Some(1), "{}", told(&refused));
    assert!(told(&refused).contains("virt-bridge up BRIDGE --uplink eth0 --persist"), "{}", told(&refused));
    assert_eq!(dhclients(&lab), "eth0");
}
