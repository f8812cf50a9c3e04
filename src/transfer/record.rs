//! What is written down of a transfer while it goes on: `/run/virt-bridge/BRIDGE.leases`.
//!
//! A client that was ended and not started again leaves no other trace of how it was started.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::bridge::{DIRECTORY, record_file};
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
        record_file::read(&path(bridge))
    }

    /// The bridges that have one, by name.
    pub fn bridges() -> Vec<String> {
        record_file::bridges(&[SUFFIX])
    }

    /// As a whole: whoever comes after a crash finds all of it or nothing.
    pub fn write(&self) -> io::Result<()> {
        record_file::write(&path(&self.bridge), self)
    }

    /// Takes it away.
    pub fn remove(&self) -> io::Result<()> {
        record_file::remove(&path(&self.bridge))
    }
}

fn path(bridge: &str) -> PathBuf {
    Path::new(DIRECTORY).join(format!("{bridge}{SUFFIX}"))
}
