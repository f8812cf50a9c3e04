//! The owner's configuration beside the running network: what `--persist` writes, and `undo` takes back.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::exit::{Exit, Failure};
use crate::bridge::{self, Records, Wanted};
use crate::config::Uplink;
use crate::netlink::{Link, Socket, link, mac_text};
use crate::owner::{self, Backup, Bridge, Owner, Persistence, Restored};
use crate::printable::{self, Printable};
use crate::sysfs;

/// What is done so that a bridge lasts, beside the takeover.
pub struct Lasting {
    /// The link that leads to the LAN.
    pub uplink: String,
    /// The files.
    pub persistence: Persistence,
}

impl Lasting {
    /// Whether the owner has to carry out the takeover, because it would undo one that is not its own.
    pub fn is_owners_work(&self) -> bool {
        self.persistence.owner == Owner::NetworkManager
    }
}

/// What would be written so that the bridge lasts; nothing where that is not wanted.
pub fn plan(wanted: &Wanted) -> Result<Option<Lasting>, Failure> {
    if !wanted.persist {
        return Ok(None);
    }
    let mut socket = Socket::open().map_err(|error| Failure::unchanged(error.to_string()))?;
    let survey = bridge::survey(&mut socket, wanted)?;
    if !survey.refusals.is_empty() {
        return Err(bridge::Error::Refused(survey.refusals).into());
    }
    let Some(uplink) = survey.plan.and_then(|plan| plan.uplink) else {
        return Err(Failure::unchanged(format!(
            "{} has no uplink, so nobody's configuration can have it",
            wanted.bridge
        )));
    };
    let unread = |error: &dyn std::fmt::Display| {
        Failure::unchanged(format!("cannot find out who configures {}: {error}", uplink.name))
    };
    let present = socket.get::<Link>(link::by_index(uplink.index)).map_err(|error| unread(&error))?;
    let mac = present.as_ref().and_then(Link::mac).map(mac_text).ok_or_else(|| unread(&"it has no MAC"))?;
    let claims = owner::claims(Path::new("/"), owner::Link { name: &uplink.name, index: uplink.index });
    let claims = claims.map_err(|error| unread(&error))?;
    let bridge = bridge(wanted, &uplink.name, uplink.index, mac);
    let persistence = owner::persistence(Path::new("/"), &bridge, &claims).map_err(|reasons| {
        refused(reasons)
            .hint("change what is named and say the same again; without --persist the bridge lasts until the next boot")
    })?;
    Ok(Some(Lasting { uplink: uplink.name, persistence }))
}

/// What would be written below `root`, where a host's files are and no kernel is.
pub fn plan_below(root: &Path, wanted: &Wanted) -> Result<Persistence, Failure> {
    let Uplink::Name(uplink) = &wanted.uplink else {
        return Err(Failure::unchanged(format!(
            "files alone do not tell which link the uplink of {} is",
            wanted.bridge
        ))
        .hint(format!("name it: virt-bridge plan {} --uplink NIC …", wanted.bridge)));
    };
    let file = sysfs::link(root, uplink).join("address");
    let mac = fs::read_to_string(&file).map_err(|error| {
        Failure::unchanged(format!("cannot read {}: {error}", file.display()))
            .hint(format!("the bridge gets the MAC of {uplink}: write it there"))
    })?;
    // What a running owner says of its links it says by their index; where none runs, there is none.
    let index = sysfs::index(root, uplink).unwrap_or(0);
    let claims = match root.join("proc").exists() {
        true => owner::claims(root, owner::Link { name: uplink, index }),
        false => Ok(Vec::new()),
    };
    let claims =
        claims.map_err(|error| Failure::unchanged(format!("cannot find out who configures {uplink}: {error}")))?;
    owner::persistence(root, &bridge(wanted, uplink, index, mac.trim().to_owned()), &claims)
        .map_err(|reasons| refused(reasons).hint("change what is named and say the same again"))
}

fn bridge(wanted: &Wanted, uplink: &str, uplink_index: u32, mac: String) -> Bridge {
    let stp = wanted.parameters.stp.unwrap_or(false);
    Bridge {
        name: wanted.bridge.clone(),
        uplink: uplink.to_owned(),
        uplink_index,
        mac,
        stp,
        // With STP the kernel's own delay stands, as in a takeover.
        forward_delay_ms: wanted.parameters.forward_delay_ms.unwrap_or(if stp { 15_000 } else { 0 }),
        vlan_filtering: wanted.parameters.vlan_filtering.unwrap_or(false),
    }
}

fn refused(reasons: Vec<String>) -> Failure {
    let causes = reasons.iter().map(|reason| format!("the bridge cannot be made to last: {reason}"));
    Failure::several(Exit::Unchanged, causes)
}

/// Every file that changes, as a diff.
pub fn in_words(persistence: &Persistence) -> String {
    let mut text = String::new();
    if persistence.edits.is_empty() {
        say!(text, "the uplink's owner has the bridge in its configuration already");
    } else {
        say!(text, "write, for the next boot:");
    }
    persistence.edits.iter().for_each(|edit| text.push_str(&edit.diff()));
    persistence.warnings.iter().for_each(|warning| say!(text, "warning: {}", Printable(warning)));
    text
}

/// Writes the files of a bridge that is there, and lets the owner know.
pub fn write(bridge: &str, persistence: &Persistence, quiet: bool) -> Result<(), Failure> {
    let hint = format!("to go on, say the same again; to go back: virt-bridge undo {bridge}");
    let attention = |text: String| Failure::new(Exit::NeedsAttention, text).hint(&hint);
    persistence.write(Path::new("/"), bridge).map_err(attention)?;
    let mut text = String::new();
    persistence.edits.iter().for_each(|edit| say!(text, "wrote {}", edit.path.display()));
    tell(&text, quiet);
    let given = owner::give(persistence.owner, bridge).map_err(attention)?;
    bridge::take_stand_ins_away(bridge, Records::of(bridge).receipt().ok().flatten().as_ref()).map_err(attention)?;
    persistence.warnings.iter().chain(&given).for_each(|warning| super::warn(warning));
    Ok(())
}

/// Writes the files of a host that does not run: no owner is there to be told, and the next boot makes the bridge.
pub fn write_below(root: &Path, wanted: &Wanted, as_json: bool) -> Result<(), Failure> {
    let persistence = plan_below(root, wanted)?;
    // A link that leads out of it leads to this host's own files.
    let outside = persistence.edits.iter().find(|edit| !is_inside(root, &owner::below(root, &edit.path)));
    if let Some(edit) = outside {
        return Err(Failure::unchanged(format!("{} leads out of {}", edit.path.display(), root.display()))
            .hint("run virt-bridge in there instead: chroot or systemd-nspawn"));
    }
    persistence.write(root, &wanted.bridge).map_err(|text| Failure::new(Exit::NeedsAttention, text))?;
    if as_json {
        let paths: Vec<&Path> = persistence.edits.iter().map(|edit| edit.path.as_path()).collect();
        super::print_json(&json!({ "bridge": wanted.bridge, "owner": persistence.owner, "wrote": paths }))?;
    } else {
        let mut text = String::new();
        persistence.edits.iter().for_each(|edit| say!(text, "wrote {}", edit.path.display()));
        super::print_text(if text.is_empty() { "nothing to do\n" } else { &text })?;
    }
    persistence.warnings.iter().for_each(|warning| super::warn(warning));
    Ok(())
}

/// Whether a file that may not be there yet is below a directory, whatever links are on its way.
fn is_inside(root: &Path, file: &Path) -> bool {
    let present = file.ancestors().find_map(|path| path.canonicalize().ok());
    present.is_some_and(|present| root.canonicalize().is_ok_and(|root| present.starts_with(root)))
}

/// Gives back the files of a host that does not run.
pub fn restore_below(root: &Path, bridge: &str, as_json: bool) -> Result<(), Failure> {
    let backup = Backup::of(root, bridge).map_err(Failure::unchanged)?;
    let is_written = backup.is_some();
    let paths = backup.map_or(Ok(Vec::new()), |backup| restored(root, bridge, backup))?;
    match (as_json, is_written) {
        (true, _) => super::print_json(&json!({ "bridge": bridge, "restored": paths })),
        (false, true) => super::print_text(&in_lines(&paths)),
        (false, false) => {
            super::print_text(&format!("{bridge}: nothing to undo: nothing was written below {}\n", root.display()))
        }
    }
}

/// Where the owner has carried out the takeover there is no receipt that undo could know the bridge's guests by.
pub fn refuse_guests(bridge: &str, owner: Owner) -> Result<(), Failure> {
    let ports = owner::other_ports(owner, bridge).map_err(Failure::unchanged)?;
    if ports.is_empty() {
        return Ok(());
    }
    Err(Failure::unchanged(format!("{bridge} still has the ports {}", ports.join(", "))).hint(bridge::MIND_GUESTS))
}

/// Gives the files back what they had before, and the owner its uplink, if that has left the bridge.
pub fn restore(bridge: &str, uplink: Option<&str>, backup: Backup, quiet: bool) -> Result<(), Failure> {
    let owner = backup.owner();
    let paths = restored(Path::new("/"), bridge, backup)?;
    tell(&in_lines(&paths), quiet);
    owner::take_back(owner, bridge, uplink).map_err(|text| Failure::new(Exit::NeedsAttention, text))
}

/// The files that have their old bytes again.
fn restored(root: &Path, bridge: &str, backup: Backup) -> Result<Vec<PathBuf>, Failure> {
    let attention = |text: String| Failure::new(Exit::NeedsAttention, text);
    match backup.restore(root).map_err(attention)? {
        Restored::Files(paths) => Ok(paths),
        Restored::Changed(difference) => {
            // Talk, of several lines; an error is one.
            let _ = write!(std::io::stderr(), "{}", printable::lines(&difference));
            Err(attention("somebody has changed files since virt-bridge wrote them, so they stay".into())
                .hint(format!("take {bridge} out of them by hand; the difference is shown above")))
        }
    }
}

fn in_lines(paths: &[PathBuf]) -> String {
    let mut text = String::new();
    paths.iter().for_each(|path| say!(text, "restored {}", path.display()));
    text
}

/// What was done stays done where nobody reads of it.
fn tell(text: &str, quiet: bool) {
    if !quiet {
        let _ = super::print_text(text);
    }
}
