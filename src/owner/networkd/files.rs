//! networkd's files on the host: which there are, in which order, and which has a link.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::unit::Unit;
use crate::glob;
use crate::owner::edit;

/// Where an administrator's files are.
pub const ETC: &str = "/etc/systemd/network";

/// Where files are that last until the next boot.
pub const RUN: &str = "/run/systemd/network";

/// Where files are looked for: of the same name, the first one counts (systemd.network(5)).
const DIRECTORIES: [&str; 5] =
    [ETC, RUN, "/usr/local/lib/systemd/network", "/usr/lib/systemd/network", "/lib/systemd/network"];

/// Every `.network` or `.netdev` file below `root`, in the order in which networkd reads them.
///
/// # Errors
/// One line that says what cannot be read.
pub fn all(root: &Path, extension: &str) -> Result<Vec<Unit>, String> {
    listed(root, "", extension)?.into_values().map(|path| read(root, &path)).collect()
}

/// A `.network` file and its drop-ins, in the order in which they apply.
///
/// # Errors
/// One line that says what cannot be read.
pub fn with_drop_ins(root: &Path, path: &Path) -> Result<Vec<Unit>, String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let drop_ins = listed(root, &format!("{name}.d"), "conf")?;
    std::iter::once(path.to_owned()).chain(drop_ins.into_values()).map(|path| read(root, &path)).collect()
}

fn listed(root: &Path, below: &str, extension: &str) -> Result<BTreeMap<String, PathBuf>, String> {
    let mut found = BTreeMap::new();
    for directory in DIRECTORIES.map(|directory| Path::new(directory).join(below)) {
        let cannot = |error: io::Error| format!("cannot read {}: {error}", directory.display());
        let entries = match fs::read_dir(edit::below(root, &directory)) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
            entries => entries.map_err(cannot)?,
        };
        for entry in entries {
            let name = entry.map_err(cannot)?.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') && Path::new(&name).extension().is_some_and(|own| own == extension) {
                found.entry(name.clone()).or_insert_with(|| directory.join(name));
            }
        }
    }
    Ok(found)
}

/// A link to /dev/null, which switches a file off, is an empty file.
fn read(root: &Path, path: &Path) -> Result<Unit, String> {
    let text = edit::text(&edit::below(root, path))
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?
        .unwrap_or_default();
    Ok(Unit::parse(path, &text))
}

/// Whether the file applies to a bridge of this name, as far as that can be told from the file; what else it asks for
/// counts as met.
pub fn may_match(unit: &Unit, bridge: &str, mac: &str) -> bool {
    let matching = unit.sections.iter().filter(|section| section.name == "Match");
    let keys: Vec<&str> = matching.flat_map(|section| &section.settings).map(|setting| setting.key.as_str()).collect();
    let is_met = |key: &str, value: &str| !keys.contains(&key) || matches(&unit.values("Match", key), value);
    let has_mac = || unit.values("Match", "MACAddress").iter().any(|value| has_word(value, mac));
    !keys.is_empty()
        && is_met("Name", bridge)
        && (is_met("Type", "bridge") || is_met("Type", "ether"))
        && is_met("Kind", "bridge")
        && is_met("Driver", "bridge")
        && (!keys.contains(&"MACAddress") || has_mac())
        // A bridge has neither.
        && !keys.contains(&"PermanentMACAddress")
        && !keys.contains(&"Path")
}

/// Whether the file names the link in its `[Match]`.
pub fn names(unit: &Unit, link: &str) -> bool {
    matches(&unit.values("Match", "Name"), link)
}

/// Whether names are all that the file asks for.
pub fn names_only(unit: &Unit) -> bool {
    let matching = unit.sections.iter().filter(|section| section.name == "Match");
    matching.flat_map(|section| &section.settings).all(|setting| setting.key.is_empty() || setting.key == "Name")
}

fn has_word(value: &str, word: &str) -> bool {
    value.split_whitespace().any(|own| own.eq_ignore_ascii_case(word))
}

/// Patterns as systemd has them: the first word may begin with `!`, which turns all of them round.
fn matches(values: &[&str], name: &str) -> bool {
    let words: Vec<&str> = values.iter().flat_map(|value| value.split_whitespace()).collect();
    let (is_inverted, words) = match words.split_first() {
        Some((first, rest)) if first.starts_with('!') => (true, [&[&first[1..]], rest].concat()),
        _ => (false, words),
    };
    words.iter().any(|pattern| glob::matches(pattern, name)) != is_inverted && !words.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applies(text: &str) -> bool {
        may_match(&Unit::parse(Path::new("/a"), text), "br0", "52:54:00:00:00:10")
    }

    #[test]
    fn what_applies_to_a_bridge_is_told_by_name_kind_and_mac() {
        assert!(applies("[Match]\nName=br*\n") && applies("[Match]\nType=ether\n"));
        assert!(applies("[Match]\nName=!eth*\n") && !applies("[Match]\nName=!br0\n"));
        assert!(applies("[Match]\nMACAddress=52:54:00:00:00:10\n") && !applies("[Match]\nName=eth0\n"));
        assert!(!applies("[Match]\nName=*\nKind=veth\n") && !applies(""));
    }
}
