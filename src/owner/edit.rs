//! One change of a configuration file: as a value that a plan shows, and carried out as a whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::diff;

/// A file's text before and after; without a text there is no such file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// The file, absolute on the host.
    pub path: PathBuf,
    /// What it has before.
    pub old: Option<String>,
    /// What it has afterwards.
    pub new: Option<String>,
    /// The permission bits of a file that is made anew; one that is there keeps its own.
    pub mode: u32,
}

impl Edit {
    /// The change that takes this one back.
    pub fn reversed(&self) -> Edit {
        Edit { path: self.path.clone(), old: self.new.clone(), new: self.old.clone(), mode: self.mode }
    }

    /// The change as `diff -u` shows it.
    pub fn diff(&self) -> String {
        difference(&self.path, self.old.as_deref(), self.new.as_deref())
    }

    /// Carries the change out below `root`: whoever reads, or comes after a crash, finds the old file or the new one.
    ///
    /// # Errors
    /// When the file is not as it was before, or cannot be written; then it is untouched.
    pub fn write(&self, root: &Path) -> io::Result<()> {
        let place = below(root, &self.path);
        let present = text(&place)?;
        if present == self.new {
            return Ok(());
        }
        if present != self.old {
            return Err(io::Error::other("somebody else has changed it meanwhile"));
        }
        match &self.new {
            Some(new) => make_drop_in_directory(&place).and_then(|()| replace(&place, new.as_bytes(), self.mode)),
            None => {
                fs::remove_file(&place)?;
                sync_directory(&place)?;
                // Empty, it was made for this file.
                if let Some(directory) = place.parent().filter(|directory| is_for_drop_ins(directory)) {
                    let _ = fs::remove_dir(directory);
                }
                Ok(())
            }
        }
    }
}

/// The directory of a drop-in, which need not be there before its first file; any other has to be.
fn make_drop_in_directory(place: &Path) -> io::Result<()> {
    match place.parent().filter(|directory| is_for_drop_ins(directory) && !directory.exists()) {
        None => Ok(()),
        Some(directory) => {
            fs::create_dir(directory)?;
            fs::set_permissions(directory, fs::Permissions::from_mode(0o755))?;
            sync_directory(directory)
        }
    }
}

fn is_for_drop_ins(directory: &Path) -> bool {
    directory.to_string_lossy().ends_with(".network.d")
}

/// What differs between two texts of a file, as `diff -u` shows it.
pub fn difference(path: &Path, old: Option<&str>, new: Option<&str>) -> String {
    let name = |text: Option<&str>| text.map_or("/dev/null".into(), |_| path.display().to_string());
    diff::unified([&name(old), &name(new)], old.unwrap_or_default(), new.unwrap_or_default())
}

/// The place of an absolute path of the host below `root`.
pub fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// A file's text; nothing where there is no file.
///
/// # Errors
/// When it cannot be read or is no UTF-8 text, which could not be given back to the byte.
pub fn text(place: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(place) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Replaces a file's bytes. One that is there keeps its mode and owner, and a link to it stays a link.
///
/// # Errors
/// When any step fails; then the file is untouched.
pub fn replace(place: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let place = fs::canonicalize(place).unwrap_or_else(|_| place.to_owned());
    let temporary = temporary(&place);
    let written = write_whole(&temporary, &place, bytes, mode).and_then(|()| fs::rename(&temporary, &place));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written.and_then(|()| sync_directory(&place))
}

/// Where a file's new bytes are until they are whole: a name that no owner would read as configuration.
pub fn temporary(place: &Path) -> PathBuf {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    place.with_file_name(format!(".{name}.virt-bridge-new"))
}

fn write_whole(temporary: &Path, model: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    // Left behind by a run that was killed.
    let _ = fs::remove_file(temporary);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(temporary)?;
    file.write_all(bytes)?;
    let mode = match fs::metadata(model) {
        Ok(model) => {
            fchown(&file, Some(model.uid()), Some(model.gid()))?;
            model.mode() & 0o7777
        }
        Err(_) => mode,
    };
    // Behind the change of owner, which takes set-id bits away.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.sync_all()
}

/// The name itself is on the disk only when its directory is.
pub fn sync_directory(place: &Path) -> io::Result<()> {
    File::open(place.parent().unwrap_or(place))?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn directory(test: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("virt-bridge-edit-{}-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(directory.join("etc")).unwrap();
        directory
    }

    fn edit(old: Option<&str>, new: Option<&str>) -> Edit {
        Edit { path: "/etc/file".into(), old: old.map(str::to_owned), new: new.map(str::to_owned), mode: 0o600 }
    }

    #[test]
    fn a_replaced_file_keeps_its_mode_and_a_link_to_it_stays() {
        let root = directory("mode");
        fs::write(root.join("etc/real"), "old").unwrap();
        fs::set_permissions(root.join("etc/real"), fs::Permissions::from_mode(0o640)).unwrap();
        symlink("real", root.join("etc/file")).unwrap();
        edit(Some("old"), Some("new")).write(&root).unwrap();
        assert!(root.join("etc/file").is_symlink());
        assert_eq!(fs::read_to_string(root.join("etc/real")).unwrap(), "new");
        assert_eq!(fs::metadata(root.join("etc/real")).unwrap().mode() & 0o7777, 0o640);
        assert_eq!(fs::read_dir(root.join("etc")).unwrap().count(), 2, "a temporary file is left");
    }

    #[test]
    fn a_file_that_somebody_changed_is_not_overwritten() {
        let root = directory("changed");
        fs::write(root.join("etc/file"), "mine").unwrap();
        assert!(edit(Some("old"), Some("new")).write(&root).is_err());
        assert!(edit(None, Some("new")).write(&root).is_err());
        assert_eq!(fs::read_to_string(root.join("etc/file")).unwrap(), "mine");
    }

    #[test]
    fn a_new_file_has_the_mode_it_needs_and_goes_again() {
        let root = directory("new");
        let edit = edit(None, Some("secret"));
        edit.write(&root).unwrap();
        assert_eq!(fs::metadata(root.join("etc/file")).unwrap().mode() & 0o7777, 0o600);
        edit.reversed().write(&root).unwrap();
        assert!(!root.join("etc/file").exists());
        assert_eq!(edit.diff(), "--- /dev/null\n+++ /etc/file\n@@ -0,0 +1 @@\n+secret\n\\ No newline at end of file\n");
    }
}
