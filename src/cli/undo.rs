//! `virt-bridge undo`: the way back.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::exit::{Exit, Failure};
use super::question;
use crate::bridge::{self, Lock, Outcome, Records};
use crate::config::nearest;
use crate::confirmation::{self, Confirmation};
use crate::deadline::Deadline;
use crate::libvirt::bridge_networks;
use crate::owner::{self, Backup};
use crate::printable::Printable;
use crate::shell_word::ShellWord;
use crate::sysfs;
use crate::transfer::Transfer;

#[derive(clap::Args)]
pub struct Arguments {
    /// The bridge
    #[arg(value_parser = super::link_name)]
    bridge: String,
    /// Undo it though guests' taps are attached, which then lead nowhere; without it, a terminal is asked
    #[arg(long, visible_alias = "yes")]
    force: bool,
    /// Print as JSON
    #[arg(long)]
    json: bool,
    /// Only give back the files below this directory, those of a host that does not run
    #[arg(long, value_name = "DIRECTORY", value_parser = super::directory, conflicts_with = "force")]
    root: Option<PathBuf>,
}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    if let Some(root) = &arguments.root {
        return super::persist::restore_below(root, &arguments.bridge, arguments.json);
    }
    super::capability::require("undo")?;
    match undo(arguments, arguments.force) {
        Err(failure) if failure.is_only(bridge::MIND_GUESTS) && question::is_agreed(&question(&failure)) => {
            undo(arguments, true)
        }
        other => other,
    }
}

/// `br0 still has the ports vnet0: …`
fn question(failure: &Failure) -> String {
    format!("{}: undo it all the same, and leave their guests without a network?", failure.causes())
}

fn undo(arguments: &Arguments, force: bool) -> Result<(), Failure> {
    if taken_back_by_owner(&arguments.bridge)? {
        return Ok(());
    }
    let check = super::gateway_check(&arguments.bridge);
    let backup = Backup::of(Path::new("/"), &arguments.bridge).map_err(Failure::unchanged)?;
    let receipt = Records::of(&arguments.bridge).receipt().ok().flatten();
    if let Some(backup) = backup.as_ref().filter(|_| !force) {
        super::persist::refuse_guests(&arguments.bridge, backup.owner())?;
    }
    let deadline = Deadline::after(super::DEADLINE);
    let lock = Lock::take(deadline)?;
    // Looked for before the takeover is forgotten and the bridge is gone.
    let clients = Transfer::leaving(&lock, &arguments.bridge).map_err(Failure::unchanged)?;
    let uplink = receipt.as_ref().and_then(|receipt| receipt.uplink.as_ref()).map(|uplink| uplink.name.clone());
    let given = owner::until_boot(&arguments.bridge).map_err(Failure::unchanged)?.map(|(owner, _)| owner);
    let owner = backup.as_ref().map(Backup::owner).or(given).filter(|_| uplink.is_some());
    if let (Some(owner), Some(uplink)) = (owner, &uplink) {
        owner::release(owner, &arguments.bridge, uplink).map_err(Failure::unchanged)?;
    }
    let outcome = bridge::undo_holding(&lock, &arguments.bridge, force, check, deadline)
        // It stays as it is, so the owner has it again; of what is wrong with that, less is said than why.
        .inspect_err(|_| drop(owner.map(|owner| owner::give(owner, &arguments.bridge))))?;
    // Where this fails, whoever waits for the confirmation finds nothing to take back.
    let _ = Confirmation::call_off(&lock, &arguments.bridge);
    super::report::print(&arguments.bridge, &outcome, "nothing to undo: no takeover since boot", arguments.json);
    if matches!(outcome, Outcome::AlreadyRight { recovered: None }) && backup.is_none() {
        hint_at_others(&arguments.bridge);
    }
    super::leases::to_uplink(clients)?;
    drop(lock);
    let uplink = uplink.filter(|_| matches!(outcome, Outcome::Done { .. }));
    let attention = |text| Failure::new(Exit::NeedsAttention, text);
    match backup {
        Some(backup) => super::persist::restore(&arguments.bridge, uplink.as_deref(), backup, arguments.json)?,
        None => given
            .map_or(Ok(()), |owner| owner::take_back(owner, &arguments.bridge, uplink.as_deref()))
            .map_err(attention)?,
    }
    // Of what is gone nobody needs to know what it cost.
    let _ = Records::of(&arguments.bridge).forget_handed_over();
    warn_of_networks(&arguments.bridge);
    match (owner, uplink) {
        (Some(_), Some(uplink)) => bridge::take_stand_ins_away(&uplink, receipt.as_ref()).map_err(attention),
        _ => Ok(()),
    }
}

/// A libvirt network that runs on a bridge that is gone starts no guest.
fn warn_of_networks(bridge: &str) {
    let root = Path::new("/");
    if sysfs::index(root, bridge).is_some() {
        return;
    }
    for network in bridge_networks::on_bridges(root).iter().filter(|network| network.active && network.bridge == bridge)
    {
        let name = ShellWord(&network.name);
        super::warn(&format!("network {name} still runs, and {bridge} is gone: virsh net-destroy {name}"));
    }
}

/// A name that was mistyped is no bridge that was undone before.
fn hint_at_others(bridge: &str) {
    let others = Records::bridges_with_receipt();
    let known: Vec<&str> = others.iter().map(String::as_str).collect();
    if let Some(other) = nearest(bridge, &known).or(known.first().copied()) {
        let _ = writeln!(
            std::io::stderr(),
            "hint: {} has taken over; to undo that: virt-bridge undo {0}",
            Printable(other)
        );
    }
}

/// Takes back what the uplink's owner has carried out and nobody has confirmed yet, of which nothing is written.
fn taken_back_by_owner(bridge: &str) -> Result<bool, Failure> {
    let is_owners = |confirmation: &Confirmation| confirmation.handed_over.is_some();
    if !Confirmation::of(bridge).ok().flatten().is_some_and(|confirmation| is_owners(&confirmation)) {
        return Ok(false);
    }
    let Some(taken_back) = confirmation::take_back(bridge, is_owners)? else { return Ok(false) };
    super::print_text(&format!("{}\n", taken_back.told.unwrap_or_default()))?;
    Ok(true)
}
