//! What is written down of a transfer while it goes on: `/run/virt-bridge/BRIDGE.leases`.
//!
//! A client that was ended and not started again leaves no other trace of how it was started.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::bridge::DIRECTORY;
use crate::owner::Client;

const SUFFIX: &str = ".leases";

/// Clients on their way between a bridge and its uplink.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub bridge: String,
    pub uplink: String,
    /// Where the clients were when they set out.
    pub from: String,
    pub clients: Vec<Client>,
}

impl Record {
    /// The record of a transfer that was not brought to its end.
    pub fn of(bridge: &str) -> io::Result<Option<Self>> {
        match fs::read(path(bridge)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The bridges that have one, by name.
    pub fn bridges() -> Vec<String> {
        let entries = Path::new(DIRECTORY).read_dir().into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(SUFFIX)?.to_owned()));
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// As receipts, as a whole: whoever comes after a crash finds all of it or nothing.
    pub fn write(&self) -> io::Result<()> {
        let place = path(&self.bridge);
        let temporary = place.with_extension("leases.new");
        let written = serde_json::to_vec(self)
            .map_err(io::Error::from)
            .and_then(|bytes| fs::write(&temporary, bytes))
            .and_then(|()| fs::rename(&temporary, &place));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    /// Takes it away.
    pub fn remove(&self) -> io::Result<()> {
        match fs::remove_file(path(&self.bridge)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn path(bridge: &str) -> PathBuf {
    Path::new(DIRECTORY).join(format!("{bridge}{SUFFIX}"))
}
