//! The lab itself: what happens in it stays in it.

mod support;

use std::fs;
use std::path::PathBuf;

use support::Lab;

/// The processes of the PID namespace that `namespace` names.
fn processes_in(namespace: &PathBuf) -> usize {
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| Some(entry.ok()?.path().join("ns/pid")));
    processes.filter(|process| fs::read_link(process).is_ok_and(|link| link == *namespace)).count()
}

#[test]
fn a_killed_lab_leaves_no_process_behind() {
    let mut lab = Lab::start([]);
    let namespace = fs::read_link(lab.path("/proc/1/ns/pid")).unwrap();
    assert!(processes_in(&namespace) > 3, "no libvirtd, virtlogd, radvd?");
    lab.kill();
    lab.wait_until("no process is left", || processes_in(&namespace) == 0);
}

#[test]
fn what_the_lab_installs_and_writes_is_not_on_the_real_host() {
    let places =
        ["/etc/libvirt/hooks/network", "/etc/virt-bridge.toml", "/usr/lib/libvirt/virt-bridge-network", "/dev/log"];
    let there = || places.map(|place| fs::symlink_metadata(place).and_then(|file| file.modified()).ok());
    let before = there();
    let lab = Lab::start(["--no-libvirt"]);
    lab.write("/etc/virt-bridge.toml", "");
    for place in places {
        lab.host(["test", "-e", place]);
    }
    assert_eq!(there(), before);
    // A link that a layer of the lab's has may lead there.
    lab.host(["sh", "-c", "! test -w /lib/systemd && test -w /usr/lib/libvirt && test -w /usr/sbin"]);
    assert!(lab.host(["ip", "-brief", "link"]).lines().count() == 2, "lo and eth0 are all that the lab's host has");
}
