//! All domains of a host and what the rules make of them, from libvirt's own files.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::domain::{self, LARGEST, Patched};
use super::elements::open;
use crate::config::InterfaceRule;
use crate::printable::Printable;

/// Definitions, and the status of running domains, transient ones included.
const DIRECTORIES: [&str; 2] = ["etc/libvirt/qemu", "run/libvirt/qemu"];

/// The files of all domains.
#[derive(Default)]
pub struct Files(Vec<File>);

struct File {
    path: PathBuf,
    is_running: bool,
    xml: Vec<u8>,
}

/// One domain; it is defined, runs, or both.
#[derive(Clone, Debug)]
pub struct Domain<'a> {
    /// Its name, which is that of the files.
    pub name: String,
    /// Its definition, with which it starts the next time.
    pub defined: Option<Patched<'a>>,
    /// What it runs with.
    pub running: Option<Patched<'a>>,
}

/// A file of libvirt's, or their directory, that tells nothing.
#[derive(Debug)]
pub struct Error {
    /// Which one.
    pub file: PathBuf,
    /// Why.
    pub reason: Reason,
}

/// Why a file tells nothing.
#[derive(Debug)]
pub enum Reason {
    /// It cannot be read.
    Unreadable(io::Error),
    /// It is not the XML of a domain.
    Malformed(domain::Error),
}

impl Files {
    /// Reads those under `root` (`/` on a host); and says which cannot be read.
    ///
    /// # Errors
    /// When a directory cannot be listed. None at all: no domain.
    pub fn read(root: &Path) -> Result<(Self, Vec<Error>), Error> {
        let mut files = Vec::new();
        let mut errors = Vec::new();
        for (directory, is_running) in DIRECTORIES.into_iter().zip([false, true]) {
            for path in xml_files(&root.join(directory))? {
                match read(&path) {
                    Ok(xml) => files.push(File { path, is_running, xml }),
                    // It has ended since the directory was listed.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => errors.push(Error { file: path, reason: Reason::Unreadable(error) }),
                }
            }
        }
        Ok((Files(files), errors))
    }

    /// The domains in the order of their names, with what `rules` would change; and the files that are not XML of one.
    pub fn domains<'a>(&'a self, rules: &'a [InterfaceRule]) -> (Vec<Domain<'a>>, Vec<Error>) {
        let mut domains = BTreeMap::new();
        let mut errors = Vec::new();
        for file in &self.0 {
            let name = file.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            match domain::patch(&file.xml, rules) {
                Ok(patched) => {
                    let empty = Domain { name: name.clone(), defined: None, running: None };
                    let domain: &mut Domain = domains.entry(name).or_insert(empty);
                    *(if file.is_running { &mut domain.running } else { &mut domain.defined }) = Some(patched);
                }
                Err(error) => errors.push(Error { file: file.path.clone(), reason: Reason::Malformed(error) }),
            }
        }
        (domains.into_values().collect(), errors)
    }
}

fn xml_files(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |error| Error { file: directory.into(), reason: Reason::Unreadable(error) };
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let file = entry.map_err(failed)?.path();
        if file.extension() == Some(OsStr::new("xml")) {
            files.push(file);
        }
    }
    Ok(files)
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut xml = Vec::new();
    // One byte more, so that what is too large is seen to be.
    open(file)?.take(LARGEST as u64 + 1).read_to_end(&mut xml)?;
    Ok(xml)
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let file = self.file.to_string_lossy();
        match &self.reason {
            Reason::Unreadable(error) => write!(f, "cannot read {}: {error}", Printable(&file)),
            Reason::Malformed(error) => write!(f, "{}:{error}", Printable(&file)),
        }
    }
}

impl std::error::Error for Error {}
