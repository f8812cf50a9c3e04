//! A record in `/run/virt-bridge`, as JSON.

use std::path::Path;
use std::{fs, io};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::DIRECTORY;

/// The record; nothing where there is none.
///
/// # Errors
/// When the file is there and cannot be read, or says something else.
pub fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(io::Error::from),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The bridges that have a record of one of these kinds, each the ending of a file's name, in order.
pub fn bridges(kinds: &[&str]) -> Vec<String> {
    let entries = Path::new(DIRECTORY).read_dir().into_iter().flatten().flatten();
    let bridge = |name: &str| kinds.iter().find_map(|kind| name.strip_suffix(kind)).map(str::to_owned);
    let mut bridges: Vec<String> = entries.filter_map(|entry| bridge(entry.file_name().to_str()?)).collect();
    bridges.sort();
    bridges.dedup();
    bridges
}

/// Replaces a record as a whole: a reader, or whoever comes after a crash, finds the old one or the new one. The
/// directory is in memory, so there is nothing to flush. Who writes holds the lock: all records of a bridge have the same
/// temporary file.
///
/// # Errors
/// When it cannot be written; then the old one stands.
pub fn write(path: &Path, record: &impl Serialize) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let written = serde_json::to_vec(record)
        .map_err(io::Error::from)
        .and_then(|bytes| fs::write(&temporary, bytes))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Deletes a record, which may be gone already.
///
/// # Errors
/// When it stays.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
