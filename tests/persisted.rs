//! A bridge that lasts, with the real ifupdown: written after a takeover, made again at boot, taken back.

mod support;

use std::process::Stdio;

use support::{Lab, told};

const INTERFACES: &str = "/etc/network/interfaces";

const STATIC: &str = "# the LAN
auto lo
iface lo inet loopback

auto eth0
iface eth0 inet static
    address 192.0.2.10/24
    gateway 192.0.2.1
    up ip route add 198.51.100.0/24 via 192.0.2.254 dev eth0
iface eth0 inet6 static
    address 2001:db8:0:1::10/64
    gateway 2001:db8:0:1::1
";

const UP: [&str; 6] = ["virt-bridge", "up", "br0", "--uplink", "eth0", "--persist"];

/// A host whose eth0 was configured by `ifup -a`, as at boot.
fn configured() -> Lab {
    let lab = Lab::start(["--no-libvirt", "--no-ra"]);
    lab.write(INTERFACES, STATIC);
    lab.host(["bash", "-ec", "mkdir -p /run/network /var/lib/dhcp; ip address flush dev eth0; ip link set eth0 down"]);
    lab.host(["ifup", "-a"]);
    settle(&lab);
    lab
}

fn settle(lab: &Lab) {
    lab.wait_until("IPv6 addresses are there", || lab.host(["ip", "-6", "address", "show", "tentative"]).is_empty());
}

/// What a boot leaves of the network: the NIC, down.
fn boot(lab: &Lab) {
    let gone = "ip link delete br0; ip link set eth0 down; ip address flush dev eth0; ip link set eth0 addrgenmode eui64; \
                rm -rf /run/network /run/virt-bridge; mkdir /run/network";
    lab.host(["bash", "-c", gone]);
    lab.host(["ifup", "-a"]);
}

/// Addresses, also those that a port should not have, routes and MAC, and what is port of what.
fn state(lab: &Lab) -> String {
    settle(lab);
    let script = "ip -o address show scope global | awk '{print $2, $3, $4, $5, $6}' | sort
        ip route; ip -6 route | grep -v fe80 | sort
        ip -j link show br0 | jq -c '.[] | [.address, .mtu, .operstate]'
        ip -j link show master br0 | jq -c '[.[].ifname]'
        ip -o address show master br0 | awk '{print $2, $4}'
        ip -d -j link show br0 | jq -c '.[].linkinfo.info_data | [.stp_state, .forward_delay]'";
    lab.host(["bash", "-ec", script])
}

#[test]
fn a_boot_brings_the_state_that_the_takeover_made() {
    let lab = configured();
    let said = lab.host(UP);
    assert!(said.contains("wrote /etc/network/interfaces"), "{said}");
    let live = state(&lab);
    assert!(live.contains("198.51.100.0/24 via 192.0.2.254 dev br0"), "{live}");
    boot(&lab);
    assert_eq!(state(&lab), live);
    lab.router(["ping", "-c1", "-W2", "192.0.2.10"]);
    lab.router(["ping", "-c1", "-W2", "2001:db8:0:1::10"]);
    assert!(lab.host(UP).contains("nothing to do"));
}

#[test]
fn a_boot_brings_the_same_state_without_bridge_utils() {
    let lab = configured();
    lab.host(["rm", "/etc/network/if-pre-up.d/bridge", "/etc/network/if-post-down.d/bridge"]);
    lab.host(UP);
    assert!(lab.read(INTERFACES).contains("pre-up ip link set dev eth0 master $IFACE up"));
    let live = state(&lab);
    boot(&lab);
    assert_eq!(state(&lab), live);
    lab.router(["ping", "-c1", "-W2", "192.0.2.10"]);
}

#[test]
fn ifupdown_knows_of_the_bridge_and_can_take_it_down() {
    let lab = configured();
    lab.host(UP);
    assert_eq!(lab.host(["ifquery", "--state", "br0"]), "br0=br0\n");
    lab.host(["ifdown", "br0"]);
    assert!(!lab.attempt(["ip", "link", "show", "br0"]).status.success());
    lab.host(["ifup", "br0"]);
    lab.router(["ping", "-c1", "-W2", "192.0.2.10"]);
}

#[test]
fn plan_shows_the_file_and_writes_nothing() {
    let lab = configured();
    let shown = lab.host(["virt-bridge", "plan", "br0", "--uplink", "eth0", "--persist"]);
    assert!(shown.contains("\n+    bridge_ports eth0\n") && shown.contains("\n-iface eth0 inet static\n"), "{shown}");
    assert!(shown.contains("up ip route add 198.51.100.0/24 via 192.0.2.254 dev eth0` names eth0 and will name br0"));
    assert!(!shown.contains("lasts until the next"), "{shown}");
    assert_eq!(lab.read(INTERFACES), STATIC);
    assert!(!lab.path("/var/lib/virt-bridge").exists());
}

#[test]
fn undo_gives_the_file_back_to_the_byte() {
    let lab = configured();
    lab.host(["chmod", "640", INTERFACES]);
    let before = (lab.state(), lab.host(["stat", "-c", "%a %U:%G", INTERFACES]));
    lab.host(UP);
    let said = lab.host(["virt-bridge", "undo", "br0"]);
    assert!(said.contains("restored /etc/network/interfaces"), "{said}");
    assert_eq!(lab.read(INTERFACES), STATIC);
    assert_eq!((lab.state(), lab.host(["stat", "-c", "%a %U:%G", INTERFACES])), before);
    assert_eq!(lab.host(["bash", "-c", "ifquery --state | sort"]), "eth0=eth0\nlo=lo\n");
    let down = lab.attempt(["ifdown", "br0"]);
    assert!(told(&down).contains("br0 not configured"), "{}", told(&down));
}

#[test]
fn undo_leaves_a_file_that_somebody_changed_and_shows_the_difference() {
    let lab = configured();
    lab.host(UP);
    let theirs = lab.read(INTERFACES) + "# theirs\n";
    lab.write(INTERFACES, &theirs);
    let refused = lab.attempt(["virt-bridge", "undo", "br0"]);
    assert_eq!(refused.status.code(), Some(4), "{}", told(&refused));
    assert!(told(&refused).contains("\n+# theirs\n"), "{}", told(&refused));
    assert_eq!(lab.read(INTERFACES), theirs);
}

/// As a boot that has not come to `ifup` yet, or an administrator who took the bridge down.
#[test]
fn the_network_hook_lets_ifup_make_the_bridge_and_writes_nothing() {
    let lab = Lab::start(["--no-ra"]);
    lab.write(INTERFACES, STATIC);
    lab.host(["bash", "-ec", "mkdir -p /run/network; ip address flush dev eth0; ip link set eth0 down; ifup -a"]);
    lab.host(UP);
    let live = state(&lab);
    lab.host(["ifdown", "br0"]);
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\n");
    let xml = "<network><name>lan</name><forward mode='bridge'/><bridge name='br0'/></network>";
    lab.write("/run/lab/network.xml", xml);
    lab.virsh(["net-define", "/run/lab/network.xml"]);
    let written = lab.read(INTERFACES);
    lab.virsh(["net-start", "lan"]);
    assert_eq!(state(&lab), live);
    assert!(lab.log().contains("ifupdown has made br0"), "{}", lab.log());
    assert_eq!(lab.host(["ifquery", "--state", "br0"]), "br0=br0\n");
    assert_eq!(lab.read(INTERFACES), written);
}

#[test]
fn what_cannot_last_is_refused_before_anything_is_done() {
    let lab = configured();
    lab.write(INTERFACES, &(STATIC.to_owned() + "mapping eth*\n  script /bin/true\n"));
    let before = lab.state();
    let refused = lab.attempt(UP);
    assert_eq!(refused.status.code(), Some(1), "{}", told(&refused));
    assert!(told(&refused).contains("/etc/network/interfaces:13: a mapping chooses"), "{}", told(&refused));
    assert_eq!(lab.state(), before);
}

/// Starts a takeover `by` another command, waits until it waits for its confirmation, and says this to the host; what the
/// command has said.
fn confirmed_with(lab: &Lab, by: &[&str], script: &str) -> String {
    let command = [by, &UP, &["--confirm", "60s"]].concat();
    let waiting = lab.command(command).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    lab.wait_until("it waits", || lab.read("/run/virt-bridge/br0.confirm").contains("\"taken_over\":true"));
    lab.host(["sh", "-ec", script]);
    told(&waiting.unwrap().wait_with_output().unwrap())
}

#[test]
fn what_is_confirmed_lasts_also_where_the_command_was_killed_or_stopped_before_it_wrote() {
    let lab = configured();
    lab.host(UP);
    let new = lab.read(INTERFACES);
    lab.host(["virt-bridge", "undo", "br0"]);
    let unfinished = || told(&lab.attempt(["virt-bridge", "check", "takeover-unfinished"]));

    // By its SSH session's end, say.
    confirmed_with(&lab, &[], "pkill -KILL -f '^virt-bridge up'; virt-bridge confirm >/run/lab/said");
    let said = lab.read("/run/lab/said");
    assert!(said.contains("br0: confirmed, and stays\n") && said.contains("wrote /etc/network/interfaces\n"), "{said}");
    assert_eq!(lab.read(INTERFACES), new);
    assert!(unfinished().contains("\nok "), "{}", unfinished());
    lab.host(["virt-bridge", "undo", "br0"]);

    // Between the confirmation and what follows.
    let killed_at_first_file = ["strace", "-qq", "-o", "/dev/null", "-e", "inject=fsync:signal=KILL:when=1"];
    confirmed_with(&lab, &killed_at_first_file, "virt-bridge confirm >/run/lab/said");
    assert_eq!(lab.read("/run/lab/said"), "br0: confirmed, and stays\n");
    assert_eq!(lab.read(INTERFACES), STATIC);
    assert!(
        unfinished().contains("br0 is confirmed, but nobody has written what lets it last yet"),
        "{}",
        unfinished()
    );
    assert!(lab.host(["virt-bridge", "confirm", "br0"]).contains("wrote /etc/network/interfaces"));
    assert!(lab.read(INTERFACES) == new && unfinished().contains("\nok "), "{}", unfinished());
    lab.host(["virt-bridge", "undo", "br0"]);

    // Nothing is left to do where it was taken back, by whomever.
    for back in ["virt-bridge undo br0", "sleep 3"] {
        lab.host([&UP[..], &["--confirm", "2s", "--detach"]].concat());
        lab.host(["sh", "-ec", back]);
        lab.wait_until("nothing waits", || lab.read("/run/virt-bridge/br0.confirm").is_empty());
        assert_eq!(
            (lab.read("/run/virt-bridge/br0.promise"), lab.read(INTERFACES)),
            (String::new(), STATIC.to_owned())
        );
    }
}

/// Each time the process is killed at a later flush or rename, until it is not.
#[test]
fn a_run_that_is_killed_leaves_the_old_file_or_the_new_one() {
    let lab = configured();
    lab.host(UP);
    let new = lab.read(INTERFACES);
    lab.host(["virt-bridge", "undo", "br0"]);
    let mut kills = 0;
    for call in ["fsync", "rename"] {
        for count in 1.. {
            assert!(count < 20, "{call} has no end");
            let inject = format!("inject={call}:signal=KILL:when={count}");
            let killed = lab.attempt([&["strace", "-f", "-qq", "-o", "/dev/null", "-e", &inject][..], &UP].concat());
            let text = lab.read(INTERFACES);
            assert!(text == STATIC || text == new, "{call} {count}: {text}");
            let checked = told(&lab.attempt(["virt-bridge", "check", "files-unfinished"]));
            let is_begun = !lab.read("/var/lib/virt-bridge/br0.json").is_empty();
            let litter = lab.host(["bash", "-c", "ls -A /etc/network | grep virt-bridge; true"]);
            assert_eq!(
                checked.contains("which are as before"),
                is_begun && text == STATIC,
                "{call} {count}: {checked}"
            );
            assert_eq!(checked.contains("mend: rm "), !litter.is_empty(), "{call} {count}: {checked}");
            if count % 2 == 0 {
                lab.host(["virt-bridge", "undo", "br0"]);
                assert!(lab.host(["virt-bridge", "check", "files-unfinished"]).starts_with("ok"), "{call} {count}");
                assert_eq!(lab.read(INTERFACES), STATIC);
            }
            lab.host(UP);
            assert_eq!(lab.read(INTERFACES), new);
            lab.host(["virt-bridge", "undo", "br0"]);
            assert_eq!(lab.read(INTERFACES), STATIC);
            assert_eq!(lab.host(["bash", "-c", "ls -A /etc/network | grep virt-bridge; true"]), "", "litter");
            if killed.status.success() {
                break;
            }
            kills += 1;
        }
    }
    assert!(kills >= 6, "killed {kills} times only");
}
