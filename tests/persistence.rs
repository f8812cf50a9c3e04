//! The bridge in its owner's configuration: golden trees (`tests/persistence/OWNER-NN-case`), each accepted by the
//! owner's own parser.
//!
//! A case has `etc` and either `expected`, what becomes of it as a diff with the warnings below, or `refused`, why
//! nothing does; `uplink` names another uplink than eth0.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// What says that the owner in the case's name has the uplink.
fn claims(case: &Path) -> Vec<Claim> {
    let name = case.file_name().unwrap().to_string_lossy();
    let owner = match name.split_once(|c: char| c.is_ascii_digit()) {
        Some(("network-manager-", _)) => Owner::NetworkManager,
        _ => return Vec::new(),
    };
    vec![Claim { owner, evidence: String::new(), live: true, can_move: true, hint: String::new() }]
}

/// What virt-bridge makes of the case below `root`.
fn written(root: &Path, case: &Path) -> Result<Persistence, Vec<String>> {
    persistence(root, &bridge(case), &claims(case))
}

fn of_owner(prefix: &str) -> Vec<PathBuf> {
    let is_of_owner = |case: &Path| case.file_name().unwrap().to_string_lossy().starts_with(prefix);
    cases().into_iter().filter(|case| case.join("expected").exists() && is_of_owner(case)).collect()
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
    let copied = Command::new("cp").arg("-a").arg(case.join(".")).arg(&root).status().unwrap();
    assert!(copied.success());
    // What git keeps of a case has no empty directories.
    fs::create_dir_all(root.join("etc/NetworkManager/system-connections")).unwrap();
    root
}

#[test]
fn each_tree_becomes_what_is_expected_or_is_refused() {
    let cases = cases();
    assert!(cases.len() >= 20, "cases are missing: {cases:?}");
    for case in cases {
        match written(&case, &case) {
            Ok(persistence) => golden(case.join("expected"), &shown(&persistence)),
            Err(reasons) => golden(case.join("refused"), &(reasons.join("\n") + "\n")),
        }
    }
}

#[test]
fn a_second_time_changes_nothing_and_the_way_back_is_exact() {
    for case in cases().iter().filter(|case| case.join("expected").exists()) {
        let root = copy(case, "back");
        let first = written(&root, case).unwrap();
        first.write(&root, "br0").unwrap();
        assert_eq!(written(&root, case).unwrap(), Persistence::nothing(first.owner), "{}", case.display());
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

#[test]
fn ifupdown_understands_what_is_written() {
    for case in &of_owner("ifupdown-") {
        let root = copy(case, "query");
        let bridge = bridge(case);
        written(&root, case).unwrap().write(&root, "br0").unwrap();
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

/// What `command` prints where `root`'s /etc/network is the host's.
fn on_its_host(root: &Path, command: &str) -> String {
    let script =
        format!("mount --bind {0}/etc/network /etc/network && mount -t tmpfs none /run && {command}", root.display());
    let output = Command::new("unshare").args(["--net", "--mount", "sh", "-c", &script]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("interfaces:"), "{}: {command}: {said}", root.display());
    String::from_utf8(output.stdout).unwrap()
}
