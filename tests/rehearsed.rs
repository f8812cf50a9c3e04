//! What a rehearsal says of the hosts of the owners' golden trees (`tests/persistence`) is what the real hand-over to the
//! real owner then does. Not every kernel has bonds and VLANs: where they are uplinks, the NIC has their name.

#[path = "networkd/host.rs"]
#[allow(dead_code)]
mod host;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::{Lab, ifupdown2, text, told};

const UP: [&str; 4] = ["virt-bridge", "up", "br0", "--no-confirm"];
const REHEARSAL: [&str; 4] = ["virt-bridge", "plan", "br0", "--rehearse"];

/// How long an owner may take to configure a host.
const PATIENCE: Duration = Duration::from_secs(12);

/// The trees of one owner.
fn trees(owner: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/persistence");
    let trees = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let is_meant = |tree: &PathBuf| tree.file_name().unwrap().to_string_lossy().starts_with(&format!("{owner}-"));
    let mut trees: Vec<PathBuf> = trees.filter(is_meant).collect();
    trees.sort();
    trees
}

fn uplink(tree: &Path) -> String {
    fs::read_to_string(tree.join("uplink")).unwrap_or_else(|_| "eth0".into()).trim().to_owned()
}

/// Asks on a host of its own for each tree; some must be handed over, and some must not.
fn are_right(owner: &str, host: fn(&Path) -> Lab) {
    let (trees, next) = (trees(owner), AtomicUsize::new(0));
    let some = || -> Vec<Result<bool, String>> {
        let mine = std::iter::from_fn(|| trees.get(next.fetch_add(1, Ordering::Relaxed)));
        let asked = |tree: &PathBuf| foretells(&host(tree), &uplink(tree));
        mine.map(|tree| asked(tree).map_err(|both| format!("{}: {both}", tree.display()))).collect()
    };
    let found: Vec<Result<bool, String>> = std::thread::scope(|scope| {
        let threads = [(); 2].map(|()| scope.spawn(some));
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let wrong: Vec<&String> = found.iter().filter_map(|found| found.as_ref().err()).collect();
    assert!(wrong.is_empty(), "{} of {} are wrong: {wrong:#?}", wrong.len(), trees.len());
    let done = found.iter().filter(|found| **found == Ok(true)).count();
    assert!(done >= 8 && trees.len() - done >= 2, "{done} of {} were handed over", trees.len());
}

/// Whether the host is handed over, as foretold; an error has both answers, where they are not the same.
fn foretells(lab: &Lab, uplink: &str) -> Result<bool, String> {
    let [plan, up] =
        [REHEARSAL, UP].map(|command| lab.attempt([&command[..], &["--persist", "--uplink", uplink]].concat()));
    let foretold = ["takeover: done", "nothing to do"].iter().any(|words| text(&plan.stdout).contains(words));
    let is_same = (foretold, plan.status.code()) == (up.status.success(), up.status.code())
        && (foretold || text(&plan.stderr) == text(&up.stderr));
    if is_same { Ok(foretold) } else { Err(format!("{}\n{}", told(&plan), told(&up))) }
}

/// A host whose NIC nobody has configured, and that has its name.
fn bare(tree: &Path) -> Lab {
    let lab = Lab::start(["--no-libvirt", "--no-ra"]);
    lab.serve_dhcp(&[]);
    lab.host([
        "sh",
        "-ec",
        "ip address flush dev eth0; ip link set eth0 down; ip link set eth0 name $0",
        &uplink(tree),
    ]);
    lab
}

/// A host with the tree's files, which ifupdown takes for configured.
fn under_ifupdown(tree: &Path) -> Lab {
    let lab = bare(tree);
    let take = "cp -a $0/etc/. /etc/; mkdir -p /run/network; echo $1=$1 >/run/network/ifstate
        ip address add 192.0.2.10/24 dev $1; ip link set $1 up; ip route add default via 192.0.2.1";
    lab.host(["sh", "-ec", take, &tree.to_string_lossy(), &uplink(tree)]);
    lab
}

/// The same with ifupdown2 in the place of ifupdown.
fn under_ifupdown2(tree: &Path) -> Lab {
    let lab = under_ifupdown(tree);
    lab.host(["bash", "-ec", &format!("{}\ntouch /run/network/ifstatelock", ifupdown2::install())]);
    lab
}

/// A host with the tree's files, which networkd has configured as far as it can: kinds of links that this kernel does not
/// make keep it waiting.
fn under_networkd(tree: &Path) -> Lab {
    let lab = bare(tree);
    lab.host(["bash", "-ec", host::NO_FILES]);
    let take = "cp -a $0/etc/. /etc/
        [ ! -d $0/usr ] || mount --bind $0/usr/lib/systemd/network /usr/lib/systemd/network";
    lab.host(["bash", "-ec", take, &tree.to_string_lossy()]);
    lab.host(["bash", "-ec", host::GENERATE]);
    lab.host(["networkd", "start"]);
    let is_settled = "grep -Eqs '^ADMIN_STATE=(configured|unmanaged|failed)' /run/systemd/netif/links/$(cat /sys/class/net/$0/ifindex)";
    within(PATIENCE, || lab.attempt(["sh", "-c", is_settled, &uplink(tree)]).status.success());
    lab
}

/// A host with the tree's profiles, which NetworkManager has brought up as far as it can.
fn under_network_manager(tree: &Path) -> Lab {
    let lab = bare(tree);
    lab.host(["network-manager", "prepare"]);
    let take = "[ ! -d $0/etc ] || cp -a $0/etc/. /etc/
        [ ! -d $0/usr ] || mount --bind $0/usr/lib/NetworkManager /usr/lib/NetworkManager
        find /etc/NetworkManager/system-connections -type f -exec chmod 600 {} +";
    lab.host(["bash", "-ec", take, &tree.to_string_lossy()]);
    lab.host(["network-manager", "start"]);
    let is_connected = format!("{}:connected", uplink(tree));
    within(PATIENCE, || {
        let states = lab.host(["nmcli", "-t", "-f", "DEVICE,STATE", "device"]);
        states.lines().any(|line| line == is_connected) && !states.contains("connecting")
    });
    lab
}

/// Waits until it is so, or for as long.
fn within(patience: Duration, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() && begun.elapsed() < patience {
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_rehearsal_is_right_about_the_hosts_of_ifupdown() {
    are_right("ifupdown", under_ifupdown);
}

#[test]
fn a_rehearsal_is_right_about_the_hosts_of_ifupdown2() {
    are_right("ifupdown2", under_ifupdown2);
}

#[test]
fn a_rehearsal_is_right_about_the_hosts_of_networkd() {
    are_right("networkd", under_networkd);
}

#[test]
fn a_rehearsal_is_right_about_the_hosts_of_netplan() {
    are_right("netplan", under_networkd);
}

#[test]
fn a_rehearsal_is_right_about_the_hosts_of_network_manager() {
    are_right("networkmanager", under_network_manager);
}
