//! What networkd is told beside its files, in /run, where it lasts until the next boot.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::files::{self, RUN};
use super::render;
use crate::owner::edit;

/// What keeps addresses and leases while networkd takes a link over: without, it deletes what a lease or an advertisement
/// gave, to ask for it anew.
const KEEP: &str = "\n[Network]\nKeepConfiguration=yes\n";

/// Begins the first line of a file that stands for another one.
const STANDS_FOR: &str = "# As ";

/// The files of one bridge.
pub struct Runtime<'a> {
    root: &'a Path,
    bridge: &'a str,
}

impl<'a> Runtime<'a> {
    /// Those of a bridge, below `root`.
    pub fn of(root: &'a Path, bridge: &'a str) -> Self {
        Runtime { root, bridge }
    }

    /// What the bridge has now is kept, whoever gave it.
    ///
    /// # Errors
    /// One line that says what cannot be read or written.
    pub fn keep(&self) -> Result<(), String> {
        let networks = files::all(self.root, "network")?;
        let own = networks.iter().find(|unit| unit.values("Match", "Name") == [self.bridge]);
        let Some(name) = own.and_then(|unit| unit.path.file_name()) else { return Ok(()) };
        self.write(&format!("{}.d/{}", name.to_string_lossy(), self.drop_in()), KEEP)
    }

    /// The uplink is nobody's.
    ///
    /// # Errors
    /// One line that says what cannot be read or written.
    pub fn let_go(&self, uplink: &str) -> Result<(), String> {
        let networks = files::all(self.root, "network")?;
        let is_port = |unit: &&super::Unit| super::is_port(unit, self.bridge, uplink);
        let Some(port) = networks.iter().find(is_port).and_then(|unit| unit.path.file_stem()) else { return Ok(()) };
        let port = port.to_string_lossy();
        let original = port.strip_suffix(&format!("-{}-port", self.bridge)).unwrap_or(&port);
        let text = format!("[Match]\nName={uplink}\n\n[Link]\nUnmanaged=yes\n");
        self.write(&format!("{original}{}", self.leaving()), &text)
    }

    /// The file that applied to the uplink that was let go.
    ///
    /// # Errors
    /// One line that says what cannot be read.
    pub fn original(&self) -> Result<Option<PathBuf>, String> {
        let names = self.names().map_err(|error| format!("cannot read {RUN}: {error}"))?;
        let Some(name) = names.iter().find_map(|name| name.strip_suffix(&self.leaving()).map(str::to_owned)) else {
            return Ok(None);
        };
        let networks = files::all(self.root, "network")?;
        let is_original = |path: &PathBuf| path.file_stem().is_some_and(|stem| stem.to_string_lossy() == name);
        Ok(networks.into_iter().map(|unit| unit.path).find(is_original))
    }

    /// What the uplink has now is kept, by a file for it alone that says what the original says.
    ///
    /// # Errors
    /// One line that says what cannot be read or written.
    pub fn keep_back(&self, original: &Path, uplink: &str) -> Result<(), String> {
        let units = files::with_drop_ins(self.root, original)?;
        let text = format!(
            "{STANDS_FOR}{}, until the next boot.\n{}{KEEP}",
            original.display(),
            render::whole(&units, uplink)
        );
        let stem = original.file_stem().unwrap_or_default().to_string_lossy();
        self.write(&format!("{stem}{}", self.back()), &text)
    }

    /// Takes all of it away.
    ///
    /// # Errors
    /// One line that says what cannot be deleted.
    pub fn clear(&self) -> Result<(), String> {
        let cannot = |error: io::Error| format!("cannot delete what was written for {} in {RUN}: {error}", self.bridge);
        for name in self.names().map_err(cannot)? {
            let place = edit::below(self.root, Path::new(RUN)).join(&name);
            let drop_in = place.join(self.drop_in());
            if name.ends_with(&self.leaving()) || name.ends_with(&self.back()) {
                fs::remove_file(&place).map_err(cannot)?;
            } else if drop_in.exists() {
                fs::remove_file(drop_in).map_err(cannot)?;
                // Somebody else may have drop-ins there.
                let _ = fs::remove_dir(&place);
            }
        }
        Ok(())
    }

    fn drop_in(&self) -> String {
        format!("virt-bridge-{}.conf", self.bridge)
    }

    /// The end of a name that comes before that of the port's file.
    fn leaving(&self) -> String {
        format!("-{}-leaving.network", self.bridge)
    }

    fn back(&self) -> String {
        format!("-{}-back.network", self.bridge)
    }

    fn names(&self) -> io::Result<Vec<String>> {
        match fs::read_dir(edit::below(self.root, Path::new(RUN))) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            entries => entries?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect(),
        }
    }

    fn write(&self, name: &str, text: &str) -> Result<(), String> {
        let place = edit::below(self.root, Path::new(RUN)).join(name);
        let directory = place.parent().unwrap_or(&place);
        let written = fs::create_dir_all(directory)
            // networkd is a user of its own, whatever our umask.
            .and_then(|()| fs::set_permissions(directory, fs::Permissions::from_mode(0o755)))
            .and_then(|()| edit::replace(&place, text.as_bytes(), 0o644));
        written.map_err(|error| format!("cannot write {RUN}/{name}: {error}"))
    }
}

/// The file that one of ours stands for since an undo; itself where it stands for none.
pub fn stood_for(path: &Path, text: &str) -> PathBuf {
    let named = text.lines().next().and_then(|line| line.strip_prefix(STANDS_FOR)?.split_once(','));
    named.map_or_else(|| path.to_owned(), |(original, _)| PathBuf::from(original))
}
