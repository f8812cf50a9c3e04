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

    /// The bridge, its addresses and its port: what networkd's files are to say, with nobody to read them after a boot.
    ///
    /// # Errors
    /// One line that says what cannot be written.
    pub fn add(&self, files: &[(PathBuf, String)]) -> Result<(), String> {
        // The port, by which they are known, first; networkd reads nothing before it is told.
        let mut files = files.iter().rev();
        files.try_for_each(|(path, text)| self.write(&path.file_name().unwrap_or_default().to_string_lossy(), text))
    }

    /// The link that such files have as the port of the bridge; nothing where there are none.
    ///
    /// # Errors
    /// One line that says what cannot be read.
    pub fn uplink_until_boot(&self) -> Result<Option<String>, String> {
        let names = self.names().map_err(|error| format!("cannot read {RUN}: {error}"))?;
        if !names.iter().any(|name| self.is_until_boot(name)) {
            return Ok(None);
        }
        let networks = files::all(self.root, "network")?;
        let is_port = |unit: &&super::Unit| {
            is_until_boot(&unit.path, self.bridge) && unit.values("Network", "Bridge").last() == Some(&self.bridge)
        };
        let port = networks.iter().find(is_port);
        Ok(port.and_then(|port| port.values("Match", "Name").last().map(|name| (*name).to_owned())))
    }

    /// Whether this is the file by which the uplink is nobody's.
    pub fn has_let_go(&self, applied: &Path) -> bool {
        applied.to_string_lossy().ends_with(&self.leaving())
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

    /// The uplink's file is another one than before, so that networkd reads it anew: what it has read stands for a bridge
    /// that is gone (network_reload of systemd 252 keeps what has not changed, with the device that it names).
    ///
    /// # Errors
    /// One line that says what cannot be read or written.
    pub fn renew_port(&self) -> Result<(), String> {
        let networks = files::all(self.root, "network")?;
        let is_port = |unit: &&super::Unit| unit.values("Network", "Bridge").last() == Some(&self.bridge);
        for port in networks.iter().filter(is_port).filter_map(|unit| unit.path.file_name()) {
            self.write(&format!("{}.d/{}", port.to_string_lossy(), self.drop_in()), "[Network]\n")?;
        }
        Ok(())
    }

    /// The uplink, whose file is `port`, is nobody's.
    ///
    /// # Errors
    /// One line that says what cannot be read or written.
    pub fn let_go(&self, uplink: &str, port: &Path) -> Result<(), String> {
        let text = fs::read_to_string(edit::below(self.root, port)).unwrap_or_default();
        let original = stood_for(port, &text);
        let original = original.file_stem().unwrap_or_default().to_string_lossy();
        let original = original.strip_suffix(&format!("-{}-port", self.bridge)).unwrap_or(&original);
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

    /// Takes away what was said of the uplink; answers whether there was something.
    ///
    /// # Errors
    /// One line that says what cannot be deleted.
    pub fn clear_uplink(&self) -> Result<bool, String> {
        self.delete(|name| name.ends_with(&self.leaving()) || name.ends_with(&self.back()))
    }

    /// Takes away what gives networkd the bridge until the next boot, and what its uplink has since an undo; what is left tells
    /// that there was something.
    ///
    /// # Errors
    /// One line that says what cannot be deleted.
    pub fn withdraw(&self) -> Result<(), String> {
        self.delete(|name| {
            self.is_until_boot(name) && !name.ends_with(PORT_UNTIL_BOOT) || name.ends_with(&self.back())
        })?;
        Ok(())
    }

    /// Takes all of it away but what is said of an uplink that networkd is to have back.
    ///
    /// # Errors
    /// One line that says what cannot be deleted.
    pub fn clear_bridge(&self) -> Result<(), String> {
        let is_meant = |name: &str| self.is_until_boot(name) && !name.ends_with(PORT_UNTIL_BOOT);
        self.delete(|name| is_meant(name) || name.ends_with(&self.leaving()))?;
        for name in self.names().map_err(|error| self.cannot_delete(error))? {
            let directory = self.place(&name);
            let drop_in = directory.join(self.drop_in());
            if drop_in.exists() {
                fs::remove_file(drop_in).map_err(|error| self.cannot_delete(error))?;
                // Somebody else may have drop-ins there.
                let _ = fs::remove_dir(directory);
            }
        }
        Ok(())
    }

    /// Takes away by what it is known that networkd had the bridge until the next boot.
    ///
    /// # Errors
    /// One line that says what cannot be deleted.
    pub fn clear_port(&self) -> Result<(), String> {
        self.delete(|name| self.is_until_boot(name)).map(drop)
    }

    fn is_until_boot(&self, name: &str) -> bool {
        is_until_boot(&Path::new(RUN).join(name), self.bridge)
    }

    /// Deletes the files whose names are meant; answers whether there were some.
    fn delete(&self, is_meant: impl Fn(&str) -> bool) -> Result<bool, String> {
        let names = self.names().map_err(|error| self.cannot_delete(error))?;
        let meant: Vec<_> = names.iter().filter(|name| is_meant(name)).collect();
        for name in &meant {
            fs::remove_file(self.place(name)).map_err(|error| self.cannot_delete(error))?;
        }
        Ok(!meant.is_empty())
    }

    fn cannot_delete(&self, error: io::Error) -> String {
        format!("cannot delete what was written for {} in {RUN}: {error}", self.bridge)
    }

    fn place(&self, name: &str) -> PathBuf {
        edit::below(self.root, Path::new(RUN)).join(name)
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
        let place = self.place(name);
        let directory = place.parent().unwrap_or(&place);
        let written = fs::create_dir_all(directory)
            // networkd is a user of its own, whatever our umask.
            .and_then(|()| fs::set_permissions(directory, fs::Permissions::from_mode(0o755)))
            .and_then(|()| edit::replace(&place, text.as_bytes(), 0o644));
        written.map_err(|error| format!("cannot write {RUN}/{name}: {error}"))
    }
}

/// What the ends of names are made of that last until the next boot. They come before those of the files that last longer,
/// so that networkd has no reason to begin anew when those are written.
const ENDS: [(&str, &str); 3] =
    [(".netdev", "-live.netdev"), ("-port.network", PORT_UNTIL_BOOT), (".network", "-live.network")];

const PORT_UNTIL_BOOT: &str = "-live-port.network";

/// The files of a bridge, which stand beside the one that applied, as they are until the next boot.
pub fn until_boot(applied: &Path, bridge: &str, lasting: &[(PathBuf, String)]) -> Vec<(PathBuf, String)> {
    let live = |(path, text): &(PathBuf, String)| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        let (end, live) = ENDS.into_iter().find(|(end, _)| name.ends_with(&format!("-{bridge}{end}")))?;
        let text = match live {
            PORT_UNTIL_BOOT => format!("{STANDS_FOR}{}, until the next boot.\n{text}", applied.display()),
            _ => text.clone(),
        };
        Some((Path::new(RUN).join(format!("{}{live}", name.strip_suffix(end)?)), text))
    };
    lasting.iter().filter_map(live).collect()
}

/// Whether this is such a file.
pub fn is_until_boot(path: &Path, bridge: &str) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.starts_with(RUN) && ENDS.iter().any(|(_, live)| name.ends_with(&format!("-{bridge}{live}")))
}

/// The file that one of ours stands for since an undo; itself where it stands for none.
pub fn stood_for(path: &Path, text: &str) -> PathBuf {
    let named = text.lines().next().and_then(|line| line.strip_prefix(STANDS_FOR)?.split_once(','));
    named.map_or_else(|| path.to_owned(), |(original, _)| PathBuf::from(original))
}
