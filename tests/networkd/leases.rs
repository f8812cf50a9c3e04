//! Leases and advertised addresses go over to the bridge and come back, without a gap.

use std::time::{Duration, Instant};

use crate::host::*;
use crate::support::{Lab, SERVER_LOG, told};

#[test]
fn a_lease_goes_over_without_a_gap_is_renewed_and_comes_back() {
    let lab = Lab::start(["--no-libvirt"]);
    lab.serve_dhcp(&[]);
    let lab = configured(lab, LEASED);
    let (before, leased, before_files) = (state(&lab), lease(&lab), files(&lab));
    assert!(leased.starts_with("52:54:00:00:00:10 192.0.2.1") && before.contains("2001:db8:0:2:"), "{leased} {before}");
    let refused = lab.attempt([&UP[..], &["--confirm", "9s"]].concat());
    assert!(told(&refused).contains("say --no-confirm"), "{}", told(&refused));

    watch(&lab);
    lab.host(UP);
    settle(&lab, "br0");
    let live = state(&lab);
    assert_eq!(lease(&lab), leased);
    let acknowledged = || lab.read(SERVER_LOG).matches("DHCPACK").count();
    let (begun, known) = (Instant::now(), acknowledged());
    while acknowledged() < known + 2 {
        assert!(begun.elapsed() < Duration::from_secs(90), "not renewed: {}", lab.read(SERVER_LOG));
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!((state(&lab), lease(&lab)), (live.clone(), leased.clone()));
    let monitor = lab.read("/run/lab/monitor");
    assert!(!monitor.lines().any(|line| line.starts_with("Deleted ") && line.contains(": br0 ")), "{monitor}");
    assert!(!monitor.contains("Deleted default via 192.0.2.1 dev br0"), "{monitor}");
    assert!(!lab.read(SERVER_LOG).contains("DHCPRELEASE"), "{}", lab.read(SERVER_LOG));

    boot(&lab, "br0");
    lab.wait_until("an advertised address is there", || state(&lab).contains("br0 inet6 2001:db8:0:2:"));
    settle(&lab, "br0");
    assert_eq!((state(&lab), lease(&lab)), (live, leased));
    assert!(lab.host(UP).contains("nothing to do"));
    lab.host(["virt-bridge", "undo", "br0"]);
    assert_eq!(files(&lab), before_files);
}

#[test]
fn undo_gives_a_lease_back_without_a_gap() {
    let lab = Lab::start(["--no-libvirt"]);
    lab.serve_dhcp(&[]);
    let lab = configured(lab, LEASED);
    let (before, leased, before_files) = (state(&lab), lease(&lab), files(&lab));
    lab.host(UP);
    settle(&lab, "br0");
    watch(&lab);
    lab.host(["virt-bridge", "undo", "br0"]);
    settle(&lab, "eth0");
    assert_eq!((state(&lab), lease(&lab), files(&lab)), (before, leased, before_files));
    let monitor = lab.read("/run/lab/monitor");
    assert!(!monitor.lines().any(|line| line.starts_with("Deleted ") && line.contains(": eth0 ")), "{monitor}");
    assert!(!monitor.contains("Deleted default via 192.0.2.1 dev eth0"), "{monitor}");
    assert!(!lab.read(SERVER_LOG).contains("DHCPRELEASE"), "{}", lab.read(SERVER_LOG));

    // The file that keeps the lease stands for the one in /etc, and does not hinder the next time.
    assert!(lab.host(UP).contains("wrote /etc/systemd/network/20-wired-br0-port.network"));
    assert_eq!(lab.host(["ls", "/run/systemd/network"]), "20-wired-br0.network.d\n");
}

#[test]
fn netplan_declares_the_bridge_and_keeps_the_lease() {
    let lab = Lab::start(["--no-libvirt"]);
    lab.serve_dhcp(&[]);
    let cloud = "network:\n    ethernets:\n        eth0:\n            dhcp4: true\n    version: 2\n";
    let lab = configured_by(lab, "/etc/netplan/50-cloud-init.yaml", cloud);
    let (before, leased, before_files) = (state(&lab), lease(&lab), files(&lab));
    watch(&lab);
    let said = lab.host(UP);
    assert!(said.contains("wrote /etc/netplan/90-virt-bridge-br0.yaml"), "{said}");
    assert_eq!(lab.host(["stat", "-c", "%a %U", "/etc/netplan/90-virt-bridge-br0.yaml"]), "600 root\n");
    settle(&lab, "br0");
    let live = state(&lab);
    let monitor = lab.read("/run/lab/monitor");
    assert!(!monitor.lines().any(|line| line.starts_with("Deleted ") && line.contains(": br0 ")), "{monitor}");
    assert!(lab.host(UP).contains("nothing to do"));
    boot(&lab, "br0");
    lab.wait_until("an advertised address is there", || state(&lab).contains("br0 inet6 2001:db8:0:2:"));
    settle(&lab, "br0");
    assert_eq!((state(&lab), lease(&lab)), (live, leased.clone()));

    lab.host(["virt-bridge", "undo", "br0"]);
    boot(&lab, "eth0");
    lab.wait_until("an advertised address is there", || state(&lab).contains("eth0 inet6 2001:db8:0:2:"));
    settle(&lab, "eth0");
    assert_eq!((state(&lab), lease(&lab), files(&lab)), (before.clone(), leased.clone(), before_files.clone()));
    lab.host(UP);
    settle(&lab, "br0");
    lab.host(["virt-bridge", "undo", "br0"]);
    settle(&lab, "eth0");
    assert_eq!((state(&lab), lease(&lab), files(&lab)), (before, leased, before_files));
    assert!(!lab.read(SERVER_LOG).contains("DHCPRELEASE"), "{}", lab.read(SERVER_LOG));
}

/// As of a NIC in hardware, whose name in firmware gives networkd another number than the MAC, which is all a bridge has.
#[test]
fn the_server_sees_the_same_client_whatever_its_number_comes_from() {
    let lab = Lab::start(["--no-libvirt"]);
    lab.serve_dhcp(&[]);
    let lab = configured(lab, &format!("{LEASED}\n[DHCPv4]\nIAID=7\n"));
    let leased = lease(&lab);
    assert!(leased.contains(" ff:00:00:00:07:"), "{leased}");
    lab.write("/etc/systemd/network/20-wired.network", LEASED);
    lab.host(UP);
    settle(&lab, "br0");
    assert_eq!(lease(&lab), leased);
    boot(&lab, "br0");
    assert_eq!(lease(&lab), leased);
}
