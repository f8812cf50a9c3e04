//! NetworkManager hands the uplink over to the bridge, and takes it back.
//!
//! First with profiles that end with this boot, under a checkpoint: whatever becomes of us, NetworkManager goes back by
//! itself. Only then are the profiles written where they last.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::checkpoint::Checkpoint;
use super::keyfile::Keyfile;
use super::profiles::{self, Profile};
use super::render::is_of_bridge;
use super::uuid::derived;
use crate::deadline::Deadline;
use crate::duplicate_detection::Off;
use crate::owner::edit::Edit;
use crate::owner::persist::Persistence;
use crate::owner::program;
use crate::sysfs;

/// Profiles that end with this boot.
const RUNTIME: &str = "/run/NetworkManager/system-connections";

/// NetworkManager's own file for a bridge that somebody else has made has the bridge's name.
const RUNTIME_PREFIX: &str = "virt-bridge-";

/// How long a profile may take to be up again where NetworkManager brings it up by itself.
const BY_ITSELF: Duration = Duration::from_secs(5);

const BETWEEN_QUESTIONS: Duration = Duration::from_millis(50);

/// A hand-over that can be taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOver {
    checkpoint: Checkpoint,
    bridge: String,
    /// May hold secrets, and is not needed to go back.
    #[serde(skip)]
    profiles: Vec<Edit>,
    files: Vec<PathBuf>,
    /// The uplink and what is up on it before.
    before: (String, String),
}

impl HandOver {
    /// Makes the way back, which NetworkManager goes by itself after `lifetime`.
    ///
    /// # Errors
    /// One line; then nothing is changed.
    pub fn prepare(
        bridge: &str,
        uplink: &str,
        persistence: &Persistence,
        lifetime: Duration,
        deadline: Deadline,
    ) -> Result<Self, String> {
        let profile = told(uplink, "GENERAL.CON-UUID", deadline)?;
        let checkpoint = Checkpoint::create(lifetime, deadline)?;
        let added = persistence.edits.iter().filter(|edit| edit.old.is_none());
        let profiles: Vec<Edit> = added.filter_map(for_this_boot).collect();
        Ok(HandOver {
            checkpoint,
            bridge: bridge.to_owned(),
            files: profiles.iter().map(|profile| profile.path.clone()).collect(),
            profiles,
            before: (uplink.to_owned(), profile.trim().to_owned()),
        })
    }

    /// Lets NetworkManager bring the bridge up, with the uplink as its port.
    ///
    /// # Errors
    /// One line that says why it is not, or not wholly, up.
    pub fn carry_out(&self, deadline: Deadline) -> Result<(), String> {
        for profile in &self.profiles {
            let cannot = |error: std::io::Error| format!("cannot write {}: {error}", profile.path.display());
            profile.write(Path::new("/")).map_err(cannot)?;
        }
        if !self.profiles.is_empty() {
            let files = self.profiles.iter().map(|profile| profile.path.to_str().unwrap_or_default());
            let files: Vec<&str> = ["connection", "load"].into_iter().chain(files).collect();
            program::output("nmcli", &files, deadline)?;
        }
        let profile = of_bridge(Path::new("/"), &self.bridge)?;
        let profile = profile.ok_or_else(|| format!("{} has no profile", self.bridge))?;
        up(profile.uuid(), &[], deadline)
    }

    /// Lets all be as before, and waits a while until the profile that the uplink had is up.
    ///
    /// # Errors
    /// One line that says what is not as before.
    pub fn take_back(&self, deadline: Deadline) -> Result<(), String> {
        let _off = Off::on(&self.before.0);
        let rolled_back = self.checkpoint.exists(deadline).and_then(|exists| match exists {
            true => self.checkpoint.roll_back(deadline),
            false => Ok(()),
        });
        remove(self.files.iter().map(PathBuf::as_path))?;
        program::output("nmcli", &["connection", "reload"], deadline)?;
        rolled_back?;
        let (uplink, profile) = &self.before;
        // It may be about to be up for longer, where a DHCP server does not answer any more.
        if is_up_within(uplink, profile, BY_ITSELF, deadline)? || has(uplink, profile, deadline)? {
            return Ok(());
        }
        Err(format!("{uplink} does not get its profile {profile} back"))
    }

    /// Lets NetworkManager go back by itself only after so long from now.
    ///
    /// # Errors
    /// As [`HandOver::keep`].
    pub fn prolong(&self, lifetime: Duration, deadline: Deadline) -> Result<(), String> {
        self.checkpoint.prolong(lifetime, deadline)
    }

    /// Lets the bridge stay until the next boot at least.
    ///
    /// # Errors
    /// One line when it was not in time; then NetworkManager has gone back.
    pub fn keep(&self, deadline: Deadline) -> Result<(), String> {
        self.checkpoint.destroy(deadline)
    }
}

/// The same profile in a file that ends with this boot; nothing for one that only switches another off.
fn for_this_boot(edit: &Edit) -> Option<Edit> {
    let file = Keyfile::parse(edit.new.as_deref()?);
    let is_bridges = file.value("connection", "type") == Some("bridge");
    let is_ports = file.value("connection", "slave-type") == Some("bridge");
    let name = edit.path.file_name()?.to_str()?;
    (is_bridges || is_ports)
        .then(|| Edit { path: Path::new(RUNTIME).join(format!("{RUNTIME_PREFIX}{name}")), ..edit.clone() })
}

fn remove<'a>(files: impl IntoIterator<Item = &'a Path>) -> Result<bool, String> {
    let mut any = false;
    for path in files {
        match fs::remove_file(path) {
            Ok(()) => any = true,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(format!("cannot delete {}: {error}", path.display())),
        }
    }
    Ok(any)
}

/// Lets NetworkManager take the bridge's profiles from the files that last instead of those that end with this boot.
///
/// # Errors
/// One line that says what failed; the bridge is up all the same.
pub fn settle() -> Result<(), String> {
    let deadline = Deadline::after(BY_ITSELF * 2);
    // First the lasting ones: NetworkManager keeps up what it knows by its UUID.
    program::output("nmcli", &["connection", "reload"], deadline)?;
    let root = Path::new("/");
    let has_lasting = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()?.strip_prefix(RUNTIME_PREFIX));
        name.is_some_and(|name| Path::new(profiles::OWN).join(name).exists())
    };
    let copies: Vec<PathBuf> = profiles::files(root, Path::new(RUNTIME))?.into_iter().filter(has_lasting).collect();
    if remove(copies.iter().map(PathBuf::as_path))? {
        program::output("nmcli", &["connection", "reload"], deadline)?;
    }
    Ok(())
}

/// Lets NetworkManager, whose files are as before the bridge, give the uplink its own profile back.
///
/// # Errors
/// One line that says what failed.
pub fn take_back(bridge: &str, deadline: Deadline) -> Result<(), String> {
    let profiles = profiles::read(Path::new("/"))?;
    let before = uplink_before(&profiles, bridge)?;
    // Before the bridge goes: in the other order the uplink would wait for that, without an address.
    let _off = before.as_ref().and_then(|(link, _)| Off::on(link));
    if let Some((link, profile)) = &before {
        program::output("nmcli", &["connection", "load", profile.path.to_str().unwrap_or_default()], deadline)?;
        up(profile.uuid(), &["ifname", link], deadline)?;
    }
    // The profiles of the bridge and its port are gone, so NetworkManager takes down what is left of them.
    program::output("nmcli", &["connection", "reload"], deadline).map(drop)
}

/// Whether the profile is up on the link within this time.
fn is_up_within(link: &str, profile: &str, time: Duration, deadline: Deadline) -> Result<bool, String> {
    let patience = deadline.at_most(time);
    loop {
        // `NM_DEVICE_STATE_ACTIVATED`.
        if told(link, "GENERAL.STATE", deadline)?.starts_with("100 ") && has(link, profile, deadline)? {
            return Ok(true);
        }
        if patience.has_passed() {
            return Ok(false);
        }
        std::thread::sleep(BETWEEN_QUESTIONS);
    }
}

/// Whether the profile is up on the link, or about to be.
fn has(link: &str, profile: &str, deadline: Deadline) -> Result<bool, String> {
    Ok(told(link, "GENERAL.CON-UUID", deadline)?.trim() == profile)
}

fn told(link: &str, field: &str, deadline: Deadline) -> Result<String, String> {
    program::output("nmcli", &["-g", field, "device", "show", link], deadline)
}

/// The ports of the bridge other than the one whose profile virt-bridge has written.
///
/// # Errors
/// One line that says what could not be read.
pub fn other_ports(bridge: &str) -> Result<Vec<String>, String> {
    let uplink = uplink_before(&profiles::read(Path::new("/"))?, bridge)?.map(|(uplink, _)| uplink);
    Ok(ports(bridge)?.into_iter().filter(|port| Some(port) != uplink.as_ref()).collect())
}

/// The bridge's uplink, and the profile that it had before: the one that the port's UUID was made from.
fn uplink_before<'a>(profiles: &'a [Profile], bridge: &str) -> Result<Option<(String, &'a Profile)>, String> {
    for port in ports(bridge)? {
        let index = sysfs::index(Path::new("/"), &port).unwrap_or_default();
        let state = Path::new("/run/NetworkManager/devices").join(index.to_string());
        let state = Keyfile::parse(&fs::read_to_string(state).unwrap_or_default());
        let up = state.value("device", "connection-uuid");
        let before = profiles.iter().find(|profile| up == Some(&derived("port", bridge, profile.uuid())));
        if let Some(before) = before {
            return Ok(Some((port, before)));
        }
    }
    Ok(None)
}

fn ports(bridge: &str) -> Result<Vec<String>, String> {
    sysfs::ports(Path::new("/"), bridge).map_err(|error| format!("cannot read the ports of {bridge}: {error}"))
}

fn up(uuid: &str, more: &[&str], deadline: Deadline) -> Result<(), String> {
    let seconds = deadline.remaining().as_secs().max(1).to_string();
    program::output("nmcli", &[&["--wait", &seconds, "connection", "up", uuid][..], more].concat(), deadline).map(drop)
}

/// Where the bridge is missing and NetworkManager runs with a profile for it, lets it make the bridge; where it does so by
/// itself, as at boot, waits for that. Answers whether it did.
///
/// # Errors
/// When it does not, or not by the deadline.
pub fn bring_up(root: &Path, bridge: &str, deadline: Deadline) -> Result<bool, String> {
    let was_there = sysfs::link(root, bridge).exists();
    if was_there && has_ports(root, bridge) || !root.join("run/NetworkManager/devices").exists() {
        return Ok(false);
    }
    // Files that cannot be understood have no bridge of ours: then all is as without NetworkManager.
    let profiles = profiles::read(root).unwrap_or_default();
    let Some(profile) = profiles.iter().find(|profile| is_of_bridge(profile, bridge)) else { return Ok(false) };
    let of_port = |other: &Profile| other.controller().is_some_and(|to| profile.is_meant_by(to));
    let expects_port = profiles.iter().any(of_port);
    let is_whole = || if expects_port { has_ports(root, bridge) } else { sysfs::link(root, bridge).exists() };
    // `connection up` would begin anew what is on its way by itself; half of the time is for what is not.
    wait_while(|| !is_whole() && is_starting(deadline), deadline.less(deadline.remaining() / 2));
    if sysfs::link(root, bridge).exists() {
        return Ok(!was_there);
    }
    up(profile.uuid(), &[], deadline)?;
    // A bridge that is up gets its ports only then. Who looks at it next says what it lacks.
    wait_while(|| !is_whole(), deadline.at_most(BY_ITSELF));
    Ok(true)
}

/// Whether NetworkManager is still busy with what it brings up at its start.
fn is_starting(deadline: Deadline) -> bool {
    program::output("nmcli", &["-g", "STARTUP", "general"], deadline).is_ok_and(|said| said.trim() == "starting")
}

fn has_ports(root: &Path, bridge: &str) -> bool {
    sysfs::ports(root, bridge).is_ok_and(|ports| !ports.is_empty())
}

fn wait_while(condition: impl Fn() -> bool, deadline: Deadline) {
    while condition() && !deadline.has_passed() {
        std::thread::sleep(BETWEEN_QUESTIONS);
    }
}

fn of_bridge(root: &Path, bridge: &str) -> Result<Option<Profile>, String> {
    Ok(profiles::read(root)?.into_iter().find(|profile| is_of_bridge(profile, bridge)))
}
