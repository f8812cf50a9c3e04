//! What the owner's files were before the bridge was written into them: `/var/lib/virt-bridge/BRIDGE.json`.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Owner;
use super::edit::{self, Edit};

/// Where backups are; they outlive a reboot.
pub const DIRECTORY: &str = "/var/lib/virt-bridge";

/// What became of the files.
#[derive(Debug, PartialEq, Eq)]
pub enum Restored {
    /// These files are as they were before.
    Files(Vec<PathBuf>),
    /// Somebody has changed files since, so nothing was written; the difference to what virt-bridge left.
    Changed(String),
}

/// How far a backup's edits are carried out.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not at all.
    Nothing,
    /// These files are as they are to be, and those are not yet.
    Half {
        /// As they are to be.
        done: Vec<PathBuf>,
        /// As they were.
        open: Vec<PathBuf>,
    },
    /// Wholly.
    All,
    /// Somebody has changed a file since.
    Changed,
}

/// Carries edits out below `root`, with the backup on the disk before the first of them.
///
/// # Errors
/// Names the file that could not be written; those before it are, and the backup knows them all.
pub fn write(root: &Path, bridge: &str, owner: Owner, edits: &[Edit]) -> Result<(), String> {
    if edits.is_empty() {
        return Ok(());
    }
    let place = place(root, bridge);
    let cannot = |path: &Path, error: io::Error| format!("cannot write {}: {error}", path.display());
    let earlier = Backup::of(root, bridge)?.map(|backup| backup.kept.edits).unwrap_or_default();
    let kept = continued(root, earlier, edits).map_err(|error| cannot(&place, error))?;
    keep(&place, owner, kept).map_err(|error| cannot(&place, error))?;
    edits.iter().try_for_each(|edit| edit.write(root).map_err(|error| cannot(&edit.path, error)))
}

/// What is known of the files' earlier bytes.
pub struct Backup {
    place: PathBuf,
    kept: Kept,
}

/// What is in the file.
#[derive(Serialize, Deserialize)]
struct Kept {
    owner: Owner,
    edits: Vec<Edit>,
}

impl Backup {
    /// The backup of a bridge's owner's files below `root`; nothing where there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(root: &Path, bridge: &str) -> Result<Option<Self>, String> {
        let place = place(root, bridge);
        let cannot = |what: &str, error: io::Error| format!("cannot {what} {}: {error}", place.display());
        let Some(kept) = edit::text(&place).map_err(|error| cannot("read", error))? else { return Ok(None) };
        let kept = serde_json::from_str(&kept).map_err(|error| cannot("understand", error.into()))?;
        Ok(Some(Backup { place, kept }))
    }

    /// Whose files they are.
    pub fn owner(&self) -> Owner {
        self.kept.owner
    }

    /// The bridges that have one, by name; none where that may not be known.
    pub fn bridges(root: &Path) -> Vec<String> {
        let entries = fs::read_dir(edit::below(root, Path::new(DIRECTORY))).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".json")?.to_owned()));
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort();
        names
    }

    /// How far the edits are carried out.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn progress(&self, root: &Path) -> Result<Progress, String> {
        let (mut done, mut open) = (Vec::new(), Vec::new());
        for Edit { path, old, new, .. } in &self.kept.edits {
            let present = edit::text(&edit::below(root, path))
                .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            match present {
                present if present == *new => done.push(path.clone()),
                present if present == *old => open.push(path.clone()),
                _ => return Ok(Progress::Changed),
            }
        }
        Ok(match (done.is_empty(), open.is_empty()) {
            (true, _) => Progress::Nothing,
            (_, true) => Progress::All,
            _ => Progress::Half { done, open },
        })
    }

    /// The edits, where a run that was ended in the middle has carried out some of them and not the others.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn half_done(&self, root: &Path) -> Result<Option<&[Edit]>, String> {
        Ok(matches!(self.progress(root)?, Progress::Half { .. }).then_some(&self.kept.edits))
    }

    /// Temporary files that a run has left below `root`, which was ended while it wrote.
    pub fn leftovers(&self, root: &Path) -> Vec<PathBuf> {
        let temporary = |edit: &Edit| {
            let place = edit::below(root, &edit.path);
            edit::temporary(&fs::canonicalize(&place).unwrap_or(place))
        };
        self.kept.edits.iter().map(temporary).filter(|path| path.exists()).collect()
    }

    /// Gives the files below `root` their old bytes back, if nobody has changed them since.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn restore(self, root: &Path) -> Result<Restored, String> {
        let leftovers = self.leftovers(root);
        let Backup { place, kept: Kept { edits, .. } } = self;
        let cannot = |what: &str, path: &Path, error: io::Error| format!("cannot {what} {}: {error}", path.display());
        let changed = changed(root, &edits).map_err(|(path, error)| cannot("read", &path, error))?;
        if !changed.is_empty() {
            return Ok(Restored::Changed(changed));
        }
        // In the other direction, so that a crash in between leaves what a crash on the way there would.
        for edit in edits.iter().rev() {
            edit.reversed().write(root).map_err(|error| cannot("write", &edit.path, error))?;
        }
        // Where one stays, nobody reads it.
        leftovers.iter().for_each(|path| drop(fs::remove_file(path)));
        let gone = fs::remove_file(&place).and_then(|()| edit::sync_directory(&place));
        gone.map_err(|error| cannot("delete", &place, error))?;
        Ok(Restored::Files(edits.into_iter().map(|edit| edit.path).collect()))
    }
}

/// The differences between what was left in the files and what is in them now; one that was not written yet, or was
/// given back already, has none.
fn changed(root: &Path, edits: &[Edit]) -> Result<String, (PathBuf, io::Error)> {
    let mut differences = String::new();
    for Edit { path, old, new, .. } in edits {
        let present = edit::text(&edit::below(root, path)).map_err(|error| (path.clone(), error))?;
        if present != *new && present != *old {
            differences.push_str(&edit::difference(path, new.as_deref(), present.as_deref()));
        }
    }
    Ok(differences)
}

fn place(root: &Path, bridge: &str) -> PathBuf {
    edit::below(root, Path::new(DIRECTORY)).join(format!("{bridge}.json"))
}

/// What leads back behind an earlier run too, which was killed before it had written everything, or whose files lack
/// something now: what it wrote is not what was there before the bridge.
fn continued(root: &Path, earlier: Vec<Edit>, edits: &[Edit]) -> io::Result<Vec<Edit>> {
    let mut all = Vec::new();
    for before in earlier {
        match edits.iter().find(|edit| edit.path == before.path) {
            Some(edit) if edit.old == before.new => all.push(Edit { old: before.old, ..edit.clone() }),
            Some(_) => {}
            None if edit::text(&edit::below(root, &before.path))? == before.new => all.push(before),
            None => {}
        }
    }
    let is_new = |edit: &&Edit| all.iter().all(|other| other.path != edit.path);
    let added: Vec<Edit> = edits.iter().filter(is_new).cloned().collect();
    Ok(all.into_iter().chain(added).collect())
}

fn keep(place: &Path, owner: Owner, edits: Vec<Edit>) -> io::Result<()> {
    // Files such as netplan's may hold secrets.
    let directory = place.parent().unwrap_or(place);
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    edit::sync_directory(directory)?;
    edit::replace(place, &serde_json::to_vec_pretty(&Kept { owner, edits })?, 0o600)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restore(root: &Path, bridge: &str) -> Result<Option<Restored>, String> {
        Backup::of(root, bridge)?.map(|backup| backup.restore(root)).transpose()
    }

    fn root(test: &str) -> PathBuf {
        let root = std::env::temp_dir().join(format!("virt-bridge-backup-{}-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("etc")).unwrap();
        root
    }

    fn edits() -> Vec<Edit> {
        let edit = |path: &str, old: Option<&str>| Edit {
            path: path.into(),
            old: old.map(str::to_owned),
            new: Some("new\n".into()),
            mode: 0o644,
        };
        vec![edit("/etc/a", Some("old\n")), edit("/etc/b", None)]
    }

    #[test]
    fn files_come_back_to_the_byte_and_the_backup_goes() {
        let root = root("back");
        fs::write(root.join("etc/a"), "old\n").unwrap();
        write(&root, "br0", Owner::Ifupdown, &edits()).unwrap();
        assert_eq!(fs::read_to_string(root.join("etc/a")).unwrap(), "new\n");
        assert_eq!(restore(&root, "br0"), Ok(Some(Restored::Files(vec!["/etc/a".into(), "/etc/b".into()]))));
        assert_eq!(fs::read_to_string(root.join("etc/a")).unwrap(), "old\n");
        assert!(!root.join("etc/b").exists());
        assert_eq!(restore(&root, "br0"), Ok(None));
    }

    #[test]
    fn what_somebody_wrote_since_stays_and_is_shown() {
        let root = root("since");
        fs::write(root.join("etc/a"), "old\n").unwrap();
        write(&root, "br0", Owner::Ifupdown, &edits()).unwrap();
        fs::write(root.join("etc/b"), "new\ntheirs\n").unwrap();
        let Ok(Some(Restored::Changed(shown))) = restore(&root, "br0") else { panic!("restored") };
        assert!(shown.contains("+++ /etc/b") && shown.contains("\n+theirs\n"), "{shown}");
        assert_eq!(fs::read_to_string(root.join("etc/a")).unwrap(), "new\n");
    }

    #[test]
    fn edits_that_were_not_all_carried_out_are_taken_back() {
        let root = root("half");
        fs::write(root.join("etc/a"), "old\n").unwrap();
        keep(&place(&root, "br0"), Owner::Ifupdown, edits()).unwrap();
        edits()[0].write(&root).unwrap();
        assert!(matches!(restore(&root, "br0"), Ok(Some(Restored::Files(_)))));
        assert_eq!(fs::read_to_string(root.join("etc/a")).unwrap(), "old\n");
    }

    #[test]
    fn what_a_killed_run_wrote_is_not_taken_for_what_was_before() {
        let root = root("again");
        fs::write(root.join("etc/a"), "old\n").unwrap();
        keep(&place(&root, "br0"), Owner::Networkd, edits()).unwrap();
        edits()[0].write(&root).unwrap();
        write(&root, "br0", Owner::Networkd, &edits()[1..]).unwrap();
        let newer = Edit { old: Some("new\n".into()), new: Some("newer\n".into()), ..edits()[1].clone() };
        write(&root, "br0", Owner::Networkd, &[newer]).unwrap();
        assert!(matches!(restore(&root, "br0"), Ok(Some(Restored::Files(paths))) if paths.len() == 2));
        assert_eq!(fs::read_to_string(root.join("etc/a")).unwrap(), "old\n");
        assert!(!root.join("etc/b").exists());
    }
}
