//! Who owns a link, on trees as the owners' own programs leave them (Debian 12; `tests/owner/NN-case/root`).
//!
//! `expected` names each link that is asked for, its claims below it.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use virt_bridge::owner::{Claim, Link, claims};

fn cases() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/owner");
    let mut cases: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

fn found(case: &Path, expected: &str) -> String {
    let mut text = String::new();
    for asked in expected.lines().filter(|line| !line.starts_with(' ')) {
        let (name, index) = asked.split_once(' ').unwrap();
        let link = Link { name, index: index.parse().unwrap() };
        writeln!(text, "{asked}").unwrap();
        for Claim { owner, evidence, live, .. } in claims(&case.join("root"), link).unwrap() {
            writeln!(text, "  {} {owner}: {evidence}", if live { "refuse" } else { "warn" }).unwrap();
        }
    }
    text
}

#[test]
fn each_tree_gives_the_claims_its_owners_have() {
    let cases = cases();
    assert!(cases.len() >= 17, "cases are missing: {cases:?}");
    for case in cases {
        let expected = fs::read_to_string(case.join("expected")).unwrap();
        assert_eq!(found(&case, &expected), expected, "{}", case.display());
    }
}

#[test]
fn without_proc_nobody_is_presumed_absent() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/owner/01-nobody/root/run");
    let error = claims(&case, Link { name: "eth0", index: 2 }).unwrap_err();
    assert!(error.to_string().starts_with("read ") && error.to_string().contains("/proc: "), "{error}");
}
