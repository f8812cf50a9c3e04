//! A takeover that the uplink's owner has carried out, while it waits for its confirmation.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::bridge::{self, Belongings, End};
use crate::deadline::Deadline;
use crate::netlink::Socket;
use crate::owner::HandOver;
use crate::sysfs;

/// What leads back, and what the host has by its uplink then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOver {
    /// The owner's own way back.
    pub hand_over: HandOver,
    /// The uplink.
    pub uplink: End,
    /// What it had before.
    pub moved: Belongings,
}

impl HandedOver {
    /// How long the owner may take to go back, or to keep what is.
    pub const ANSWER: Duration = Duration::from_secs(30);

    /// Lets the owner go back, and gives the uplink what it then lacks: whatever the owner waits for, such as a DHCP server
    /// that has gone, the host is reached as it was.
    ///
    /// # Errors
    /// One line that says what is not as before.
    pub fn take_back(&self) -> Result<(), String> {
        let back = self.hand_over.take_back(Deadline::after(Self::ANSWER));
        let mut socket = Socket::open().map_err(|error| error.to_string())?;
        bridge::give_back(&mut socket, &self.uplink, &self.moved).and(back)
    }

    /// Lets the bridge stay.
    ///
    /// # Errors
    /// One line when the owner has gone back already.
    pub fn keep(&self) -> Result<(), String> {
        self.hand_over.keep(Deadline::after(Self::ANSWER))
    }

    /// Whether the uplink is the bridge's port.
    pub fn stands(&self, bridge: &str) -> bool {
        sysfs::master(Path::new("/"), &self.uplink.name).is_some_and(|master| master == bridge)
    }
}
