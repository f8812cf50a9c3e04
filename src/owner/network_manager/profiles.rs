//! The profiles that are files, as NetworkManager reads them.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::keyfile::{Keyfile, today};
use super::uuid;
use crate::owner::edit;

/// Where new profiles go.
pub const OWN: &str = "/etc/NetworkManager/system-connections";

/// Where profiles are; of two with the same UUID the first counts (nms-keyfile-utils.h,
/// `NMSKeyfileStorageType`).
const DIRECTORIES: [&str; 3] =
    ["/run/NetworkManager/system-connections", OWN, "/usr/lib/NetworkManager/system-connections"];

/// A connection profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its file, absolute on the host.
    pub path: PathBuf,
    /// The file's bytes.
    pub text: String,
    /// What they say.
    pub file: Keyfile,
    uuid: String,
}

impl Profile {
    /// The name that people see.
    pub fn id(&self) -> &str {
        self.connection("id").or_else(|| self.path.file_stem().and_then(|stem| stem.to_str())).unwrap_or_default()
    }

    /// What it is known by.
    pub fn uuid(&self) -> &str {
        &self.uuid
    }

    /// The kind of link it is for, in today's words.
    pub fn kind(&self) -> &str {
        today(self.connection("type").unwrap_or_default())
    }

    /// The link it is for, where it names one.
    pub fn link(&self) -> Option<&str> {
        self.connection("interface-name")
    }

    /// What it is a port of: an UUID, a link or a profile's name.
    pub fn controller(&self) -> Option<&str> {
        self.connection("controller").or_else(|| self.connection("master"))
    }

    /// Whether it is there after the next boot, too.
    pub fn lasts(&self) -> bool {
        !self.path.starts_with("/run")
    }

    /// Whether NetworkManager brings it up by itself.
    pub fn is_automatic(&self) -> bool {
        self.connection("autoconnect") != Some("false")
    }

    /// A value of the group that every profile has.
    pub fn connection(&self, key: &str) -> Option<&str> {
        self.file.value("connection", key).filter(|value| !value.is_empty())
    }

    /// Whether `name`, as another profile may have it, means this one.
    pub fn is_meant_by(&self, name: &str) -> bool {
        name == self.uuid() || name == self.id() || Some(name) == self.link()
    }
}

/// The profiles below `root`, in the order of their files; none where another of the same UUID counts.
///
/// # Errors
/// One line when a file that is there cannot be read.
pub fn read(root: &Path) -> Result<Vec<Profile>, String> {
    let mut profiles: Vec<Profile> = Vec::new();
    for directory in DIRECTORIES {
        for path in files(root, Path::new(directory))? {
            let cannot = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
            let Some(text) = edit::text(&edit::below(root, &path)).map_err(cannot)? else { continue };
            let file = Keyfile::parse(&text);
            let written = file.value("connection", "uuid").filter(|uuid| !uuid.is_empty()).map(str::to_owned);
            let uuid =
                written.unwrap_or_else(|| uuid::of_file(&Path::new(OWN).join(path.file_name().unwrap_or_default())));
            let profile = Profile { path, text, file, uuid };
            if profiles.iter().all(|other| other.uuid() != profile.uuid()) {
                profiles.push(profile);
            }
        }
    }
    Ok(profiles)
}

/// The files of profiles in a directory below `root`.
///
/// # Errors
/// When the directory is there and cannot be read.
pub fn files(root: &Path, directory: &Path) -> Result<Vec<PathBuf>, String> {
    let cannot = |error: std::io::Error| format!("cannot read {}: {error}", directory.display());
    let entries = match fs::read_dir(edit::below(root, directory)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(cannot)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let name = entry.map_err(cannot)?.file_name();
        if is_profile(&name.to_string_lossy(), directory) {
            files.push(directory.join(name));
        }
    }
    files.sort();
    Ok(files)
}

/// Whether NetworkManager takes a file of this name for a profile: those of administrators need no suffix
/// (nm-keyfile-utils.c, `nm_keyfile_utils_ignore_filename`).
fn is_profile(name: &str, directory: &Path) -> bool {
    let is_other = ["~", ".swp", ".swpx", ".pem", ".der"].iter().any(|suffix| name.ends_with(suffix));
    let needs_suffix = directory != Path::new(OWN);
    !name.starts_with('.') && !is_other && (name.ends_with(".nmconnection") || !needs_suffix)
}
