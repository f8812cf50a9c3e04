//! What is left where a run is refused or killed.

use crate::host::*;
use crate::support::{Lab, told};

#[test]
fn an_undo_that_is_refused_leaves_the_bridge_to_networkd() {
    let lab = configured(Lab::start(["--no-libvirt", "--no-ra"]), STATIC);
    lab.host(UP);
    settle(&lab, "br0");
    let live = state(&lab);
    lab.host(["ip", "tuntap", "add", "vnet0", "mode", "tap"]);
    lab.host(["ip", "link", "set", "vnet0", "master", "br0"]);
    let refused = lab.attempt(["virt-bridge", "undo", "br0"]);
    assert!(told(&refused).contains("still has the ports vnet0"), "{}", told(&refused));
    lab.host(["ip", "link", "delete", "vnet0"]);
    settle(&lab, "eth0");
    assert_eq!(state(&lab), live);
}

#[test]
fn without_persist_the_uplink_is_refused_with_the_command_to_run() {
    let lab = configured(Lab::start(["--no-libvirt", "--no-ra"]), STATIC);
    let before = state(&lab);
    let refused = lab.attempt(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    assert_eq!(refused.status.code(), Some(1), "{}", told(&refused));
    assert!(told(&refused).contains("virt-bridge up BRIDGE --uplink eth0 --persist"), "{}", told(&refused));
    assert_eq!(state(&lab), before);
}

/// Each time the process is killed at a later flush or rename, until it is not.
#[test]
fn a_run_that_is_killed_leaves_files_that_boot_and_can_be_taken_back() {
    let lab = configured(Lab::start(["--no-libvirt", "--no-ra"]), STATIC);
    let old = files(&lab);
    let mut kills = 0;
    for call in ["fsync", "rename"] {
        for count in 1.. {
            assert!(count < 30, "{call} has no end");
            let inject = format!("inject={call}:signal=KILL:when={count}");
            let killed = lab.attempt([&["strace", "-f", "-qq", "-o", "/dev/null", "-e", &inject][..], &UP].concat());
            let has = |file: &str| lab.path("/etc/systemd/network").join(file).exists();
            // Whatever there is, a port only with its bridge.
            assert!(!has("20-wired-br0-port.network") || has("20-wired-br0.network") && has("20-wired-br0.netdev"));
            let written = ["20-wired-br0.netdev", "20-wired-br0.network", "20-wired-br0-port.network"].map(has);
            let checked = told(&lab.attempt(["virt-bridge", "check", "files-unfinished"]));
            let is_half = written.contains(&true) && written.contains(&false);
            assert_eq!(checked.contains("a run was killed while it changed"), is_half, "{call} {count}: {checked}");
            lab.host(UP);
            lab.host(["virt-bridge", "undo", "br0"]);
            assert_eq!(files(&lab), old, "{call} {count}");
            if killed.status.success() {
                break;
            }
            kills += 1;
        }
    }
    assert!(kills >= 10, "killed {kills} times only");
}
