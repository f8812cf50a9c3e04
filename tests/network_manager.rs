//! A bridge that lasts, with the real NetworkManager: handed over under its checkpoint, made again at boot, taken back.

mod support;

use std::process::{Child, Stdio};

use serde_json::Value;
use support::{Lab, SERVER_LOG, told};

const PROFILES: &str = "/etc/NetworkManager/system-connections";

const UP: [&str; 7] = ["virt-bridge", "up", "br0", "--uplink", "eth0", "--persist", "--no-confirm"];

const STATIC: &str = "# the LAN
[connection]
id=lan
uuid=6f1a0f64-3a0e-4b3c-9d8b-2f60f7d7a111
type=ethernet
interface-name=eth0

[ipv4]
address1=192.0.2.10/24,192.0.2.1
dns=192.0.2.1;
method=manual
route1=198.51.100.0/24,192.0.2.254

[ipv6]
addr-gen-mode=default
address1=2001:db8:0:1::10/64,2001:db8:0:1::1
method=manual
";

const DHCP: &str = "[connection]
id=lan
uuid=6f1a0f64-3a0e-4b3c-9d8b-2f60f7d7a111
type=ethernet

[ipv4]
method=auto

[ipv6]
addr-gen-mode=default
method=auto
";

const NETPLAN: &str = "network:
  version: 2
  renderer: NetworkManager
  ethernets:
    eth0:
      dhcp4: true
      dhcp6: true
";

/// A host whose eth0 NetworkManager has brought up by this profile, as at boot.
fn configured<'a>(options: impl IntoIterator<Item = &'a str>, profile: &str) -> Lab {
    let lab = Lab::start(options);
    start(&lab, profile);
    settle(&lab, "eth0");
    lab
}

fn start(lab: &Lab, profile: &str) {
    start_with(lab, &format!("{PROFILES}/lan.nmconnection"), profile);
}

fn start_with(lab: &Lab, file: &str, text: &str) {
    lab.host(["bash", "-ec", "ip link set eth0 down; ip address flush dev eth0; network-manager prepare"]);
    lab.write(file, text);
    lab.host(["chmod", "600", file]);
    lab.host(["bash", "-ec", GENERATE]);
    lab.host(["network-manager", "start"]);
}

/// What netplan's generator does early at boot.
const GENERATE: &str = "! ls /etc/netplan/*.yaml &>/dev/null || netplan generate";

/// A host with leases of DHCP and DHCPv6, and an advertised address.
fn leased() -> Lab {
    leased_by(&format!("{PROFILES}/lan.nmconnection"), DHCP)
}

fn leased_by(file: &str, text: &str) -> Lab {
    let lab = Lab::start(["--no-libvirt", "--no-ra"]);
    lab.router(["ip", "address", "add", "2001:db8:0:2::1/64", "dev", "lan", "nodad"]);
    let ipv6 = "--dhcp-range=2001:db8:0:2::100,2001:db8:0:2::1ff,slaac,64,2m";
    lab.serve_dhcp(&["--dhcp-option=option:dns-server,192.0.2.1", ipv6, "--enable-ra"]);
    start_with(&lab, file, text);
    has_leases(&lab, "eth0");
    lab
}

fn settle(lab: &Lab, link: &str) {
    lab.wait_until("the profile is up", || {
        let state = lab.host(["nmcli", "-t", "-f", "DEVICE,STATE", "device"]);
        state.lines().any(|line| line == format!("{link}:connected"))
    });
    lab.wait_until("IPv6 addresses are there", || lab.host(["ip", "-6", "address", "show", "tentative"]).is_empty());
}

fn has_leases(lab: &Lab, link: &str) {
    lab.wait_until("leased and advertised addresses are there", || {
        let addresses = lab.host(["ip", "-o", "address", "show", "dev", link, "scope", "global", "-tentative"]);
        addresses.contains(" 192.0.2.1") && addresses.matches("2001:db8:0:2:").count() == 2
    });
}

/// What a boot leaves of the network: the NIC, down.
fn boot(lab: &Lab) {
    lab.host(["network-manager", "stop"]);
    let gone = "ip link delete br0; ip link set eth0 down; ip address flush dev eth0; \
                rm -rf /run/NetworkManager /run/virt-bridge /etc/resolv.conf";
    lab.host(["bash", "-c", gone]);
    lab.host(["bash", "-ec", GENERATE]);
    lab.host(["network-manager", "start"]);
}

/// Addresses, routes and DNS; `link` is called LINK. NetworkManager lets the kernel take advertisements for as long as it
/// sets a token (the kernel takes one only then: addrconf.c, `inet6_set_iftoken`), so that some routes may be
/// there twice, until they expire.
fn state(lab: &Lab, link: &str) -> String {
    let script = "ip -o address show scope global | awk '{print $2, $3, $4, $5, $6}' | sort
        ip route; ip -6 route | grep -Ev '^fe80|proto (ra metric 1024|kernel metric 256)' | sed 's/ expires [^ ]*//' | sort
        cat /etc/resolv.conf";
    lab.host(["bash", "-ec", script]).replace(&format!(" {link} "), " LINK ").replace(&format!("{link} "), "LINK ")
}

fn bridge(lab: &Lab) -> String {
    let script = "ip -j link show br0 | jq -c '.[] | [.address, .mtu, .operstate]'
        ip -j link show master br0 | jq -c '[.[] | .ifname, .address]'
        ip -d -j link show br0 | jq -c '.[].linkinfo.info_data | [.stp_state, .forward_delay]'";
    lab.host(["bash", "-ec", script])
}

/// Every file of NetworkManager's configuration, with its mode and bytes.
fn files(lab: &Lab) -> String {
    lab.host([
        "bash",
        "-ec",
        "cd /etc; find NetworkManager netplan -type f -printf '%p %m %u\\n' -exec sha256sum {} + | sort",
    ])
}

#[test]
fn a_boot_brings_the_state_that_the_hand_over_made() {
    let lab = configured(["--no-libvirt", "--no-ra"], STATIC);
    let before = state(&lab, "eth0");
    let said = lab.host(UP);
    assert!(
        said.contains("NetworkManager has handed 2 addresses and") && said.contains("wrote /etc/NetworkM"),
        "{said}"
    );
    assert_eq!(state(&lab, "br0"), before);
    let live = bridge(&lab);
    assert!(live.starts_with("[\"52:54:00:00:00:10\",1500,\"UP\"]\n[\"eth0\""), "{live}");
    let copies = lab.host(["bash", "-c", "ls /run/NetworkManager/system-connections | grep virt-bridge; true"]);
    assert_eq!(copies, "", "a copy is left");
    boot(&lab);
    settle(&lab, "br0");
    assert_eq!((state(&lab, "br0"), bridge(&lab)), (before, live));
    lab.router(["ping", "-c1", "-W2", "192.0.2.10"]);
    lab.router(["ping", "-c1", "-W2", "2001:db8:0:1::10"]);
    assert!(lab.host(UP).contains("nothing to do"));
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\n");
    lab.host(["virt-bridge", "check", "uplink-owner", "several-managers"]);
}

#[test]
fn a_lease_and_advertised_addresses_stay_the_same_on_the_bridge() {
    let lab = leased();
    let (before, leases) = (state(&lab, "eth0"), lab.leases());
    lab.host(UP);
    has_leases(&lab, "br0");
    assert_eq!((state(&lab, "br0"), lab.leases()), (before.clone(), leases.clone()));
    boot(&lab);
    has_leases(&lab, "br0");
    settle(&lab, "br0");
    assert_eq!((state(&lab, "br0"), lab.leases()), (before.clone(), leases.clone()));
    lab.host(["virt-bridge", "undo", "br0"]);
    has_leases(&lab, "eth0");
    settle(&lab, "eth0");
    assert_eq!((state(&lab, "eth0"), lab.leases()), (before, leases));
    assert!(!lab.read(SERVER_LOG).contains("DHCPRELEASE"));
}

#[test]
fn a_profile_of_netplans_gives_way_at_each_boot_until_undo() {
    let lab = leased_by("/etc/netplan/01-network-manager-all.yaml", NETPLAN);
    let before = (state(&lab, "eth0"), lab.leases(), files(&lab));
    let said = lab.host(UP);
    assert!(said.contains("NetworkManager has handed"), "{said}");
    for boots in 0..2 {
        has_leases(&lab, "br0");
        settle(&lab, "br0");
        assert_eq!((state(&lab, "br0"), lab.leases()), (before.0.clone(), before.1.clone()), "after {boots} boots");
        assert!(lab.host(UP).contains("nothing to do"));
        boot(&lab);
    }
    has_leases(&lab, "br0");
    lab.host(["virt-bridge", "undo", "br0"]);
    for _ in 0..2 {
        has_leases(&lab, "eth0");
        settle(&lab, "eth0");
        assert_eq!((state(&lab, "eth0"), lab.leases(), files(&lab)), before);
        boot(&lab);
    }
}

#[test]
fn undo_gives_files_and_state_back() {
    let lab = configured(["--no-libvirt", "--no-ra"], STATIC);
    let before = (files(&lab), lab.state());
    lab.host(UP);
    let said = lab.host(["virt-bridge", "undo", "br0"]);
    assert!(said.contains(&format!("restored {PROFILES}/lan.nmconnection")), "{said}");
    settle(&lab, "eth0");
    assert_eq!((files(&lab), lab.state()), before);
    let profiles = lab.host(["nmcli", "-t", "-f", "NAME,DEVICE", "connection"]);
    assert!(profiles.lines().all(|line| !line.contains("br0")), "{profiles}");
    boot(&lab);
    settle(&lab, "eth0");
    assert_eq!((files(&lab), lab.state()), before);
}

#[test]
fn what_network_manager_has_not_made_is_refused_before_anything_is_done() {
    let lab = configured(["--no-libvirt", "--no-ra"], STATIC);
    for (add, delete) in [
        ("ip address add 192.0.2.77/24 dev eth0", "ip address delete 192.0.2.77/24 dev eth0"),
        ("ip route add 203.0.113.0/24 via 192.0.2.254", "ip route delete 203.0.113.0/24"),
    ] {
        lab.host(["bash", "-c", add]);
        let before = (files(&lab), lab.state());
        let refused = lab.attempt(UP);
        assert_eq!(refused.status.code(), Some(1), "{}", told(&refused));
        assert!(told(&refused).contains("NetworkManager has not made "), "{}", told(&refused));
        assert_eq!((files(&lab), lab.state()), before);
        lab.host(["bash", "-c", delete]);
    }
    assert!(lab.attempt(UP).status.success());
}

/// The router answers the NIC, and then is silent: the bridge has everything, and leads nowhere.
#[test]
fn a_bridge_that_no_router_answers_lets_all_go_back() {
    let lab = configured(["--no-libvirt", "--no-ra"], STATIC);
    let before = (files(&lab), lab.state());
    // From the moment that NetworkManager is about to be told of the bridge.
    let silencing = "#!/bin/sh\n[ \"$2\" != load ] || switch ip link set router down\nexec /run/lab/nmcli \"$@\"\n";
    lab.write("/run/lab/silencing", silencing);
    let instead = "nmcli=$(command -v nmcli); cp $nmcli /run/lab/; chmod +x /run/lab/silencing; mount --bind /run/lab/silencing $nmcli";
    lab.host(["sh", "-ec", instead]);
    let failed = lab.attempt(UP);
    lab.host(["switch", "ip", "link", "set", "router", "up"]);
    assert_eq!(failed.status.code(), Some(3), "{}", told(&failed));
    assert!(told(&failed).contains("192.0.2.1 does not answer through it; the host is as it was"), "{}", told(&failed));
    settle(&lab, "eth0");
    assert_eq!((files(&lab), lab.state()), before);
    lab.router(["ping", "-c1", "-W2", "192.0.2.10"]);
}

/// Its server answers no more: the lease cannot be asked for again, neither on the bridge nor back on the NIC.
#[test]
fn a_lease_whose_server_has_gone_stays_on_the_uplink() {
    let lab = leased();
    let before = files(&lab);
    lab.router(["bash", "-c", "kill -STOP $(cat /run/lab/dhcp.pid)"]);
    let failed = lab.attempt(UP);
    assert_eq!(failed.status.code(), Some(3), "{}", told(&failed));
    let addresses = lab.host(["ip", "-o", "-4", "address", "show", "dev", "eth0"]);
    assert!(addresses.contains(" 192.0.2.1"), "{addresses}");
    lab.router(["ping", "-c1", "-W2", addresses.split_whitespace().nth(3).unwrap().split('/').next().unwrap()]);
    assert_eq!(files(&lab), before);
    lab.router(["bash", "-c", "kill -CONT $(cat /run/lab/dhcp.pid)"]);
    has_leases(&lab, "eth0");
}

#[test]
fn what_network_manager_carries_out_has_a_receipt_until_undo() {
    let lab = configured(["--no-libvirt", "--no-ra"], STATIC);
    let told_of = lab.host(UP);
    assert!(told_of.contains("routes of eth0 over to br0 in ") && told_of.contains("\noutage: at most "), "{told_of}");
    let receipt: Value = serde_json::from_str(&lab.host(["virt-bridge", "receipt", "--json"])).unwrap();
    let times: Vec<u64> = receipt["microseconds"].as_array().unwrap().iter().filter_map(|it| it[1].as_u64()).collect();
    let outage = receipt["outage"].as_u64().unwrap();
    assert!(times.len() == 2 && outage > 0 && outage < times.iter().sum(), "{receipt}");
    let words = lab.host(["virt-bridge", "receipt", "br0"]);
    assert!(words.starts_with("NetworkManager handed eth0 over to br0 on "), "{words}");
    assert!(words.contains("\n  address 192.0.2.10/24") && words.contains("\noutage: at most "), "{words}");
    lab.host(["virt-bridge", "undo", "br0"]);
    assert!(told(&lab.attempt(["virt-bridge", "receipt"])).contains("there is no receipt"));
}

#[test]
fn plan_shows_the_profiles_and_writes_nothing() {
    let lab = configured(["--no-libvirt", "--no-ra"], STATIC);
    let before = (files(&lab), lab.state());
    let shown = lab.host(["virt-bridge", "plan", "br0", "--uplink", "eth0", "--persist"]);
    assert!(
        shown.contains("\n+address1=192.0.2.10/24,192.0.2.1\n") && shown.contains("\n+autoconnect=false\n"),
        "{shown}"
    );
    assert_eq!((files(&lab), lab.state()), before);
}

#[test]
fn undo_leaves_guests_online_and_a_profile_that_somebody_changed() {
    let lab = configured(["--no-libvirt", "--no-ra"], STATIC);
    lab.host(UP);
    lab.host(["bash", "-ec", "ip tuntap add tap0 mode tap; ip link set tap0 master br0"]);
    let refused = lab.attempt(["virt-bridge", "undo", "br0"]);
    assert!(refused.status.code() == Some(1) && told(&refused).contains("the ports tap0"), "{}", told(&refused));
    lab.host(["ip", "link", "delete", "tap0"]);
    let profile = format!("{PROFILES}/br0.nmconnection");
    let theirs = lab.read(&profile) + "\n[proxy]\nmethod=1\n";
    lab.write(&profile, &theirs);
    let refused = lab.attempt(["virt-bridge", "undo", "br0"]);
    assert_eq!(refused.status.code(), Some(4), "{}", told(&refused));
    assert!(told(&refused).contains("\n+[proxy]\n"), "{}", told(&refused));
    assert_eq!(lab.read(&profile), theirs);
    lab.router(["ping", "-c1", "-W2", "192.0.2.10"]);
}

fn define_network(lab: &Lab) {
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\n");
    let xml = "<network><name>lan</name><forward mode='bridge'/><bridge name='br0'/></network>";
    lab.write("/run/lab/network.xml", xml);
    lab.virsh(["net-define", "/run/lab/network.xml"]);
}

/// An administrator who took the bridge down.
#[test]
fn the_network_hook_lets_network_manager_make_the_bridge_and_writes_nothing() {
    let lab = configured(["--no-ra"], STATIC);
    lab.host(UP);
    let live = (state(&lab, "br0"), bridge(&lab));
    lab.host(["nmcli", "connection", "down", "br0"]);
    lab.wait_until("the bridge is gone", || !lab.attempt(["ip", "link", "show", "br0"]).status.success());
    define_network(&lab);
    let written = files(&lab);
    lab.virsh(["net-start", "lan"]);
    settle(&lab, "br0");
    assert_eq!((state(&lab, "br0"), bridge(&lab)), live);
    assert!(lab.log().contains("NetworkManager has made br0"), "{}", lab.log());
    assert_eq!(files(&lab), written);
}

/// At boot libvirtd starts its networks while NetworkManager brings up what it has, which waits for the cable.
#[test]
fn the_network_hook_waits_for_what_network_manager_brings_up_at_boot() {
    let lab = configured(["--no-ra"], STATIC);
    lab.host(UP);
    define_network(&lab);
    lab.host(["switch", "ip", "link", "set", "host", "down"]);
    lab.host(["truncate", "--size=0", "/run/lab/network-manager.log"]);
    boot(&lab);
    assert_eq!(lab.host(["nmcli", "-g", "STARTUP", "general"]), "starting\n");
    lab.host(["switch", "bash", "-c", "(sleep 2; ip link set host up) </dev/null &>/dev/null &"]);
    lab.virsh(["net-start", "lan"]);
    assert!(bridge(&lab).contains("\"eth0\""), "{}", bridge(&lab));
    let log = lab.read("/run/lab/network-manager.log");
    assert_eq!(log.matches("Activation: starting connection 'br0'").count(), 1, "{}", lab.log());
}

/// Each time the process is killed at a later rename, until it is not: what a boot makes of the files is the NIC's old
/// profile or the bridge, and both `up` and `undo` go on from there.
#[test]
fn a_run_that_is_killed_leaves_the_old_configuration_or_the_new_one() {
    let lab = configured(["--no-libvirt", "--no-ra"], STATIC);
    let before = files(&lab);
    lab.host(UP);
    let after = files(&lab);
    lab.host(["virt-bridge", "undo", "br0"]);
    for count in 1.. {
        let inject = format!("inject=rename:signal=KILL:when={count}");
        let killed = lab.attempt([&["strace", "-qq", "-o", "/dev/null", "-e", &inject][..], &UP].concat());
        let profiles = lab.host(["bash", "-c", &format!("ls {PROFILES}")]);
        let has_port = profiles.contains("br0-eth0");
        assert!(!has_port || profiles.contains("br0.nmconnection\n"), "{count}: {profiles}");
        boot(&lab);
        settle(&lab, if has_port { "br0" } else { "eth0" });
        lab.router(["ping", "-c1", "-W5", "192.0.2.10"]);
        lab.host(UP);
        assert_eq!(files(&lab), after, "{count}");
        lab.host(["virt-bridge", "undo", "br0"]);
        settle(&lab, "eth0");
        assert_eq!(files(&lab), before, "{count}");
        if killed.status.success() {
            assert!(count > 5, "killed {} times only", count - 1);
            break;
        }
    }
}

/// Where the takeover of br0 waits for its confirmation.
const WAITS: &str = "/run/virt-bridge/br0.confirm";

fn start_confirmed_in(lab: &Lab, time: &str) -> Child {
    let up = [&UP[..6], &["--confirm", time]].concat();
    let mut command =
        lab.command(up).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut has_ended = || command.try_wait().unwrap().is_some();
    lab.wait_until("it waits for its confirmation", || lab.read(WAITS).contains("\"taken_over\":true") || has_ended());
    assert!(!has_ended(), "it did not wait: {}", told(&command.wait_with_output().unwrap()));
    command
}

fn is_as_before(lab: &Lab, before: &(String, String)) {
    lab.wait_until("nothing waits any more", || lab.read(WAITS).is_empty());
    settle(lab, "eth0");
    assert_eq!((files(lab), lab.state()), *before);
    lab.router(["ping", "-c1", "-W2", "192.0.2.10"]);
}

#[test]
fn what_is_confirmed_after_the_command_was_killed_lasts_as_well() {
    let lab = configured(["--no-libvirt", "--no-ra"], STATIC);
    lab.host(UP);
    let after = files(&lab);
    lab.host(["virt-bridge", "undo", "br0"]);
    settle(&lab, "eth0");
    let before = files(&lab);
    let mut killed = start_confirmed_in(&lab, "60s");
    lab.host(["pkill", "-9", "-f", "^virt-bridge up"]);
    killed.wait().unwrap();
    assert_eq!(files(&lab), before, "written before it is confirmed");
    let said = lab.host(["virt-bridge", "confirm"]);
    assert!(said.contains("br0: confirmed, and stays\n") && said.contains("wrote "), "{said}");
    assert_eq!(files(&lab), after);
    lab.host(["virt-bridge", "undo", "br0"]);
    settle(&lab, "eth0");

    lab.host([&UP[..6], &["--confirm", "60s", "--detach"]].concat());
    assert_eq!(files(&lab), before, "written before it is confirmed");
    lab.host(["virt-bridge", "confirm"]);
    assert_eq!(files(&lab), after);
    // Switched off while NetworkManager gave the addresses over, and back.
    let detection = ["net.ipv6.conf.br0.accept_dad", "net.ipv6.conf.eth0.accept_dad"];
    assert_eq!(lab.host(["sysctl", "-n"].iter().chain(&detection)), "1\n1\n");
    boot(&lab);
    settle(&lab, "br0");
    lab.router(["ping", "-c1", "-W5", "192.0.2.10"]);
}

#[test]
fn what_nobody_confirms_goes_back_whoever_is_killed() {
    let lab = configured(["--no-libvirt", "--no-ra"], STATIC);
    let before = (files(&lab), lab.state());
    let output = start_confirmed_in(&lab, "2s").wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", told(&output));
    assert!(told(&output).contains("br0 was not confirmed; the host is as it was before"), "{}", told(&output));
    is_as_before(&lab, &before);

    let mut command = start_confirmed_in(&lab, "3s");
    assert_eq!(files(&lab), before.0, "written before it is confirmed");
    lab.host(["pkill", "-9", "-f", "^virt-bridge up"]);
    command.wait().unwrap();
    is_as_before(&lab, &before);

    let command = start_confirmed_in(&lab, "300s");
    lab.host(["virt-bridge", "undo", "br0"]);
    assert_eq!(command.wait_with_output().unwrap().status.code(), Some(3));
    is_as_before(&lab, &before);
}

#[test]
fn a_lease_that_nobody_confirms_stays_the_same_on_the_uplink() {
    let lab = leased();
    let (before, written, leases) = (state(&lab, "eth0"), files(&lab), lab.leases());
    let output = start_confirmed_in(&lab, "1s").wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", told(&output));
    has_leases(&lab, "eth0");
    settle(&lab, "eth0");
    assert_eq!((state(&lab, "eth0"), files(&lab), lab.leases()), (before, written, leases));
    assert!(!lab.read(SERVER_LOG).contains("DHCPRELEASE"));
}

/// Nobody of us is left: NetworkManager itself goes back, and the next run takes away what still waits.
#[test]
fn network_manager_goes_back_by_itself_when_all_of_us_were_killed() {
    let lab = configured(["--no-libvirt", "--no-ra"], STATIC);
    let before = (files(&lab), lab.state());
    let mut command = start_confirmed_in(&lab, "1s");
    // Stopped first, so that it starts no other guardian.
    for (signal, process) in [("-STOP", "up"), ("-KILL", "guard"), ("-KILL", "up")] {
        lab.host(["pkill", signal, "--full", &format!("virt-bridge {process}")]);
    }
    // nsenter(1) stops when its child does.
    command.kill().unwrap();
    command.wait().unwrap();
    lab.wait_until("the bridge is gone", || !lab.attempt(["ip", "link", "show", "br0"]).status.success());
    settle(&lab, "eth0");
    let output = lab.attempt(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    assert!(told(&output).contains("an earlier takeover by br0 was not confirmed in time"), "{}", told(&output));
    is_as_before(&lab, &before);
}

#[test]
fn what_is_confirmed_is_written_then_and_boots() {
    let lab = configured(["--no-libvirt", "--no-ra"], STATIC);
    let (before, eth0) = (files(&lab), state(&lab, "eth0"));
    let command = start_confirmed_in(&lab, "60s");
    assert_eq!(files(&lab), before);
    lab.host(["virt-bridge", "confirm"]);
    let output = command.wait_with_output().unwrap();
    assert!(output.status.success() && told(&output).contains("br0: confirmed, and stays"), "{}", told(&output));
    boot(&lab);
    settle(&lab, "br0");
    assert_eq!(state(&lab, "br0"), eth0);
}
