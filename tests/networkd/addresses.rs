//! Addresses of networkd's own files.

use crate::host::*;
use crate::support::Lab;

#[test]
fn static_addresses_go_over_last_and_come_back() {
    let lab = configured(Lab::start(["--no-libvirt", "--no-ra"]), STATIC);
    let (before, before_files) = (state(&lab), files(&lab));
    let said = lab.host(UP);
    assert!(said.contains("wrote /etc/systemd/network/20-wired-br0-port.network"), "{said}");
    settle(&lab, "br0");
    let live = state(&lab);
    assert!(live.contains("198.51.100.0/24 via 192.0.2.254 dev br0"), "{live}");
    assert!(live.contains("eth0 ether enslaved configured\nbr0 bridge routable configured"), "{live}");
    assert!(lab.host(UP).contains("nothing to do"));
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\n");
    lab.host(["virt-bridge", "check", "uplink-owner", "several-managers"]);
    boot(&lab, "br0");
    assert_eq!(state(&lab), live);
    lab.router(["ping", "-c1", "-W2", "192.0.2.10"]);
    lab.router(["ping", "-c1", "-W2", "2001:db8:0:1::10"]);

    // After a boot there is nothing to undo but the files.
    lab.host(["virt-bridge", "undo", "br0"]);
    assert_eq!((files(&lab), state(&lab)), (before_files.clone(), live));
    boot(&lab, "eth0");
    assert_eq!(state(&lab), before);

    lab.host(UP);
    let said = lab.host(["virt-bridge", "undo", "br0"]);
    assert!(said.contains("restored /etc/systemd/network/20-wired-br0-port.network"), "{said}");
    settle(&lab, "eth0");
    assert_eq!((files(&lab), state(&lab)), (before_files, before));
}

#[test]
fn plan_shows_the_files_and_writes_nothing() {
    let lab = configured(Lab::start(["--no-libvirt", "--no-ra"]), STATIC);
    let before = files(&lab);
    let shown = lab.host(["virt-bridge", "plan", "br0", "--uplink", "eth0", "--persist"]);
    assert!(shown.contains("\n+++ /etc/systemd/network/20-wired-br0.netdev\n"), "{shown}");
    assert!(shown.contains("\n+Bridge=br0\n") && shown.contains("\n+Gateway=2001:db8:0:1::1\n"), "{shown}");
    assert_eq!(files(&lab), before);
    assert!(
        !lab.path("/var/lib/virt-bridge").exists() && !lab.path("/run/systemd/network/20-wired-br0.network.d").exists()
    );
}

/// As at a boot at which libvirtd comes first, or after an administrator has deleted the bridge.
#[test]
fn the_network_hook_lets_networkd_make_the_bridge_and_takes_nothing_from_it() {
    let lab = configured(Lab::start(["--no-ra"]), STATIC);
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\npersist = true\n");
    let xml = "<network><name>lan</name><forward mode='bridge'/><bridge name='br0'/></network>";
    lab.write("/run/lab/network.xml", xml);
    lab.virsh(["net-define", "/run/lab/network.xml"]);
    let before = state(&lab);
    let refused = lab.virsh_fails(["net-start", "lan"]);
    assert!(refused.contains("virt-bridge up BRIDGE --uplink eth0 --persist"), "{refused}");
    assert_eq!(state(&lab), before);

    lab.host(UP);
    settle(&lab, "br0");
    let (live, written) = (state(&lab), files(&lab));
    let late = "kill -STOP $(cat /run/lab/networkd.pid); ip link delete br0
        (sleep 0.5; kill -CONT $(cat /run/lab/networkd.pid)) >/dev/null 2>&1 </dev/null &";
    for (times, delete) in (1..).zip(["ip link delete br0", late]) {
        lab.host(["bash", "-ec", delete]);
        lab.virsh(["net-start", "lan"]);
        assert_eq!(lab.log().matches("systemd-networkd has made br0").count(), times, "{}", lab.log());
        settle(&lab, "br0");
        settle(&lab, "eth0");
        assert_eq!((state(&lab), files(&lab)), (live.clone(), written.clone()));
        lab.virsh(["net-destroy", "lan"]);
    }
}
