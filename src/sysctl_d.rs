//! Which lines of sysctl.d set a sysctl (sysctl.d(5)).

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::{Path, PathBuf};

use crate::glob::Glob;
use crate::printable::Printable;
use crate::regular_file;

/// Of files with one name, the one in the first of these directories counts.
const DIRECTORIES: [&str; 5] =
    ["etc/sysctl.d", "run/sysctl.d", "usr/local/lib/sysctl.d", "usr/lib/sysctl.d", "lib/sysctl.d"];
/// Read by sysctl(8) alone, and last; Debian 12 also has a link to it in /etc/sysctl.d.
const MAIN: &str = "etc/sysctl.conf";

/// A line that sets a sysctl.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The file, as it is named there.
    pub file: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// What stands behind the equals sign.
    pub value: String,
}

/// Where the line stands: `FILE:LINE`.
impl Display for Setting {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", Printable(&self.file.to_string_lossy()), self.line)
    }
}

/// The lines under `root` that set the sysctl with this dotted name, in the order in which they are applied: the last
/// one wins.
pub fn settings(root: &Path, sysctl: &str) -> Vec<Setting> {
    let mut seen = Vec::new();
    let mut settings = Vec::new();
    for file in files(root) {
        let Ok(target) = file.canonicalize() else { continue };
        let Ok(text) = regular_file::read(&file) else { continue };
        if seen.contains(&target) {
            continue;
        }
        seen.push(target);
        let matching = (1..).zip(text.lines()).filter_map(|(line, text)| Some((line, value(text, sysctl)?)));
        settings.extend(matching.map(|(line, value)| Setting { file: file.clone(), line, value }));
    }
    settings
}

fn files(root: &Path) -> Vec<PathBuf> {
    let mut files: BTreeMap<OsString, PathBuf> = BTreeMap::new();
    for directory in DIRECTORIES.iter().rev() {
        for entry in fs::read_dir(root.join(directory)).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "conf") {
                files.insert(entry.file_name(), entry.path());
            }
        }
    }
    files.into_values().chain([root.join(MAIN)]).collect()
}

/// What the line sets the sysctl to, if it does.
fn value(line: &str, sysctl: &str) -> Option<String> {
    let line = line.trim();
    if line.starts_with(['#', ';']) {
        return None;
    }
    let (name, value) = line.split_once('=')?;
    // A minus only says that an error is none.
    let name = name.trim().trim_start_matches('-').replace('/', ".");
    let is_meant = name == sysctl || name.parse::<Glob>().is_ok_and(|pattern| pattern.matches(sysctl));
    is_meant.then(|| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const IPTABLES: &str = "net.bridge.bridge-nf-call-iptables";

    #[test]
    fn a_line_is_found_in_every_spelling() {
        for line in [
            "net.bridge.bridge-nf-call-iptables=1",
            "  net.bridge.bridge-nf-call-iptables =  1 ",
            "net/bridge/bridge-nf-call-iptables = 1",
            "-net.bridge.bridge-nf-call-iptables = 1",
            "net.bridge.bridge-nf-call-* = 1",
            "net/bridge/* = 1",
        ] {
            assert_eq!(value(line, IPTABLES).as_deref(), Some("1"), "{line}");
        }
        for line in
            ["", "# net.bridge.bridge-nf-call-iptables = 1", "; x", "-net.bridge.bridge-nf-call-iptables", "a=1"]
        {
            assert_eq!(value(line, IPTABLES), None, "{line}");
        }
        assert_eq!(value("net.bridge.bridge-nf-call-ip6tables=1", IPTABLES), None);
    }

    #[test]
    fn files_shadow_each_other_and_apply_in_order() {
        let root = std::env::temp_dir().join(format!("virt-bridge-sysctl-d-{}", std::process::id()));
        let write = |file: &str, text: &str| {
            let file = root.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        let line = |value: &str| format!("# comment\n{IPTABLES} = {value}\n");
        write("usr/lib/sysctl.d/10-a.conf", &line("a"));
        write("usr/lib/sysctl.d/20-b.conf", &line("shadowed"));
        write("etc/sysctl.d/20-b.conf", &line("b"));
        write("run/sysctl.d/05-c.conf", &line("c"));
        write("etc/sysctl.d/30-d.conf~", &line("no"));
        write("etc/sysctl.conf", &line("main"));
        std::os::unix::fs::symlink("../sysctl.conf", root.join("etc/sysctl.d/99-sysctl.conf")).unwrap();
        let found = settings(&root, IPTABLES);
        let values: Vec<&str> = found.iter().map(|setting| setting.value.as_str()).collect();
        assert_eq!(values, ["c", "a", "b", "main"]);
        assert_eq!((found[2].file.clone(), found[2].line), (root.join("etc/sysctl.d/20-b.conf"), 2));
        fs::remove_dir_all(&root).unwrap();
    }
}
