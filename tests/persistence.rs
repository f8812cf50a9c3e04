//! The bridge in its owner's configuration: golden trees (`tests/persistence/OWNER-NN-case`), each accepted by the
//! owner's own parser.
//!
//! A case has `etc`, what a running owner says of itself in `run`, and either `expected`, what becomes of it as a diff with
//! the warnings below, or `refused`, why nothing does; `uplink` names another uplink than eth0.

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use support::programs::program;
use support::{Lab, ifupdown2, told};
use virt_bridge::owner::{Backup, Bridge, Claim, Owner, Persistence, persistence};

fn cases() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/persistence");
    let mut cases: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

fn bridge(case: &Path) -> Bridge {
    let uplink = fs::read_to_string(case.join("uplink")).unwrap_or_else(|_| "eth0".into());
    Bridge {
        name: "br0".into(),
        uplink: uplink.trim().into(),
        uplink_index: 2,
        mac: "52:54:00:00:00:10".into(),
        stp: false,
        forward_delay_ms: 0,
        vlan_filtering: false,
    }
}

/// What the owner of the case says of the uplink while it runs; ifupdown says nothing.
fn claims(case: &Path) -> Vec<Claim> {
    let owner = match owner(case) {
        // At run time netplan is networkd.
        "networkd" | "netplan" => Owner::Networkd,
        "networkmanager" => Owner::NetworkManager,
        _ => return Vec::new(),
    };
    let (evidence, hint) = (String::new(), String::new());
    vec![Claim { owner, evidence, hint, live: true, can_move: true }]
}

fn owner(case: &Path) -> &str {
    case.file_name().unwrap().to_str().unwrap().split('-').next().unwrap()
}

/// The cases of one owner in which something is written or is there.
fn accepted(of: &str) -> Vec<PathBuf> {
    let accepted: Vec<_> =
        cases().into_iter().filter(|case| owner(case) == of && case.join("expected").exists()).collect();
    assert!(accepted.len() >= 10, "cases are missing: {accepted:?}");
    accepted
}

fn golden(path: PathBuf, found: &str) {
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, found).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), found, "{}", path.display());
}

fn shown(persistence: &Persistence) -> String {
    let diffs = persistence.edits.iter().map(|edit| edit.diff());
    diffs.chain(persistence.warnings.iter().map(|warning| format!("warning: {warning}\n"))).collect()
}

/// The tree of a case as a host of its own, to be written.
fn copy(case: &Path, test: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("persistence-{test}-{}", case.file_name().unwrap().to_string_lossy()));
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(&root).unwrap();
    let trees = ["etc", "run", "usr", "proc"].map(|tree| case.join(tree)).into_iter().filter(|tree| tree.exists());
    let copied = Command::new("cp").arg("-a").args(trees).arg(&root).status().unwrap();
    assert!(copied.success());
    // What git keeps of a case has no empty directories.
    fs::create_dir_all(root.join("etc/NetworkManager/system-connections")).unwrap();
    // Git keeps no such mode, and netplan asks for it.
    for yaml in fs::read_dir(root.join("etc/netplan")).into_iter().flatten() {
        fs::set_permissions(yaml.unwrap().path(), fs::Permissions::from_mode(0o600)).unwrap();
    }
    root
}

#[test]
fn each_tree_becomes_what_is_expected_or_is_refused() {
    let cases = cases();
    assert!(cases.len() >= 40, "cases are missing: {cases:?}");
    for case in cases {
        match persistence(&case, &bridge(&case), &claims(&case)) {
            Ok(persistence) => golden(case.join("expected"), &shown(&persistence)),
            Err(reasons) => golden(case.join("refused"), &(reasons.join("\n") + "\n")),
        }
    }
}

/// The trees beside what the kernel says of the uplink and of who runs; it is asked for nothing.
#[test]
fn the_command_plans_the_same_for_a_host_that_does_not_run() {
    for case in &cases() {
        let (root, bridge) = (beside_a_kernel(case, "command"), bridge(case));
        let plan = ["plan", &bridge.name, "--uplink", &bridge.uplink, "--persist", "--root"];
        let output = Command::new(program("virt-bridge")).args(plan).arg(&root).output().unwrap();
        let expected = fs::read_to_string(case.join("expected")).unwrap_or_default();
        assert!(support::text(&output.stdout).ends_with(&expected), "{}: {}", case.display(), told(&output));
        let refused = fs::read_to_string(case.join("refused")).unwrap_or_default();
        assert_eq!(output.status.code(), Some(i32::from(!refused.is_empty())), "{}: {}", case.display(), told(&output));
        for reason in refused.lines() {
            assert!(support::text(&output.stderr).contains(reason), "{}: {}", case.display(), told(&output));
        }
        fs::remove_dir_all(root).unwrap();
    }
}

/// The tree of a case with what else of a host is read: its uplink, and the processes of its owner.
fn beside_a_kernel(case: &Path, test: &str) -> PathBuf {
    let name = case.file_name().unwrap().to_string_lossy();
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("persistence-{test}-{name}"));
    let _ = fs::remove_dir_all(&root);
    let bridge = bridge(case);
    let link = root.join("sys/class/net").join(&bridge.uplink);
    fs::create_dir_all(&link).unwrap();
    fs::write(link.join("address"), format!("{}\n", bridge.mac)).unwrap();
    fs::write(link.join("ifindex"), format!("{}\n", bridge.uplink_index)).unwrap();
    for tree in ["etc", "run", "usr"].map(|tree| case.join(tree)).into_iter().filter(|tree| tree.exists()) {
        symlink(&tree, root.join(tree.file_name().unwrap())).unwrap();
    }
    let running = match owner(case) {
        "ifupdown" | "ifupdown2" => "01-nobody",
        "networkmanager" => "06-network-manager",
        _ => "04-networkd",
    };
    let owners = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/owner");
    fs::create_dir(root.join("proc")).unwrap();
    for proc in [owners.join(running).join("root/proc"), case.join("proc")] {
        for entry in fs::read_dir(proc).into_iter().flatten().map(Result::unwrap) {
            symlink(entry.path(), root.join("proc").join(entry.file_name())).unwrap();
        }
    }
    root
}

#[test]
fn a_second_time_changes_nothing_and_the_way_back_is_exact() {
    for case in cases().iter().filter(|case| case.join("expected").exists()) {
        let root = copy(case, "back");
        let first = persistence(&root, &bridge(case), &claims(case)).unwrap();
        first.write(&root, "br0").unwrap();
        assert_eq!(
            persistence(&root, &bridge(case), &claims(case)).unwrap(),
            Persistence::nothing(first.owner),
            "{}",
            case.display()
        );
        let backup = Backup::of(&root, "br0").unwrap();
        assert_eq!(backup.is_some(), !first.edits.is_empty());
        backup.map(|backup| backup.restore(&root).unwrap());
        let before = copy(case, "before");
        let difference = Command::new("diff").arg("-r").arg(root.join("etc")).arg(before.join("etc")).output().unwrap();
        assert!(difference.stdout.is_empty(), "{}", String::from_utf8_lossy(&difference.stdout));
        fs::remove_dir_all(root).unwrap();
        fs::remove_dir_all(before).unwrap();
    }
}

/// The command writes and gives back the same below another root, and leaves alone what leads out of it.
#[test]
fn the_command_writes_for_a_host_that_does_not_run() {
    for name in ["ifupdown-02-installer-static", "networkd-02-static", "netplan-01-cloud-init"] {
        let case = cases().into_iter().find(|case| case.ends_with(name)).unwrap();
        let [root, kernel, before] = [copy(&case, "below"), beside_a_kernel(&case, "kernel"), copy(&case, "untouched")];
        for tree in ["sys", "proc"] {
            let _ = fs::remove_dir_all(root.join(tree));
            symlink(kernel.join(tree), root.join(tree)).unwrap();
        }
        let say = |words: &[&str]| {
            let bridge = Command::new(program("virt-bridge")).args(words).arg("--root").arg(&root).output();
            bridge.unwrap()
        };
        let up = ["up", "br0", "--uplink", "eth0", "--persist"];
        let expected = fs::read_to_string(case.join("expected")).unwrap();
        let first = say(&up);
        let wrote = support::text(&first.stdout).matches("wrote /etc/").count();
        assert!(wrote > 0 && wrote == expected.matches("\n+++ ").count(), "{name}: {}", told(&first));
        assert_eq!(support::text(&say(&up).stdout), "nothing to do\n", "{name}");
        let undo = say(&["undo", "br0"]);
        assert_eq!(support::text(&undo.stdout).matches("restored /etc/").count(), wrote, "{name}: {}", told(&undo));
        let difference = Command::new("diff").arg("-r").arg(root.join("etc")).arg(before.join("etc")).output().unwrap();
        assert!(difference.stdout.is_empty(), "{name}: {}", told(&difference));
        assert!(support::text(&say(&["undo", "br0"]).stdout).contains("nothing to undo"), "{name}");
        // A link that would lead to the files of the host that runs.
        fs::remove_dir_all(root.join("etc")).unwrap();
        symlink(before.join("etc"), root.join("etc")).unwrap();
        let outside = say(&up);
        assert_eq!(outside.status.code(), Some(1), "{name}: {}", told(&outside));
        assert!(told(&outside).contains("leads out of "), "{name}: {}", told(&outside));
        for tree in [root, kernel, before] {
            fs::remove_dir_all(tree).unwrap();
        }
    }
}

#[test]
fn ifupdown_understands_what_is_written() {
    for case in accepted("ifupdown") {
        let root = copy(&case, "query");
        let bridge = bridge(&case);
        persistence(&root, &bridge, &claims(&case)).unwrap().write(&root, "br0").unwrap();
        let query = on_its_host(&root, "ifquery br0");
        let is_ports = |line: &&str| line.starts_with("bridge_ports: ") || line.starts_with("bridge-ports: ");
        let ports = query.lines().find(is_ports).unwrap_or_default();
        assert!(ports.split(' ').any(|port| port == bridge.uplink), "{}: {query}", case.display());
        let uplink = on_its_host(&root, &format!("ifquery {}", bridge.uplink));
        assert!(!uplink.lines().any(|line| line.starts_with("address: ")), "{}: {uplink}", case.display());
        assert!(on_its_host(&root, "ifquery --list").lines().any(|link| link == "br0"), "{}", case.display());
        on_its_host(&root, &format!("ifup --no-act --force {} br0", bridge.uplink));
        fs::remove_dir_all(root).unwrap();
    }
}

/// As ifupdown2 shows its files: names of options with `-`, and each stanza.
#[test]
fn ifupdown2_understands_what_is_written() {
    for case in accepted("ifupdown2") {
        let root = copy(&case, "query2");
        let bridge = bridge(&case);
        persistence(&root, &bridge, &claims(&case)).unwrap().write(&root, "br0").unwrap();
        let ask = |command: &str| on_its_host(&root, &format!("{}\n{command}", ifupdown2::install()));
        let query = ask("ifquery br0");
        assert!(query.contains(&format!("\tbridge-ports {}\n", bridge.uplink)), "{}: {query}", case.display());
        let uplink = ask(&format!("ifquery {}", bridge.uplink));
        assert!(!uplink.contains("address "), "{}: {uplink}", case.display());
        assert!(ask("ifquery --list").lines().any(|link| link == "br0"), "{}", case.display());
        // Of an attribute that it does not know it only says so where it is asked.
        ask("ifup --syntax-check br0");
        fs::remove_dir_all(root).unwrap();
    }
}

/// The real one makes the bridge from the files alone, and has nothing to complain of in them.
#[test]
fn networkd_makes_the_bridge_of_what_is_written() {
    for case in accepted("networkd") {
        let root = copy(&case, "networkd");
        let bridge = bridge(&case);
        let persistence = persistence(&root, &bridge, &claims(&case)).unwrap();
        if persistence.edits.is_empty() {
            continue;
        }
        persistence.write(&root, "br0").unwrap();
        let said = under_networkd(&root, &bridge);
        let case = case.display();
        assert!(said.contains(&format!("\nport {}\n", bridge.uplink)), "{case}: {said}");
        assert!(said.contains("\nstp 0 delay 0\n"), "{case}: {said}");
        assert!(said.contains("-br0.network\n"), "{case}: {said}");
        assert!(!said.lines().any(|line| line.starts_with("/etc/") && line.contains("br0")), "{case}: {said}");
        assert!(said.contains(&format!("\nmac {}\n", bridge.mac)), "{case}: {said}");
        fs::remove_dir_all(root).unwrap();
    }
}

/// The real one accepts the files, networkd makes the bridge of what netplan generates from them, and the uplink has no
/// address of its own left.
#[test]
fn netplan_and_networkd_make_the_bridge_of_what_is_written() {
    for case in accepted("netplan") {
        let root = copy(&case, "netplan");
        let bridge = bridge(&case);
        let persistence = persistence(&root, &bridge, &claims(&case)).unwrap();
        if persistence.edits.is_empty() {
            continue;
        }
        persistence.write(&root, "br0").unwrap();
        let generated = Command::new("netplan").arg("generate").arg("--root-dir").arg(&root).output().unwrap();
        let said = String::from_utf8_lossy(&generated.stderr);
        assert!(generated.status.success() && !said.contains("WARNING"), "{}: {said}", case.display());
        let said = under_networkd(&root, &bridge);
        let case = case.display();
        assert!(said.contains(&format!("\nmac {}\n", bridge.mac)), "{case}: {said}");
        assert!(said.contains(&format!("\nport {}\n", bridge.uplink)), "{case}: {said}");
        assert!(said.contains("\nstp 0 delay 0\n"), "{case}: {said}");
        assert!(said.contains("\naddresses of the uplink: \n"), "{case}: {said}");
        assert!(!said.lines().any(|line| line.starts_with("/etc/") && line.contains("br0")), "{case}: {said}");
        fs::remove_dir_all(root).unwrap();
    }
}

/// What becomes of the host where networkd starts with `root`'s files, and what it complains of.
fn under_networkd(root: &Path, bridge: &Bridge) -> String {
    let script = format!(
        "set -e
        # Not every kernel has bonds and VLANs: a veth stands for them.
        rm -f {0}/etc/systemd/network/10-{1}.netdev {0}/run/systemd/network/10-netplan-{1}.netdev
        mount --bind {0}/etc/systemd/network /etc/systemd/network
        [ ! -d {0}/usr/lib/systemd/network ] || mount --bind {0}/usr/lib/systemd/network /usr/lib/systemd/network
        mount -t tmpfs none /run
        # Read-only, as in a container: networkd then does not wait for udev.
        mount -t sysfs -o ro none /sys
        mkdir -p /run/systemd/network
        [ ! -d {0}/etc/netplan ] || cp {0}/run/systemd/network/10-netplan-*.net* /run/systemd/network/
        # Nor has a veth a permanent MAC to be known by.
        sed -i /^PermanentMACAddress=/d /run/systemd/network/*.network 2>/dev/null || true
        mkdir -p /run/systemd/netif/links /run/systemd/netif/leases
        chown -R systemd-network: /run/systemd/netif
        ip link add {1} address {2} type veth peer name far
        ip link set far up
        /usr/lib/systemd/systemd-networkd >/run/log 2>&1 & networkd=$!
        is_made() {{
            [ -e /sys/class/net/br0/brif/{1} ] &&
                grep -q NETWORK_FILE= /run/systemd/netif/links/$(cat /sys/class/net/br0/ifindex) 2>/dev/null
        }}
        for try in $(seq 1000); do
            ! is_made || break
            sleep 0.01
        done
        echo
        grep NETWORK_FILE= /run/systemd/netif/links/$(cat /sys/class/net/br0/ifindex)
        echo mac $(cat /sys/class/net/br0/address)
        echo port $(ls /sys/class/net/br0/brif)
        echo \"addresses of the uplink: $(ip -o address show dev {1})\"
        echo stp $(cat /sys/class/net/br0/bridge/stp_state) delay $(cat /sys/class/net/br0/bridge/forward_delay)
        kill $networkd
        cat /run/log",
        root.display(),
        bridge.uplink,
        bridge.mac
    );
    let unshare = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", &script];
    let output = Command::new("unshare").args(unshare).output().unwrap();
    assert!(output.status.success(), "{}: {}", root.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn network_manager_takes_what_is_written() {
    let lab = Lab::start(["--no-libvirt", "--no-ra"]);
    lab.host(["network-manager", "prepare"]);
    lab.write("/etc/NetworkManager/conf.d/unmanaged.conf", "[keyfile]\nunmanaged-devices=*\n");
    lab.host(["network-manager", "start"]);
    for case in accepted("networkmanager") {
        let root = copy(&case, "load");
        let bridge = bridge(&case);
        persistence(&root, &bridge, &claims(&case)).unwrap().write(&root, "br0").unwrap();
        let load = format!(
            "cd /etc/NetworkManager/system-connections; rm -f *; cp {}/etc/NetworkManager/system-connections/* .
            chmod 600 *; nmcli connection reload; nmcli connection load $PWD/*",
            root.display()
        );
        let loaded = lab.attempt(["bash", "-ec", &load]);
        assert!(loaded.status.success() && loaded.stderr.is_empty(), "{}: {}", case.display(), told(&loaded));
        let fields = "connection.type,connection.interface-name,bridge.stp,bridge.forward-delay";
        let shown = lab.host(["nmcli", "-g", fields, "connection", "show", "br0"]);
        assert!(shown.starts_with("bridge\nbr0\nno\n"), "{}: {shown}", case.display());
        let profiles = lab.host(["nmcli", "-t", "-f", "NAME,FILENAME", "connection"]);
        let count = fs::read_dir(root.join("etc/NetworkManager/system-connections")).unwrap().count();
        let taken = profiles.lines().filter(|profile| profile.contains(":/etc/NetworkManager/")).count();
        assert_eq!(taken, count, "{}: {profiles}", case.display());
        fs::remove_dir_all(root).unwrap();
    }
    let log = lab.read("/run/lab/network-manager.log");
    let complaints: Vec<_> = log.lines().filter(|line| line.contains("<warn>") && line.contains("keyfile")).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
}

/// What `command` prints where `root`'s /etc/network is the host's.
fn on_its_host(root: &Path, command: &str) -> String {
    let script =
        format!("mount --bind {0}/etc/network /etc/network\nmount -t tmpfs none /run\n{command}", root.display());
    let output = Command::new("unshare").args(["--net", "--mount", "sh", "-ec", &script]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("interfaces:"), "{}: {command}: {said}", root.display());
    String::from_utf8(output.stdout).unwrap()
}
