//! A host with a lease, with the real ifupdown, dhclient, dhcpcd or udhcpc, and dnsmasq: the lease goes to the bridge, is
//! renewed there, comes at the next boot, and goes back.

mod support;

use std::process::Stdio;
use std::time::{Duration, Instant};

use support::{Lab, SERVER_LOG, told};

const UP: [&str; 6] = ["virt-bridge", "up", "br0", "--uplink", "eth0", "--persist"];

const INTERFACES: &str = "/etc/network/interfaces";

/// Hides the clients that ifupdown would rather take, and configures `eth0`.
const DHCLIENT: &str = "echo 'iface eth0 inet6 auto' >>/etc/network/interfaces";
/// It does the router's advertisements, too; where the server takes more than 5 s it would give itself an address.
const DHCPCD: &str = "mount --bind /dev/null /sbin/dhclient; mount --bind /dev/null /usr/sbin/udhcpc
    echo noipv4ll >>/etc/dhcpcd.conf";
const UDHCPC: &str = "echo 'iface eth0 inet6 auto' >>/etc/network/interfaces; mount --bind /dev/null /sbin/dhclient";

/// A host on a LAN with router advertisements and leases of two minutes, to be renewed after ten seconds.
fn leased(client: &str) -> Lab {
    let lab = Lab::start(["--no-libvirt"]);
    lab.router(["ip", "address", "add", "2001:db8:0:3::1/64", "dev", "lan", "nodad"]);
    serve(&lab);
    lab.write(INTERFACES, "auto lo\niface lo inet loopback\nauto eth0\niface eth0 inet dhcp\n");
    lab.host(["bash", "-ec", client]);
    lab.host([
        "bash",
        "-ec",
        "mkdir -p /run/network; rm -f /var/lib/dhcp/*; ip link set eth0 down; ip address flush dev eth0",
    ]);
    lab.host(["ifup", "-a"]);
    lab
}

fn serve(lab: &Lab) {
    let ipv6 = "--dhcp-range=2001:db8:0:3::100,2001:db8:0:3::1ff,64,2m";
    lab.serve_dhcp(&["--dhcp-option=option:dns-server,192.0.2.1", ipv6]);
}

fn state(lab: &Lab, link: &str) -> String {
    let settled = || {
        let addresses = lab.host(["ip", "-6", "address", "show", "dev", link, "scope", "global", "-tentative"]);
        addresses.contains("2001:db8:0:2:")
    };
    lab.wait_until("an advertised address is there", settled);
    let script = "ip -o address show scope global | awk '{print $2, $3, $4}' | sort
        ip route | sort; ip -6 route | grep -v ^fe80 | sed 's/ expires [^ ]*//' | sort; grep -v '^#' /etc/resolv.conf || true
        ip -j link | jq -c '.[] | [.ifname, .address, .mtu, .operstate, .master]'";
    lab.host(["bash", "-ec", script])
}

/// The lease as the server has it: MAC, address, name and client identifier.
fn lease(lab: &Lab) -> String {
    lab.leases().concat()
}

/// The links that DHCP clients serve: the last argument of a dhclient, the title of a dhcpcd, the option of a udhcpc.
fn served(lab: &Lab) -> String {
    let script = "for pid in $(pgrep -x dhclient); do tr '\\0' ' ' </proc/$pid/cmdline | sed 's/.* \\(.*\\) $/\\1/'; done
        for pid in $(pgrep -x udhcpc); do tr '\\0' ' ' </proc/$pid/cmdline | sed 's/.* -i \\([^ ]*\\) .*/\\1/'; done
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

#[test]
fn a_lease_of_udhcpc_is_renewed_on_the_bridge_and_stays_the_same() {
    stays_the_same(UDHCPC);
}

fn stays_the_same(client: &str) {
    let lab = leased(client);
    let (before, eth0) = (lease(&lab), state(&lab, "eth0"));
    assert!(before.contains("52:54:00:00:00:10 192.0.2.1") && served(&lab) == "eth0", "{before}");
    let said = lab.attempt(UP);
    assert!(said.status.success(), "{}", told(&said));
    assert!(lease(&lab) == before && !lab.read(SERVER_LOG).contains("DHCPRELEASE"), "{}", lab.read(SERVER_LOG));
    assert_eq!(served(&lab), "br0");
    let (begun, acknowledged_before) = (Instant::now(), acknowledged(&lab));
    while acknowledged(&lab) < acknowledged_before + 3 {
        // It asks after half of the lease, whatever the server says.
        lab.attempt(["pkill", "-USR1", "-x", "udhcpc"]);
        assert!(begun.elapsed() < Duration::from_secs(90), "not renewed: {}", lab.read(SERVER_LOG));
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(lease(&lab), before);
    let addresses = lab.host(["ip", "-4", "-o", "address", "show", "scope", "global"]);
    assert!(addresses.lines().count() == 1 && addresses.contains("br0"), "{addresses}");
    // udhcpc gives it none.
    assert!(client == UDHCPC || !addresses.contains("forever"), "the renewed lease has no end: {addresses}");
    assert!(lab.host(["ip", "address", "show", "dev", "eth0"]).lines().all(|line| !line.contains("inet")));
    lab.host(["virt-bridge", "undo", "br0"]);
    assert_eq!(served(&lab), "eth0");
    assert_eq!(lease(&lab), before);
    // dhcpcd sets the routes of an advertisement anew with the router's next one.
    lab.wait_until("eth0 is as before", || state(&lab, "eth0") == eth0);
    if client == UDHCPC {
        // Its script has the later words; the file is where ifupdown looks for it.
        lab.host(["bash", "-c", "kill -USR2 $(cat /run/udhcpc.eth0.pid)"]);
        lab.wait_until("the lease is given up", || addressed(&lab).is_empty());
        assert!(lab.read(SERVER_LOG).contains("DHCPRELEASE"), "{}", lab.read(SERVER_LOG));
    }
}

#[test]
fn a_boot_brings_the_state_that_dhclient_had_after_the_takeover() {
    comes_at_boot(DHCLIENT);
}

#[test]
fn a_boot_brings_the_state_that_dhcpcd_had_after_the_takeover() {
    comes_at_boot(DHCPCD);
}

#[test]
fn a_boot_brings_the_state_that_udhcpc_had_after_the_takeover() {
    comes_at_boot(UDHCPC);
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
        "pkill -9 -x 'dhclient|dhcpcd|udhcpc'; ip link delete br0; ip link set eth0 down; ip address flush dev eth0
         ip link set eth0 addrgenmode eui64; rm -rf /run/network /run/virt-bridge; mkdir /run/network; ifup -a",
    ]);
    assert_eq!((state(&lab), lease(&lab)), (live, before));
    assert!(lab.host(UP).contains("nothing to do"));
}

/// As somebody who comes over SSH says it, or has it said.
fn confirmed_in(time: &str) -> Vec<&str> {
    [&UP[..], &["--confirm", time]].concat()
}

const WAITS: &str = "/run/virt-bridge/br0.confirm";

fn wait_until_it_waits(lab: &Lab) {
    lab.wait_until("the takeover waits for its confirmation", || lab.read(WAITS).contains("\"taken_over\":true"));
}

#[test]
fn a_lease_of_dhclient_that_nobody_confirms_goes_back_whoever_is_killed() {
    goes_back_unconfirmed(DHCLIENT);
}

#[test]
fn a_lease_of_dhcpcd_that_nobody_confirms_goes_back_whoever_is_killed() {
    goes_back_unconfirmed(DHCPCD);
}

#[test]
fn a_lease_of_udhcpc_that_nobody_confirms_goes_back_whoever_is_killed() {
    goes_back_unconfirmed(UDHCPC);
}

fn goes_back_unconfirmed(client: &str) {
    let lab = leased(client);
    let (before, eth0, interfaces) = (lease(&lab), state(&lab, "eth0"), lab.read(INTERFACES));
    for is_killed in [false, true] {
        let mut command = lab.command(confirmed_in("3s")).stdin(Stdio::null()).spawn().unwrap();
        wait_until_it_waits(&lab);
        assert_eq!((served(&lab), lab.read(INTERFACES)), ("br0".into(), interfaces.clone()));
        if is_killed {
            lab.host(["pkill", "-9", "-f", "^virt-bridge up"]);
        }
        let ended = command.wait().unwrap();
        assert!(is_killed || ended.code() == Some(3), "{ended}");
        lab.wait_until("nothing waits any more", || lab.read(WAITS).is_empty());
        assert_eq!((served(&lab), lab.read(INTERFACES)), ("eth0".into(), interfaces.clone()));
        assert_eq!(lab.host(["ls", "/run/virt-bridge"]), "lock\n");
        lab.wait_until("eth0 is as before", || state(&lab, "eth0") == eth0);
    }
    assert!(lease(&lab) == before && !lab.read(SERVER_LOG).contains("DHCPRELEASE"), "{}", lab.read(SERVER_LOG));
}

#[test]
fn what_is_confirmed_with_a_lease_is_written_then_and_stays() {
    let lab = leased(DHCLIENT);
    let (before, interfaces) = (lease(&lab), lab.read(INTERFACES));
    let command = lab.command(confirmed_in("60s")).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    wait_until_it_waits(&lab);
    assert_eq!((served(&lab), lab.read(INTERFACES)), ("br0".into(), interfaces));
    lab.host(["virt-bridge", "confirm", "br0"]);
    let said = command.wait_with_output().unwrap();
    assert!(said.status.success() && told(&said).contains("wrote /etc/network/interfaces"), "{}", told(&said));
    assert_eq!((served(&lab), lease(&lab)), ("br0".into(), before));
    assert!(lab.host(UP).contains("nothing to do"));
}

#[test]
fn a_lease_of_dhcpv6_goes_over_beside_that_of_dhcp_and_comes_back() {
    let lab = leased("echo 'iface eth0 inet6 dhcp' >>/etc/network/interfaces");
    let of_ipv6 = |link: &str| {
        let all = lab.host(["ip", "-6", "-o", "address", "show", "dev", link, "scope", "global", "-tentative"]);
        all.lines()
            .find_map(|line| line.split_whitespace().find(|word| word.starts_with("2001:db8:0:3:")))
            .map(str::to_owned)
    };
    lab.wait_until("the address is there", || of_ipv6("eth0").is_some());
    let (before, address) = (lease(&lab), of_ipv6("eth0"));
    assert_eq!(served(&lab), "eth0eth0");
    lab.host(["ip", "address", "add", "2001:db8:0:4::1/64", "dev", "eth0", "nodad"]);
    let refused = lab.attempt(UP);
    assert!(refused.status.code() == Some(1) && told(&refused).contains("its lasting IPv6"), "{}", told(&refused));
    lab.host(["ip", "address", "delete", "2001:db8:0:4::1/64", "dev", "eth0"]);
    let confirmed = || {
        lab.read(SERVER_LOG)
            .lines()
            .filter(|line| ["DHCPCONFIRM", "DHCPREBIND", "DHCPRENEW"].iter().any(|word| line.contains(word)))
            .count()
    };
    for (command, link) in [(&UP[..], "br0"), (&["virt-bridge", "undo", "br0"], "eth0")] {
        let known = confirmed();
        let said = lab.attempt(command);
        assert!(said.status.success(), "{}", told(&said));
        assert_eq!((served(&lab), of_ipv6(link)), (format!("{link}{link}"), address.clone()));
        lab.wait_until("the server knows of it", || confirmed() > known);
        assert_eq!((lease(&lab), of_ipv6(link)), (before.clone(), address.clone()));
    }
    assert!(!lab.read(SERVER_LOG).contains("DHCPRELEASE"), "{}", lab.read(SERVER_LOG));
}

/// Its first word to its script, wherever it starts, is that all addresses go; and it has no lease but the address.
#[test]
fn udhcpc_takes_no_address_away_and_goes_on_asking_where_no_server_answers() {
    let lab = leased(UDHCPC);
    let script = || lab.host(["bash", "-c", "readlink /run/udhcpc.*.script"]);
    let deleted = || {
        let monitor = lab.read("/run/lab/monitor");
        let deleted = monitor.lines().filter(|line| line.starts_with("Deleted") && line.contains(" inet "));
        deleted.filter_map(|line| line.split_whitespace().nth(2).map(str::to_owned)).collect::<Vec<_>>()
    };
    lab.host(["bash", "-c", "ip -o -4 monitor address >/run/lab/monitor 2>&1 </dev/null & disown"]);
    lab.host(UP);
    assert_eq!(deleted(), ["eth0"]);
    assert_eq!((served(&lab).as_str(), script().as_str()), ("br0", "/etc/udhcpc/default.script\n"));
    assert_eq!(lab.host(["cat", "/run/udhcpc.br0.pid"]), lab.host(["pgrep", "-x", "udhcpc"]));
    assert!(!lab.path("/run/udhcpc.eth0.pid").exists());

    lab.router(["pkill", "-x", "dnsmasq"]);
    let said = lab.attempt(["virt-bridge", "undo", "br0"]);
    assert!(said.status.success() && told(&said).contains("on eth0 yet; udhcpc goes on asking"), "{}", told(&said));
    assert_eq!((served(&lab).as_str(), script().as_str()), ("eth0", "/etc/udhcpc/default.script\n"));
    assert_eq!(addressed(&lab), "eth0");
    assert_eq!(deleted(), ["eth0", "br0"]);
}

#[test]
fn without_persist_a_lease_is_refused_with_the_command_to_run() {
    let lab = leased(DHCLIENT);
    let refused = lab.attempt(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    assert_eq!(refused.status.code(), Some(1), "{}", told(&refused));
    assert!(told(&refused).contains("virt-bridge up BRIDGE --uplink eth0 --persist"), "{}", told(&refused));
    assert_eq!(served(&lab), "eth0");
}

/// Each time the process is killed at a later signal, rename or deletion, until it is not: `check` names what is left
/// between the links, and `heal` brings the client to where the address is.
#[test]
fn a_run_that_is_killed_at_any_step_of_the_hand_over_leaves_a_lease_that_heal_brings_home() {
    comes_home(DHCLIENT, &["kill", "rename", "unlink"]);
}

#[test]
fn a_run_that_is_killed_at_any_step_of_a_hand_over_of_udhcpc_leaves_a_lease_that_heal_brings_home() {
    comes_home(UDHCPC, &["kill", "symlink", "unlink"]);
}

fn comes_home(client: &str, calls: &[&str]) {
    let lab = leased(client);
    let before = lease(&lab);
    let (mut kills, mut named) = (0, 0);
    for call in calls {
        for count in 1.. {
            assert!(count < 30, "{call} has no end");
            let inject = format!("inject={call}:signal=KILL:when={count}");
            let killed = lab.attempt([&["strace", "-qq", "-o", "/dev/null", "-e", &inject][..], &UP].concat());
            let checked = told(&lab.attempt(["virt-bridge", "check", "lease-unfinished"]));
            let is_between = checked.contains("virt-bridge heal");
            let state = (served(&lab), addressed(&lab));
            assert!(is_between || state.0 == state.1, "{call} {count}: {state:?}, {checked}");
            named += usize::from(is_between);
            lab.host(["virt-bridge", "heal"]);
            assert_eq!(served(&lab), addressed(&lab), "{call} {count}");
            assert!(
                !lab.host(["bash", "-c", "cat /proc/$(pgrep -x 'dhclient|udhcpc')/stat"]).contains(") T "),
                "{call} {count}"
            );
            assert!(lab.host(["virt-bridge", "check", "lease-unfinished"]).starts_with("ok"));
            lab.host(["virt-bridge", "undo", "br0"]);
            assert_eq!((served(&lab), addressed(&lab)), ("eth0".into(), "eth0".into()), "{call} {count}");
            if killed.status.success() {
                break;
            }
            kills += 1;
        }
    }
    assert!(kills > 10 && named > 5, "killed {kills} times, of which {named} between the links");
    assert!(lease(&lab) == before && !lab.read(SERVER_LOG).contains("DHCPRELEASE"), "{}", lab.read(SERVER_LOG));
}

/// The same of a run that would wait for its confirmation: its guardian goes back, whatever was done of the hand-over.
#[test]
fn a_run_that_is_killed_before_it_waits_for_its_confirmation_leaves_the_lease_where_it_was() {
    let lab = leased(DHCLIENT);
    let (before, interfaces) = (lease(&lab), lab.read(INTERFACES));
    let mut kills = 0;
    for call in ["kill", "rename"] {
        for count in 1.. {
            assert!(count < 30, "{call} has no end");
            let inject = format!("inject={call}:signal=KILL:when={count}");
            let strace = ["strace", "-qq", "-o", "/run/lab/strace", "-e", &format!("trace={call}"), "-e", &inject];
            lab.attempt([&strace[..], &confirmed_in("1s")].concat());
            lab.wait_until("nothing waits any more", || lab.read(WAITS).is_empty());
            assert_eq!((served(&lab), addressed(&lab)), ("eth0".into(), "eth0".into()), "{call} {count}");
            // A file that was not whole yet nobody reads.
            let records = lab.host(["ls", "/run/virt-bridge", "--ignore=*.new"]);
            assert_eq!(records, "lock\n", "{call} {count}");
            assert!(
                !lab.host(["bash", "-c", "cat /proc/$(pgrep -x dhclient)/stat"]).contains(") T "),
                "{call} {count}"
            );
            if !lab.read("/run/lab/strace").contains("killed by SIGKILL") {
                break;
            }
            kills += 1;
        }
    }
    assert!(kills > 6, "killed {kills} times only");
    assert_eq!((lease(&lab), lab.read(INTERFACES)), (before, interfaces));
}

/// The link that has the leased address.
fn addressed(lab: &Lab) -> String {
    lab.host(["bash", "-c", "ip -4 -o address show scope global | awk '{printf \"%s\", $2}'"])
}
