//! A bridge that lasts, with the real systemd-networkd, dnsmasq and radvd: written after a takeover, given to the running
//! networkd without a gap, made again at boot, taken back.

mod support;

use std::time::{Duration, Instant};

use support::{Lab, told};

const UP: [&str; 6] = ["virt-bridge", "up", "br0", "--uplink", "eth0", "--persist"];

const SERVER_LOG: &str = "/run/lab/dhcp.log";

const STATIC: &str = "# the LAN
[Match]
Name=eth0

[Network]
Address=192.0.2.10/24
Address=2001:db8:0:1::10/64
Gateway=192.0.2.1
Gateway=2001:db8:0:1::1

[Route]
Destination=198.51.100.0/24
Gateway=192.0.2.254
";

const LEASED: &str = "[Match]\nName=eth0\n\n[Network]\nDHCP=ipv4\n";

/// A host whose eth0 networkd has configured by this file.
fn configured(lab: Lab, network: &str) -> Lab {
    let prepare = "rm -rf /etc/systemd/network; mkdir /etc/systemd/network; rm -f /etc/machine-id
        echo 0123456789abcdef0123456789abcdef >/etc/machine-id
        ip address flush dev eth0; ip link set eth0 down";
    lab.host(["bash", "-ec", prepare]);
    lab.write("/etc/systemd/network/20-wired.network", network);
    lab.host(["networkd", "start"]);
    settle(&lab, "eth0");
    lab
}

/// A LAN with leases of two minutes, to be renewed after ten seconds.
fn serve(lab: &Lab) {
    let server = format!(
        "dnsmasq --conf-file=/dev/null --port=0 --interface=lan --log-dhcp --log-facility={SERVER_LOG} \
         --dhcp-range=192.0.2.100,192.0.2.199,2m --dhcp-option=option:T1,10 --dhcp-option=option:T2,60 \
         --dhcp-leasefile=/run/lab/leases --pid-file=/run/lab/dhcp.pid --user=root"
    );
    lab.router(["sh", "-c", &server]);
}

/// Waits until networkd is content with the link, and the kernel with its addresses.
fn settle(lab: &Lab, link: &str) {
    let is_configured = || {
        let listed = lab.host(["networkctl", "--no-legend", "list", link]);
        listed.contains("configured") && lab.host(["ip", "-6", "address", "show", "tentative"]).is_empty()
    };
    lab.wait_until("networkd has configured the link", is_configured);
}

/// What a boot leaves of the network: the NIC, down, and nothing in /run.
fn boot(lab: &Lab) {
    lab.host(["networkd", "end"]);
    let gone = "ip link delete br0; ip link set eth0 down; ip address flush dev eth0; ip link set eth0 addrgenmode eui64
        rm -rf /run/systemd /run/virt-bridge";
    lab.host(["bash", "-ec", gone]);
    lab.host(["networkd", "start"]);
    settle(lab, "br0");
}

/// Addresses, routes and MAC, what is port of what, and how networkd finds it. A lease that networkd keeps has no end, and
/// its prefix route no metric, until the next boot.
fn state(lab: &Lab) -> String {
    let script = "ip -o address show scope global | awk '{print $2, $3, $4}' | sort
        ip route | sed 's/\\(proto kernel .*\\) metric 1024/\\1/' | sort
        ip -6 route | grep -v fe80::/64 | sed 's/ expires [^ ]*//' | sort
        ip -j -d link show type bridge | jq -c '.[] | [.ifname, .address, .mtu, .operstate]'
        ip -j -d link show type bridge | jq -c '.[].linkinfo.info_data | [.stp_state, .forward_delay]'
        ip -j link show type veth | jq -c '.[] | [.ifname, .address, .mtu, .operstate, .master]'
        networkctl --no-legend list | awk '{print $2, $3, $4, $5}'";
    lab.host(["bash", "-ec", script])
}

/// The lease as the server has it: MAC, address, name and client identifier.
fn lease(lab: &Lab) -> String {
    lab.read("/run/lab/leases").lines().filter_map(|line| line.split_once(' ')).map(|(_, lease)| lease).collect()
}

fn files(lab: &Lab) -> String {
    lab.host(["bash", "-c", "cd /etc/systemd/network; stat -c '%n %a %U' -- *; sha256sum -- *"])
}

/// Every address that was taken from a link since the watch began.
fn watch(lab: &Lab) {
    lab.host(["bash", "-c", "ip -o monitor address route >/run/lab/monitor 2>&1 </dev/null & disown"]);
}

#[test]
fn static_addresses_go_over_last_and_come_back() {
    let lab = configured(Lab::start(["--no-libvirt", "--no-ra"]), STATIC);
    let (before, before_files) = (state(&lab), files(&lab));
    let said = lab.host(UP);
    assert!(said.contains("wrote /etc/systemd/network/20-wired-br0-port.network"), "{said}");
    let live = state(&lab);
    assert!(live.contains("198.51.100.0/24 via 192.0.2.254 dev br0") && live.contains("br0 bridge routable configured"));
    assert!(lab.host(UP).contains("nothing to do"));
    boot(&lab);
    assert_eq!(state(&lab), live);
    lab.router(["ping", "-c1", "-W2", "192.0.2.10"]);
    lab.router(["ping", "-c1", "-W2", "2001:db8:0:1::10"]);

    // After a boot there is nothing to undo but the files.
    lab.host(["virt-bridge", "undo", "br0"]);
    assert_eq!((files(&lab), state(&lab)), (before_files.clone(), live));
    lab.host(["bash", "-c", "networkd end; ip link delete br0; rm -rf /run/systemd; networkd start"]);
    settle(&lab, "eth0");
    assert_eq!(state(&lab), before);

    lab.host(UP);
    let said = lab.host(["virt-bridge", "undo", "br0"]);
    assert!(said.contains("restored /etc/systemd/network/20-wired-br0-port.network"), "{said}");
    settle(&lab, "eth0");
    assert_eq!((files(&lab), state(&lab)), (before_files, before));
}

#[test]
fn a_lease_goes_over_without_a_gap_is_renewed_and_comes_back() {
    let lab = Lab::start(["--no-libvirt"]);
    serve(&lab);
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

    boot(&lab);
    assert_eq!((state(&lab), lease(&lab)), (live, leased.clone()));
    assert!(lab.host(UP).contains("nothing to do"));
    lab.host(["virt-bridge", "undo", "br0"]);
    assert_eq!(files(&lab), before_files);
}

#[test]
fn undo_gives_a_lease_back_without_a_gap() {
    let lab = Lab::start(["--no-libvirt"]);
    serve(&lab);
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
fn an_undo_that_is_refused_leaves_the_bridge_to_networkd() {
    let lab = configured(Lab::start(["--no-libvirt", "--no-ra"]), STATIC);
    lab.host(UP);
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
fn plan_shows_the_files_and_writes_nothing() {
    let lab = configured(Lab::start(["--no-libvirt", "--no-ra"]), STATIC);
    let before = files(&lab);
    let shown = lab.host(["virt-bridge", "plan", "br0", "--uplink", "eth0", "--persist"]);
    assert!(shown.contains("\n+++ /etc/systemd/network/20-wired-br0.netdev\n"), "{shown}");
    assert!(shown.contains("\n+Bridge=br0\n") && shown.contains("\n+Gateway=2001:db8:0:1::1\n"), "{shown}");
    assert_eq!(files(&lab), before);
    assert!(!lab.path("/var/lib/virt-bridge").exists() && !lab.path("/run/systemd/network/20-wired-br0.network.d").exists());
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
    let (live, written) = (state(&lab), files(&lab));
    lab.host(["ip", "link", "delete", "br0"]);
    lab.virsh(["net-start", "lan"]);
    assert!(lab.log().contains("systemd-networkd has made br0"), "{}", lab.log());
    settle(&lab, "br0");
    settle(&lab, "eth0");
    assert_eq!((state(&lab), files(&lab)), (live, written));
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
