//! What holds between XML before and after, whatever the XML: judged by bytes, and by libxml2.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use virt_bridge::config::{Destination, InterfaceRule};
use virt_bridge::libvirt::domain::{self, Patched};

pub fn to(destination: &Destination) -> Vec<InterfaceRule> {
    vec![InterfaceRule { to: destination.clone(), ..InterfaceRule::default() }]
}

/// A file before and after, and where its interfaces were to go.
pub struct Pair {
    pub before: PathBuf,
    pub after: PathBuf,
    pub to: Destination,
}

impl Pair {
    /// Patches the XML of a file into `after`; nothing if nothing changes.
    pub fn write(before: &Path, after: PathBuf, xml: &[u8], to: Destination, patched: &Patched) -> Option<Self> {
        let result = patched.xml()?;
        only_interfaces_differ(xml, patched).unwrap_or_else(|why| panic!("{before:?}: {why}"));
        let rules = self::to(&to);
        let again = domain::patch(result, &rules).unwrap();
        assert!(again.xml().is_none(), "{before:?} is patched twice: {again:?}");
        fs::write(&after, result).unwrap();
        Some(Pair { before: before.to_owned(), after, to })
    }
}

/// All bytes outside of changed interfaces are the same, and each change's own XML is what stands there.
pub fn only_interfaces_differ(before: &[u8], patched: &Patched) -> Result<(), String> {
    let mut expected = Vec::new();
    let mut at = 0;
    for (interface, change) in patched.changes() {
        let element = &before[interface.span.clone()];
        let is_element = |xml: &[u8]| {
            let ends =
                xml.ends_with(b"/>") || xml.trim_ascii_end().ends_with(b">") && find(xml, b"</interface").is_some();
            xml.starts_with(b"<interface") && ends
        };
        if !is_element(element) || !is_element(patched.interface_xml(change)) {
            return Err(format!("no interface on line {}", interface.line));
        }
        expected.extend_from_slice(&before[at..interface.span.start]);
        expected.extend_from_slice(patched.interface_xml(change));
        at = interface.span.end;
    }
    expected.extend_from_slice(&before[at..]);
    match patched.xml().unwrap_or(before) == expected {
        true => Ok(()),
        false => Err("bytes outside of interfaces differ".into()),
    }
}

fn find(text: &[u8], piece: &[u8]) -> Option<usize> {
    text.windows(piece.len()).position(|window| window == piece)
}

/// libxml2 reads the same tree but for the moves.
pub fn assert_same_trees(pairs: &[Pair]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/domain/same_tree.py");
    // Debian's, for which Debian has lxml; another one may come first in the path.
    let mut python =
        Command::new("/usr/bin/python3").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines: String = pairs.iter().map(line).collect();
    let mut stdin = python.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "same_tree.py failed");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

fn line(pair: &Pair) -> String {
    let (kind, name, portgroup) = match &pair.to {
        Destination::Network { network, portgroup } => ("network", network, portgroup.clone().unwrap_or_default()),
        Destination::Bridge(bridge) => ("bridge", bridge, String::new()),
        Destination::Keep => unreachable!("nothing goes there"),
    };
    format!("{}\t{}\t{kind}\t{name}\t{portgroup}\n", pair.before.display(), pair.after.display())
}
