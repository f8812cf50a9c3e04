//! Writes a bridge into the configuration of whoever configures its uplink at boot.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::backup::{self, Backup};
use super::edit::Edit;
use super::{Claim, Link, Owner, ifupdown, netplan, network_manager, networkd};
use crate::deadline::Deadline;
use crate::netlink::{Address, Route};

/// How long an owner may take to give an uplink back; a DHCP server may be slow.
const ANSWER: Duration = Duration::from_secs(60);

/// A bridge as an owner's configuration is to have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    pub name: String,
    pub uplink: String,
    /// The uplink's: what running owners say of a link they say by its index.
    pub uplink_index: u32,
    /// The uplink's, `52:54:00:00:00:10`: with another one the DHCP server and the switch would see another host.
    pub mac: String,
    pub stp: bool,
    pub forward_delay_ms: u32,
    pub vlan_filtering: bool,
}

impl Bridge {
    /// The forward delay as networkd has it: seconds, or with a unit.
    pub fn forward_delay(&self) -> String {
        match self.forward_delay_ms {
            milliseconds if milliseconds % 1000 == 0 => format!("{}", milliseconds / 1000),
            milliseconds => format!("{milliseconds}ms"),
        }
    }
}

/// What has to be written for it; nothing where the owner's configuration has the bridge already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Persistence {
    /// Whose files they are.
    pub owner: Owner,
    /// In the order in which they are carried out.
    pub edits: Vec<Edit>,
    /// What the administrator has to look at.
    pub warnings: Vec<String>,
    /// The same until the next boot, each a path and a text: for a running owner who renews a lease on the uplink, which it
    /// cannot do there any more after the takeover.
    #[serde(skip)]
    pub until_boot: Vec<(PathBuf, String)>,
}

/// The change of the files below `root` that lets the owner make this bridge at boot; nothing is written.
///
/// # Errors
/// One line for each reason why it cannot be written.
pub fn persistence(root: &Path, bridge: &Bridge, claims: &[Claim]) -> Result<Persistence, Vec<String>> {
    let backup = Backup::of(root, &bridge.name).map_err(|error| vec![error])?;
    if let Some(backup) = backup {
        if let Some(edits) = backup.half_done(root).map_err(|error| vec![error])? {
            return Ok(Persistence { edits: edits.to_vec(), ..Persistence::nothing(backup.owner()) });
        }
    }
    match configurer(bridge, claims)? {
        Owner::Ifupdown => ifupdown::persistence(root, bridge),
        Owner::NetworkManager => network_manager::persistence(root, bridge),
        Owner::Networkd => networkd::persistence(root, bridge),
        owner => Err(vec![format!("{} belongs to {owner}, whose configuration cannot be written yet", bridge.uplink)]),
    }
}

/// Who configures the uplink at boot. ifupdown shows nothing but its files, so it is whoever else does not.
fn configurer(bridge: &Bridge, claims: &[Claim]) -> Result<Owner, Vec<String>> {
    let mut running = claims.iter().filter(|claim| matches!(claim.owner, Owner::Networkd | Owner::NetworkManager));
    match (running.next(), running.next()) {
        (None, _) => Ok(Owner::Ifupdown),
        (Some(one), None) => Ok(one.owner),
        (Some(one), Some(other)) => Err(vec![format!(
            "{} belongs to {} ({}) and to {} ({}): let one of them have it",
            bridge.uplink, one.owner, one.evidence, other.owner, other.evidence
        )]),
    }
}

impl Persistence {
    /// No change of the owner's files, which have the bridge.
    pub fn nothing(owner: Owner) -> Self {
        Persistence { owner, edits: Vec::new(), warnings: Vec::new(), until_boot: Vec::new() }
    }

    /// Writes the files below `root`, after their backup.
    ///
    /// # Errors
    /// One line that says what could not be written; a file is the old one or the new one.
    pub fn write(&self, root: &Path, bridge: &str) -> Result<(), String> {
        backup::write(root, bridge, self.owner, &self.edits)
    }
}

/// Lets the running owner have the bridge that is up, and renew its lease there, before its files have it. Answers with what
/// is not as it should be.
///
/// # Errors
/// One line that says what failed.
pub fn give_until_boot(persistence: &Persistence, bridge: &str) -> Result<Vec<String>, String> {
    match persistence.until_boot.as_slice() {
        [] => Ok(Vec::new()),
        files => networkd::give_until_boot(files, bridge),
    }
}

/// The running owner that has the bridge until the next boot, whatever its files have, and the uplink.
///
/// # Errors
/// One line that says what could not be read.
pub fn until_boot(bridge: &str) -> Result<Option<(Owner, String)>, String> {
    Ok(networkd::until_boot(Path::new("/"), bridge)?.map(|uplink| (Owner::Networkd, uplink)))
}

/// Lets the owner, whose files have it now, know of the bridge that is up. Answers with what is not as it should be.
///
/// # Errors
/// One line that says what failed; the bridge stays up, and the next boot makes it.
pub fn give(owner: Owner, bridge: &str) -> Result<Vec<String>, String> {
    match owner {
        Owner::Ifupdown => ifupdown::note(Path::new("/"), bridge)
            .map(|()| Vec::new())
            .map_err(|error| format!("cannot tell ifupdown that {bridge} is up: {error}")),
        Owner::NetworkManager => network_manager::settle().map(|()| Vec::new()),
        // What it reads is the same; for networkd other files would be a reason to begin anew.
        Owner::Networkd | Owner::Netplan if until_boot(bridge)?.is_some() => Ok(Vec::new()),
        Owner::Networkd => networkd::give(bridge),
        Owner::Netplan => netplan::generate().and_then(|()| networkd::give(bridge)),
        _ => Ok(Vec::new()),
    }
}

/// Lets the owner keep its hands off the uplink, which is about to leave its bridge.
///
/// # Errors
/// One line that says what failed; nothing has changed.
pub fn release(owner: Owner, bridge: &str, uplink: &str) -> Result<(), String> {
    match owner {
        Owner::Networkd | Owner::Netplan => networkd::release(bridge, uplink),
        _ => Ok(()),
    }
}

/// Lets the owner, whose files are as before the bridge again, know that the bridge is gone and the uplink is its own;
/// without an uplink, neither is so before the next boot.
///
/// # Errors
/// One line that says what failed.
pub fn take_back(owner: Owner, bridge: &str, uplink: Option<&str>) -> Result<(), String> {
    match owner {
        Owner::Ifupdown => ifupdown::forget(Path::new("/"), bridge)
            .map_err(|error| format!("cannot tell ifupdown that {bridge} is down: {error}")),
        Owner::NetworkManager => network_manager::take_back(bridge, Deadline::after(ANSWER)),
        Owner::Networkd => uplink.map_or(Ok(()), |uplink| networkd::take_back(bridge, uplink, || Ok(()))),
        Owner::Netplan => uplink.map_or(Ok(()), |uplink| networkd::take_back(bridge, uplink, netplan::generate)),
        _ => Ok(()),
    }
}

/// The ports of a bridge that the owner takes away with it, other than the uplink; those of a takeover of ours its receipt
/// knows.
///
/// # Errors
/// One line that says what could not be read.
pub fn other_ports(owner: Owner, bridge: &str) -> Result<Vec<String>, String> {
    match owner {
        Owner::NetworkManager => network_manager::other_ports(bridge),
        _ => Ok(Vec::new()),
    }
}

/// Whether the owner, as it is configured below `root`, has the link as a port of the bridge and nothing else; what cannot be
/// read has not.
pub fn has_port(owner: Owner, root: &Path, bridge: &str, link: Link) -> bool {
    let answer = match owner {
        Owner::Networkd => networkd::has_port(root, bridge, link),
        Owner::NetworkManager => network_manager::has_port(root, bridge, link),
        _ => Ok(false),
    };
    answer.unwrap_or(false)
}

/// What of a link an owner that carries out takeovers by itself has not made, and does not bring to the bridge.
pub fn strangers(owner: Owner, addresses: &[Address], routes: &[Route]) -> Vec<String> {
    match owner {
        Owner::NetworkManager => network_manager::strangers(addresses, routes),
        _ => Vec::new(),
    }
}

/// Lets the owner whose files below `root` have the bridge make it as at boot; answers who has.
///
/// # Errors
/// When the owner fails, or has not ended by the deadline.
pub fn bring_up(root: &Path, bridge: &str, deadline: Deadline) -> Result<Option<Owner>, String> {
    if networkd::bring_up(root, bridge, deadline)? {
        return Ok(Some(Owner::Networkd));
    }
    if network_manager::bring_up(root, bridge, deadline)? {
        return Ok(Some(Owner::NetworkManager));
    }
    Ok(ifupdown::bring_up(root, bridge, deadline)?.then_some(Owner::Ifupdown))
}
