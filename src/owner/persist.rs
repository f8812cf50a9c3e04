//! Writes a bridge into the configuration of whoever configures its uplink at boot.

use std::path::Path;

use serde::Serialize;

use super::backup::{self, Backup, Restored};
use super::edit::Edit;
use super::{Claim, Owner, ifupdown, network_manager};

/// A bridge as an owner's configuration is to have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    pub name: String,
    pub uplink: String,
    /// The uplink's, `52:54:00:00:00:10`: with another one the DHCP server and the switch would see another host.
    pub mac: String,
    pub stp: bool,
    pub forward_delay_ms: u32,
    pub vlan_filtering: bool,
}

/// What has to be written for it; nothing where the owner's configuration has the bridge already.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Persistence {
    /// In the order in which they are carried out.
    pub edits: Vec<Edit>,
    /// What the administrator has to look at.
    pub warnings: Vec<String>,
}

/// The change of the files below `root` that lets the owner make this bridge at boot; nothing is written.
///
/// # Errors
/// One line for each reason why it cannot be written.
pub fn persistence(root: &Path, bridge: &Bridge, claims: &[Claim]) -> Result<Persistence, Vec<String>> {
    if claims.iter().any(|claim| claim.owner == Owner::NetworkManager) {
        return network_manager::persistence(root, bridge);
    }
    let others = claims.iter().filter(|claim| matches!(claim.owner, Owner::Networkd));
    let others: Vec<String> = others
        .map(|claim| {
            format!(
                "{} belongs to {} ({}), whose configuration cannot be written yet",
                bridge.uplink, claim.owner, claim.evidence
            )
        })
        .collect();
    if !others.is_empty() {
        return Err(others);
    }
    ifupdown::persistence(root, bridge)
}

impl Persistence {
    /// Writes the files below `root`, after their backup, and tells the owner that its bridge is up.
    ///
    /// # Errors
    /// One line that says what could not be written; a file is the old one or the new one.
    pub fn write(&self, root: &Path, bridge: &str) -> Result<(), String> {
        backup::write(root, bridge, &self.edits)?;
        ifupdown::note(root, bridge).map_err(|error| format!("cannot tell ifupdown that {bridge} is up: {error}"))
    }
}

/// Gives the owner's files below `root` back what they had before the bridge, unless somebody has changed them since.
///
/// # Errors
/// One line that says what could not be read or written.
pub fn restore(root: &Path, bridge: &str, backup: Backup) -> Result<Restored, String> {
    let restored = backup.restore(root)?;
    if matches!(restored, Restored::Files(_)) {
        ifupdown::forget(root, bridge)
            .map_err(|error| format!("cannot tell ifupdown that {bridge} is down: {error}"))?;
    }
    Ok(restored)
}
