//! Leases and advertised addresses go over to the bridge and come back, without a gap.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::host::*;
use crate::support::{Lab, SERVER_LOG, text, told};

#[test]
fn a_lease_goes_over_without_a_gap_is_renewed_and_comes_back() {
    let lab = Lab::start(["--no-libvirt"]);
    lab.serve_dhcp(&[]);
    let lab = with_lease(configured(lab, LEASED));
    let (before, leased, before_files) = (state(&lab), lease(&lab), files(&lab));
    assert!(leased.starts_with("52:54:00:00:00:10 192.0.2.1") && before.contains("2001:db8:0:2:"), "{leased} {before}");

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
    assert_eq!(deleted(&lab, "br0"), "");
    let monitor = lab.read("/run/lab/monitor");
    assert!(!monitor.contains("Deleted default via 192.0.2.1 dev br0"), "{monitor}");
    assert!(!lab.read(SERVER_LOG).contains("DHCPRELEASE"), "{}", lab.read(SERVER_LOG));

    boot_advertised(&lab, "br0");
    assert_eq!((state(&lab), lease(&lab)), (live, leased));
    assert!(lab.host(UP).contains("nothing to do"));
    lab.host(["virt-bridge", "undo", "br0"]);
    assert_eq!(files(&lab), before_files);
}

#[test]
fn undo_gives_a_lease_back_without_a_gap() {
    let lab = Lab::start(["--no-libvirt"]);
    lab.serve_dhcp(&[]);
    let lab = with_lease(configured(lab, LEASED));
    let (before, leased, before_files) = (state(&lab), lease(&lab), files(&lab));
    lab.host(UP);
    settle(&lab, "br0");
    watch(&lab);
    lab.host(["virt-bridge", "undo", "br0"]);
    settle(&lab, "eth0");
    assert_eq!((state(&lab), lease(&lab), files(&lab)), (before, leased, before_files));
    assert_eq!(deleted(&lab, "eth0"), "");
    let monitor = lab.read("/run/lab/monitor");
    assert!(!monitor.contains("Deleted default via 192.0.2.1 dev eth0"), "{monitor}");
    assert!(!lab.read(SERVER_LOG).contains("DHCPRELEASE"), "{}", lab.read(SERVER_LOG));

    // The file that keeps the lease stands for the one in /etc, and does not hinder the next time.
    assert!(lab.host(UP).contains("wrote /etc/systemd/network/20-wired-br0-port.network"));
    assert_eq!(lab.host(["ls", "/run/systemd/network"]), "20-wired-br0.network.d\n");
}

const WAITS: &str = "/run/virt-bridge/br0.confirm";

fn confirmed_in(lab: &Lab, time: &str) -> std::process::Child {
    let command = [&UP[..], &["--confirm", time]].concat();
    let waiting = lab.command(command).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    lab.wait_until("the takeover waits for its confirmation", || lab.read(WAITS).contains("\"taken_over\":true"));
    waiting.unwrap()
}

fn deleted(lab: &Lab, link: &str) -> String {
    let monitor = lab.read("/run/lab/monitor");
    let is_meant = |line: &&str| line.starts_with("Deleted ") && line.contains(&format!(": {link} "));
    monitor.lines().filter(is_meant).collect()
}

/// Boots, and waits for what the router advertises.
fn boot_advertised(lab: &Lab, link: &str) {
    boot(lab, link);
    lab.wait_until("an advertised address is there", || state(lab).contains(&format!("{link} inet6 2001:db8:0:2:")));
    settle(lab, link);
}

#[test]
fn a_lease_that_nobody_confirms_or_is_undone_goes_back_without_a_gap_whoever_is_killed() {
    let lab = Lab::start(["--no-libvirt"]);
    lab.serve_dhcp(&[]);
    let lab = with_lease(configured(lab, LEASED));
    let (before, leased, before_files) = (state(&lab), lease(&lab), files(&lab));
    for (end, code) in [("", Some(3)), ("pkill -9 -f '^virt-bridge up'", None), ("virt-bridge undo br0", Some(3))] {
        let mut waiting = confirmed_in(&lab, "6s");
        watch(&lab);
        assert!(
            state(&lab).contains("br0 inet 192.0.2.1") && lab.host(["networkctl", "status", "br0"]).contains("DHCP4")
        );
        assert_eq!((lease(&lab), files(&lab)), (leased.clone(), before_files.clone()));
        lab.host(["sh", "-ec", end]);
        let ended = waiting.wait().unwrap();
        assert_eq!(ended.code(), code, "{end}");
        lab.wait_until("nothing waits any more", || lab.read(WAITS).is_empty());
        settle(&lab, "eth0");
        assert_eq!((state(&lab), lease(&lab), files(&lab)), (before.clone(), leased.clone(), before_files.clone()));
        assert_eq!(deleted(&lab, "eth0"), "");
        assert_eq!(lab.host(["ls", "/run/systemd/network"]), "20-wired-br0-back.network\n");
    }
    assert!(!lab.read(SERVER_LOG).contains("DHCPRELEASE"), "{}", lab.read(SERVER_LOG));
}

/// Each time the process is killed at a later file that networkd is to read, until it is not: its guardian goes back.
#[test]
fn a_run_that_is_killed_while_networkd_is_told_leaves_the_lease_where_it_was() {
    let lab = Lab::start(["--no-libvirt", "--no-ra"]);
    lab.serve_dhcp(&[]);
    let lab = with_lease(configured(lab, LEASED));
    let (before, leased, before_files) = (state(&lab), lease(&lab), files(&lab));
    let mut kills = 0;
    for count in 1.. {
        assert!(count < 10, "there is no end");
        let inject = format!("inject=chmod:signal=KILL:when={count}");
        let at = ["strace", "-qq", "-o", "/run/lab/strace", "-P", "/run/systemd/network", "-e", &inject];
        lab.attempt([&at[..], &UP, &["--confirm", "1s"]].concat());
        lab.wait_until("nothing waits any more", || lab.read(WAITS).is_empty());
        settle(&lab, "eth0");
        assert_eq!((state(&lab), lease(&lab), files(&lab)), (before.clone(), leased.clone(), before_files.clone()));
        if !lab.read("/run/lab/strace").contains("killed by SIGKILL") {
            break;
        }
        kills += 1;
    }
    assert!(kills > 3, "killed {kills} times only");
    assert!(!lab.read(SERVER_LOG).contains("DHCPRELEASE"), "{}", lab.read(SERVER_LOG));
}

#[test]
fn a_lease_that_is_confirmed_is_renewed_on_the_bridge_before_and_after() {
    let lab = Lab::start(["--no-libvirt"]);
    lab.serve_dhcp(&[]);
    let lab = with_lease(configured(lab, LEASED));
    let (before, leased, before_files) = (state(&lab), lease(&lab), files(&lab));
    watch(&lab);
    let waiting = confirmed_in(&lab, "60s");
    settle(&lab, "br0");
    let acknowledged = || lab.read(SERVER_LOG).matches("DHCPACK").count();
    let known = acknowledged();
    lab.wait_until("it is renewed", || acknowledged() > known);
    assert_eq!((lease(&lab), files(&lab)), (leased.clone(), before_files.clone()));
    let live = state(&lab);

    lab.host(["virt-bridge", "confirm", "br0"]);
    let said = waiting.wait_with_output().unwrap();
    assert!(said.status.success(), "{}", told(&said));
    assert!(told(&said).contains("wrote /etc/systemd/network/20-wired-br0-port.network"), "{}", told(&said));
    stays_with_networkd(&lab, &before, &leased, &before_files, &live);
}

#[test]
fn a_lease_that_is_confirmed_after_the_command_was_killed_lasts_as_well() {
    let lab = Lab::start(["--no-libvirt"]);
    lab.serve_dhcp(&[]);
    let lab = with_lease(configured(lab, LEASED));
    let (before, leased, before_files) = (state(&lab), lease(&lab), files(&lab));
    watch(&lab);
    let mut waiting = confirmed_in(&lab, "60s");
    lab.host(["pkill", "-9", "-f", "^virt-bridge up"]);
    waiting.wait().unwrap();
    settle(&lab, "br0");
    let live = state(&lab);
    let said = lab.host(["virt-bridge", "confirm", "br0"]);
    assert!(said.contains("br0: confirmed, and stays\n"), "{said}");
    assert!(said.contains("wrote /etc/systemd/network/20-wired-br0-port.network"), "{said}");
    stays_with_networkd(&lab, &before, &leased, &before_files, &live);
}

/// It has the bridge without a gap, also after a boot, and gives everything back.
fn stays_with_networkd(lab: &Lab, before: &str, leased: &str, before_files: &str, live: &str) {
    assert!(lab.host(UP).contains("nothing to do"));
    // What lasts is nothing new to networkd.
    lab.host(["networkctl", "reload"]);
    settle(lab, "br0");
    assert_eq!((&*state(lab), &*lease(lab)), (live, leased));
    assert_eq!(deleted(lab, "br0"), "");

    boot_advertised(lab, "br0");
    assert_eq!((&*state(lab), &*lease(lab)), (live, leased));
    lab.host(["virt-bridge", "undo", "br0"]);
    boot_advertised(lab, "eth0");
    assert_eq!((&*state(lab), &*lease(lab), &*files(lab)), (before, leased, before_files));
    assert!(!lab.read(SERVER_LOG).contains("DHCPRELEASE"), "{}", lab.read(SERVER_LOG));
}

const CLOUD: &str = "network:\n    ethernets:\n        eth0:\n            dhcp4: true\n    version: 2\n";

#[test]
fn where_netplan_fails_the_same_said_again_goes_on() {
    let lab = Lab::start(["--no-libvirt"]);
    lab.serve_dhcp(&[]);
    let lab = with_lease(configured_by(lab, "/etc/netplan/50-cloud-init.yaml", CLOUD));
    let leased = lease(&lab);
    lab.write(
        "/run/lab/fails",
        "#!/bin/sh\n[ $1 != generate ] || exit 1\nPYTHONPATH=/usr/share/netplan exec python3 /run/lab/netplan \"$@\"\n",
    );
    let fails = "netplan=$(command -v netplan); cp $netplan /run/lab/; chmod +x /run/lab/fails; mount --bind /run/lab/fails $netplan";
    lab.host(["sh", "-ec", fails]);
    let failed = lab.attempt(UP);
    assert_eq!(failed.status.code(), Some(4), "{}", told(&failed));
    let said = text(&failed.stderr);
    assert!(said.contains("`netplan generate` ") && said.contains("hint: to go on, say the same again"), "{said}");
    lab.host(["sh", "-ec", "umount $(command -v netplan)"]);

    lab.host(UP);
    settle(&lab, "br0");
    let live = state(&lab);
    boot_advertised(&lab, "br0");
    assert_eq!((state(&lab), lease(&lab)), (live, leased));
}

#[test]
fn netplan_declares_the_bridge_and_keeps_the_lease() {
    let lab = Lab::start(["--no-libvirt"]);
    lab.serve_dhcp(&[]);
    let lab = with_lease(configured_by(lab, "/etc/netplan/50-cloud-init.yaml", CLOUD));
    let (before, leased, before_files) = (state(&lab), lease(&lab), files(&lab));
    watch(&lab);
    let said = lab.host(UP);
    assert!(said.contains("wrote /etc/netplan/90-virt-bridge-br0.yaml"), "{said}");
    assert_eq!(lab.host(["stat", "-c", "%a %U", "/etc/netplan/90-virt-bridge-br0.yaml"]), "600 root\n");
    settle(&lab, "br0");
    let live = state(&lab);
    assert_eq!(deleted(&lab, "br0"), "");
    assert!(lab.host(UP).contains("nothing to do"));
    boot_advertised(&lab, "br0");
    assert_eq!((state(&lab), lease(&lab)), (live, leased.clone()));

    lab.host(["virt-bridge", "undo", "br0"]);
    boot_advertised(&lab, "eth0");
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
    let lab = with_lease(configured(lab, &format!("{LEASED}\n[DHCPv4]\nIAID=7\n")));
    let leased = lease(&lab);
    assert!(leased.contains(" ff:00:00:00:07:"), "{leased}");
    lab.write("/etc/systemd/network/20-wired.network", LEASED);
    lab.host(UP);
    settle(&lab, "br0");
    assert_eq!(lease(&lab), leased);
    boot(&lab, "br0");
    assert_eq!(lease(&lab), leased);
}
