//! The test data of libvirt's own source package, thousands of domains of every kind.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use virt_bridge::config::Destination;
use virt_bridge::libvirt::domain;

use crate::tree::{Pair, assert_same_trees, to};

/// Every .xml file of the package's tests.
fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libvirt-source");
    let output = Command::new(root.join("tests/domain/libvirt-source.sh")).arg(cache).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut directories = vec![PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())];
    let mut files = Vec::new();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap().map(Result::unwrap) {
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => directories.push(entry.path()),
                kind if kind.is_file() && entry.path().extension().is_some_and(|end| end == "xml") => {
                    files.push(entry.path());
                }
                _ => {}
            }
        }
    }
    files.sort();
    files
}

/// Those of the files that one of libvirt's schemas finds valid, as virt-xml-validate does.
fn valid<'f>(files: impl IntoIterator<Item = &'f Path>) -> BTreeSet<PathBuf> {
    let files: Vec<&Path> = files.into_iter().collect();
    let mut valid = BTreeSet::new();
    for schema in ["domain", "domainsnapshot"] {
        let schema = format!("/usr/share/libvirt/schemas/{schema}.rng");
        let mut xmllint = Command::new("xmllint");
        xmllint.args(["--noout", "--nonet", "--relaxng", &schema]).args(&files);
        let output = xmllint.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        valid.extend(told.lines().filter_map(|line| line.strip_suffix(" validates")).map(PathBuf::from));
    }
    valid
}

fn is_well_formed(file: &Path) -> bool {
    Command::new("xmllint").args(["--noout", "--nonet"]).arg(file).output().unwrap().status.success()
}

#[test]
fn all_domains_are_digested_and_stay_valid() {
    let results = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libvirt-data");
    let _ = fs::remove_dir_all(&results);
    fs::create_dir_all(&results).unwrap();
    let files = files();
    let (mut domains, mut pairs) = (0, Vec::new());
    for file in &files {
        let xml = fs::read(file).unwrap();
        for (name, destination) in [
            ("network", Destination::Network { network: "bridge-network".into(), portgroup: Some("blue".into()) }),
            ("bridge", Destination::Bridge("br-of-ours".into())),
        ] {
            let rules = to(&destination);
            let patched = match domain::patch(&xml, &rules) {
                Ok(patched) => patched,
                Err(error) if error.problem.starts_with("the root element is") => continue,
                Err(error) => {
                    assert!(!is_well_formed(file), "{file:?}: {error}");
                    continue;
                }
            };
            domains += 1;
            let after = results.join(format!("{domains}-{name}.xml"));
            pairs.extend(Pair::write(file, after, &xml, destination, &patched));
        }
    }
    // 9.0.0 has 2,146 domains, of which 400 have an interface that can move; twice each.
    println!("{} files, {} domains, {} changed", files.len(), domains / 2, pairs.len() / 2);
    assert!(domains > 4_000 && pairs.len() > 600, "{} files, {domains} domains, {} changed", files.len(), pairs.len());
    assert_same_trees(&pairs);
    let were_valid = valid(pairs.iter().map(|pair| pair.before.as_path()).collect::<BTreeSet<_>>());
    let are_valid = valid(pairs.iter().map(|pair| pair.after.as_path()));
    let broken: Vec<_> = pairs
        .iter()
        .filter(|pair| were_valid.contains(&pair.before) && !are_valid.contains(&pair.after))
        .map(|pair| (&pair.before, &pair.after))
        .collect();
    println!("{} of the changed were valid", were_valid.len());
    assert!(were_valid.len() > 300, "{}", were_valid.len());
    assert!(broken.is_empty(), "{broken:#?}");
    fs::remove_dir_all(&results).unwrap();
}
