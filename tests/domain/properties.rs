//! What holds for every XML, tried with made-up ones; a failure names the file, whose number is the seed.

use std::fs;
use std::path::{Path, PathBuf};

use virt_bridge::config::Destination;
use virt_bridge::libvirt::domain;

use crate::chance::Chance;
use crate::generator;
use crate::tree::{Pair, assert_same_trees, to};

fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

fn destination(chance: &mut Chance) -> Destination {
    match chance.below(3) {
        0 => Destination::Bridge("br-of-ours".into()),
        1 => Destination::Network { network: "a&b's <\"net\">".into(), portgroup: None },
        _ => Destination::Network { network: "lan".into(), portgroup: Some("blue".into()) },
    }
}

#[test]
fn only_moved_interfaces_differ_once_and_for_all_and_libxml2_sees_the_same() {
    let directory = directory("domain-properties");
    let (mut pairs, mut moved) = (Vec::new(), 0);
    for seed in 0..1_000 {
        let mut chance = Chance::of(seed);
        let xml = generator::domain(&mut chance);
        let to_there = destination(&mut chance);
        let before = directory.join(format!("{seed}.xml"));
        fs::write(&before, &xml).unwrap();
        let rules = to(&to_there);
        let patched = domain::patch(xml.as_bytes(), &rules).unwrap_or_else(|error| panic!("{before:?}: {error}"));
        moved += patched.changes().count();
        let after = directory.join(format!("{seed}-after.xml"));
        pairs.extend(Pair::write(&before, after, xml.as_bytes(), to_there, &patched));
    }
    assert!(pairs.len() > 300 && moved > 500, "{} XMLs, {moved} interfaces", pairs.len());
    assert_same_trees(&pairs);
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn what_is_taken_although_damaged_libxml2_takes_too() {
    let directory = directory("domain-damaged");
    let (mut pairs, mut refused) = (Vec::new(), 0);
    for seed in 0..5_000 {
        let mut chance = Chance::of(seed);
        let xml = generator::domain(&mut Chance::of(seed % 50));
        // Inside of a document type, and which letters make a name, is not looked at.
        if xml.contains("<!DOCTYPE") {
            continue;
        }
        let mut damaged = xml.into_bytes();
        for _ in 0..1 + chance.below(3) {
            damage(&mut damaged, &mut chance);
        }
        let to_there = destination(&mut chance);
        let rules = to(&to_there);
        let Ok(patched) = domain::patch(&damaged, &rules) else {
            refused += 1;
            continue;
        };
        let before = directory.join(format!("{seed}.xml"));
        fs::write(&before, &damaged).unwrap();
        let after = directory.join(format!("{seed}-after.xml"));
        pairs.extend(Pair::write(&before, after, &damaged, to_there, &patched));
    }
    assert!(pairs.len() > 100 && refused > 1_000, "{} taken, {refused} refused", pairs.len());
    assert_same_trees(&pairs);
    fs::remove_dir_all(&directory).unwrap();
}

fn damage(xml: &mut Vec<u8>, chance: &mut Chance) {
    const PIECES: [&[u8]; 14] =
        [b"<", b">", b"/", b"'", b"\"", b"&", b";", b"=", b" ", b"-->", b"]]>", b"<!--", b"?", b"x"];
    let at = chance.below(xml.len());
    match chance.below(3) {
        0 => drop(xml.remove(at)),
        1 => drop(xml.splice(at..at, PIECES[chance.below(PIECES.len())].iter().copied())),
        _ => {
            let end = (at + chance.below(12)).min(xml.len());
            let piece: Vec<u8> = xml[at..end].to_vec();
            let to = chance.below(xml.len());
            xml.splice(to..to, piece);
        }
    }
}
