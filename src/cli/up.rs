//! `virt-bridge up`: the takeover.

use std::path::PathBuf;
use std::time::Duration;

use super::bridge_arguments::BridgeArguments;
use super::exit::Failure;
use super::guarded::{self, Waits};
use super::handed_over;
use super::leases;
use super::persist;
use super::rehearse;
use crate::bridge::{self, Records, Wanted};
use crate::config::parse_duration;
use crate::confirmation::{Keeper, Promise, is_remote};
use crate::deadline::Deadline;
use crate::netlink::{Link, Socket, link};

/// How long a takeover over SSH waits where nothing is said.
const OVER_SSH: Duration = Duration::from_secs(60);

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    bridge: BridgeArguments,
    /// Take everything back unless `virt-bridge confirm` comes within this time, such as 60s [default: 60s over SSH]
    #[arg(long, value_name = "DURATION", value_parser = allowed_time)]
    confirm: Option<Duration>,
    /// Keep it without confirmation, over SSH too
    #[arg(long, conflicts_with = "confirm")]
    no_confirm: bool,
    /// Do not wait for the confirmation: return once the bridge is there, with a guardian left behind
    #[arg(long, requires = "confirm")]
    detach: bool,
    /// Only write what --persist writes, into the files below this directory, those of a host that does not run
    #[arg(long, value_name = "DIRECTORY", value_parser = super::directory, requires = "persist")]
    #[arg(conflicts_with_all = ["rehearse", "network", "confirm", "no_confirm"])]
    root: Option<PathBuf>,
    /// Nothing is said of what is done: the takeover is told of already.
    #[arg(skip)]
    quiet: bool,
}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    if let Some(root) = &arguments.root {
        return persist::write_below(root, &arguments.bridge.wanted_below(root)?, arguments.bridge.json);
    }
    super::capability::require("up")?;
    let wanted = arguments.bridge.wanted()?;
    guarded::settle_earlier(&wanted.bridge)?;
    leases::settle_earlier(&wanted.bridge)?;
    let lasting = persist::plan(&wanted)?;
    if arguments.bridge.rehearse {
        rehearse::before(&wanted, lasting.as_ref())?;
    }
    let network = arguments.bridge.network()?;
    let allowed = arguments.confirm.or_else(|| (!arguments.no_confirm && is_remote()).then_some(OVER_SSH));
    let plan = match &lasting {
        Some(lasting) if lasting.is_owners_work() => survey(&wanted)?.plan,
        _ => None,
    };
    let owners_work = handed_over::work(plan.as_ref(), lasting.as_ref());
    let waits = match allowed {
        Some(allowed) if owners_work.is_some() || takes_over(&wanted, arguments.confirm.is_some())? => {
            Some(Waits { allowed, detached: arguments.detach, promise: promise(arguments, lasting.is_some())? })
        }
        _ => None,
    };
    match (owners_work, &waits) {
        (Some((plan, lasting)), waits) => {
            handed_over::run(&wanted, plan.clone(), lasting, waits.as_ref(), arguments.bridge.json)?;
        }
        (None, Some(waits)) => guarded::run(&wanted, lasting.as_ref(), waits, arguments.bridge.json)?,
        (None, None) => {
            let clients = leases::begin(&wanted.bridge, lasting.as_ref())?;
            let outcome = bridge::ensure(&wanted, Deadline::after(super::DEADLINE))?;
            if !arguments.quiet {
                super::report::print(&wanted.bridge, &outcome, "nothing to do", arguments.bridge.json);
            }
            leases::to_bridge(clients).map_err(leases::attention)?;
        }
    }
    // Whoever confirms does the rest.
    if waits.as_ref().is_some_and(|waits| waits.detached) {
        return Ok(());
    }
    if let Some(lasting) = &lasting {
        persist::write(&wanted.bridge, &lasting.persistence, arguments.is_silent())?;
    }
    // Last: its start finds the bridge, and of a takeover that failed or was not confirmed no network is left.
    if let Some(network) = &network {
        network.make(&wanted.bridge, arguments.is_silent())?;
    }
    if waits.is_some() {
        let forgotten = Promise::end(&wanted.bridge);
        forgotten.unwrap_or_else(|error| super::warn(&format!("cannot note that all of it is done: {error}")));
    }
    Ok(())
}

/// Does what was promised for a takeover that is confirmed now.
///
/// # Errors
/// As [`run`].
pub fn keep(promise: &Promise, quiet: bool) -> Result<(), Failure> {
    let unread = |why| Failure::unchanged(format!("cannot read what is to be done for {}: {why}", promise.bridge));
    let bridge = BridgeArguments::of_promise(promise).map_err(unread)?;
    run(&Arguments { bridge, confirm: None, no_confirm: true, detach: false, root: None, quiet })
}

impl Arguments {
    /// Whether what is written and made is told of to nobody who reads words.
    fn is_silent(&self) -> bool {
        self.bridge.json || self.quiet
    }
}

/// What is to be done when the takeover is confirmed: this process does it, unless it ends before.
fn promise(arguments: &Arguments, is_lasting: bool) -> Result<Option<Promise>, Failure> {
    let keeper = if arguments.detach { None } else { Some(Keeper::this()) };
    let keeper = keeper.transpose().map_err(|error| Failure::unchanged(error.to_string()))?;
    Ok(arguments.bridge.promise(is_lasting, keeper))
}

/// Whether there is something that can be taken back: a repair of an earlier takeover cannot be, because undo goes back to
/// the time before that, and nothing needs no confirmation.
fn takes_over(wanted: &Wanted, asked_for: bool) -> Result<bool, Failure> {
    let survey = survey(wanted)?;
    if !survey.refusals.is_empty() {
        return Err(bridge::Error::Refused(survey.refusals).into());
    }
    if survey.plan.is_none_or(|plan| plan.is_empty()) {
        return Ok(false);
    }
    match (is_repair(&wanted.bridge)?, asked_for) {
        (true, true) => Err(Failure::unchanged(format!(
            "{} was taken over before, and taking back this repair would take back all of that",
            wanted.bridge
        ))
        .hint("say --no-confirm")),
        (is_repair, _) => Ok(!is_repair),
    }
}

fn survey(wanted: &Wanted) -> Result<bridge::Survey, Failure> {
    let mut socket = Socket::open().map_err(|error| Failure::unchanged(error.to_string()))?;
    Ok(bridge::survey(&mut socket, wanted)?)
}

/// Whether the bridge of an earlier takeover is still there.
fn is_repair(bridge: &str) -> Result<bool, Failure> {
    let receipt = Records::of(bridge).receipt().ok().flatten();
    let mut socket = Socket::open().map_err(|error| Failure::unchanged(error.to_string()))?;
    let link = socket.get::<Link>(link::by_name(bridge)).map_err(|error| Failure::unchanged(error.to_string()))?;
    Ok(receipt.is_some_and(|receipt| link.is_some_and(|link| link.index == receipt.bridge.index)))
}

fn allowed_time(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text).ok_or("this is no length of time such as 60s")?;
    if (SHORTEST..=LONGEST).contains(&duration) {
        Ok(duration)
    } else {
        Err(format!("it has to be between {SHORTEST:?} and {LONGEST:?}"))
    }
}
