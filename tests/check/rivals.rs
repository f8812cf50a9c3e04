//! Who else configures the links.

use super::*;

#[test]
fn a_dhcp_client_that_still_works_on_the_uplink() {
    let lab = healthy();
    lab.host(["sh", "-c", "udhcpc -f -i eth0 -s /bin/true >/dev/null 2>&1 & echo $! >/run/lab/udhcpc.pid"]);
    lab.wait_until("udhcpc runs", || told(&lab.attempt(["pgrep", "udhcpc"])).contains("exit status: 0"));
    let finding = finding(&lab, "uplink-owner", PROBLEM);
    assert!(finding["sentence"].as_str().unwrap().contains("udhcpc still works on it"), "{finding}");
    lab.host(["sh", "-c", "kill -9 $(cat /run/lab/udhcpc.pid)"]);
    lab.wait_until("udhcpc has ended", || !told(&lab.attempt(["pgrep", "udhcpc"])).contains("exit status: 0"));
    assert_quiet(&lab);
}

#[test]
fn two_managers_of_one_link() {
    let lab = healthy();
    let stanza = "auto br0\niface br0 inet static\n    address 192.0.2.10/24\n    bridge_ports eth0\n";
    lab.write("/etc/network/interfaces", stanza);
    assert_quiet(&lab);
    lab.host(["sh", "-ec", "rm -rf /etc/systemd/network; mkdir -p /etc/systemd/network"]);
    lab.write("/etc/systemd/network/20-lan.network", "[Match]\nName=br0\n\n[Network]\nDHCP=yes\n");
    let enable = "systemctl --root=/ enable systemd-networkd 2>/run/lab/enable";
    lab.host(["sh", "-ec", enable]);
    let at_boot = finding(&lab, "several-managers", WARNING);
    assert_eq!(
        at_boot["sentence"],
        "br0 is configured by systemd-networkd (/etc/systemd/network/20-lan.network names it, and systemd-networkd \
         starts at boot) and by ifupdown (/etc/network/interfaces:2 says iface br0 inet static): what one sets the \
         other takes away"
    );
    let image = lab.attempt(["virt-bridge", "check", "--root", "/", "several-managers"]);
    assert_eq!(image.status.code(), Some(WARNING), "{}", told(&image));
    lab.host(["networkd", "start"]);
    lab.wait_until("networkd has br0", || {
        told(&lab.attempt(["virt-bridge", "check", "several-managers"])).contains("says ADMIN_STATE=")
    });
    // What the finding says: for networkd, or for ifupdown.
    let alone = "[Match]\nName=br0\n\n[Link]\nUnmanaged=yes\n";
    lab.write("/etc/systemd/network/20-lan.network", alone);
    lab.host(["networkctl", "reload"]);
    lab.wait_until("networkd leaves br0 alone", || {
        lab.attempt(["virt-bridge", "check", "several-managers"]).status.success()
    });
    assert_quiet(&lab);
}

#[test]
fn two_dhcp_clients_on_one_link() {
    let lab = healthy();
    lab.host(["sh", "-c", "udhcpc -f -i br0 -s /bin/true >/dev/null 2>&1 & echo $! >/run/lab/udhcpc.pid"]);
    lab.wait_until("udhcpc runs", || lab.attempt(["pgrep", "udhcpc"]).status.success());
    assert_quiet(&lab);
    let second = "dhclient -d -sf /bin/true -pf /run/lab/dhclient.pid -lf /run/lab/leases br0 >/dev/null 2>&1 & echo";
    lab.host(["sh", "-c", second]);
    lab.wait_until("dhclient runs", || lab.attempt(["pgrep", "dhclient"]).status.success());
    let finding = finding(&lab, "several-managers", WARNING);
    let sentence = finding["sentence"].as_str().unwrap();
    assert!(sentence.contains("(dhclient) runs for br0") && sentence.contains("(udhcpc) runs for br0"), "{finding}");
    assert!(finding["mend"].as_str().unwrap().contains("no longer start dhclient for it"), "{finding}");
    lab.host(["sh", "-c", "kill -9 $(pgrep dhclient)"]);
    lab.wait_until("dhclient has ended", || !lab.attempt(["pgrep", "dhclient"]).status.success());
    assert_quiet(&lab);
}
