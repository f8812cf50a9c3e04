//! A rehearsal: a plan carried out on a copy of this host, by this host's own kernel, and undone again.
//!
//! The copy is made from a snapshot, in a network namespace that belongs to one thread of this process and has no name:
//! however the process ends, the kernel takes all of it away. The host is only looked at.

mod act;
mod advertisement;
mod copy;
mod facts;
mod lan;
mod links;
mod operation;
mod outage;
mod prediction;
mod probes;
mod routes;
mod settings;
mod shortcomings;
mod stage;

use std::time::Instant;

use serde::Serialize;

use crate::bridge::{self, Plan, Snapshot, StepTaken, Wanted, plan};
use crate::deadline::Deadline;
use crate::netlink;
use copy::Host;
use probes::Probes;
use stage::Stage;

pub use act::{Act, Ending};
pub use outage::Outage;

/// Why a rehearsal could not even begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(String);

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl From<netlink::Error> for Error {
    fn from(error: netlink::Error) -> Self {
        Error(error.to_string())
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Error(error.to_string())
    }
}

/// What a rehearsal has shown.
#[derive(Clone, Debug, Serialize)]
pub struct Rehearsal {
    /// What the takeover did.
    pub takeover: Act,
    /// What its undoing did; nothing where there was nothing to undo.
    pub undo: Option<Act>,
    /// Each step taken alone: how long it took, and why the kernel refused it.
    pub steps: Vec<StepTaken>,
    /// What could not be rehearsed.
    pub not_rehearsed: Vec<String>,
    /// How long all of it took, in microseconds.
    pub microseconds: u64,
}

impl Rehearsal {
    /// Whether the plan can be trusted: it is carried out as predicted, and can be undone.
    pub fn is_good(&self) -> bool {
        let acts = || [&self.takeover].into_iter().chain(&self.undo);
        acts().all(|act| act.ending == Ending::Done) && self.takeover.differences.is_empty()
    }
}

fn perform(host: &Host, wanted: &Wanted, deadline: Deadline) -> Result<Rehearsal, Error> {
    let mut stage = Stage::set_up()?;
    lan::prepare(&stage)?;
    let (links, routers) = host.copy(&mut stage)?;
    let before = Snapshot::take(&mut stage.socket)?;
    let uplink = host.plan.uplink.as_ref().and_then(|uplink| before.link(&uplink.name));
    let plan = plan::takeover(&before, &wanted.bridge, uplink, wanted.parameters);
    let not_rehearsed = shortcomings::of(host.snapshot, &before, &links, host.plan, &plan);
    let probes = Probes::between(&mut stage, &before, &plan, &routers)?;
    let socket = &mut stage.socket;
    let takeover = Act::takeover(socket, &before, &plan, &probes, wanted.gateway_check, deadline)?;
    let undo = match takeover.ending {
        Ending::Done => Some(Act::undo(&before, &wanted.bridge, &probes, wanted.gateway_check, deadline)?),
        _ => None,
    };
    let steps = bridge::step_by_step(socket, &plan)?;
    Ok(Rehearsal { takeover, undo, steps, not_rehearsed, microseconds: 0 })
}

/// Rehearses `plan`, which was made for `wanted` from this snapshot of the host.
///
/// # Errors
/// When there can be no copy of this host.
pub fn rehearse(wanted: &Wanted, snapshot: &Snapshot, plan: &Plan, deadline: Deadline) -> Result<Rehearsal, Error> {
    let begun = Instant::now();
    let host = Host::of(snapshot, plan);
    // A thread of its own, since it leaves the host for good.
    let performed = std::thread::scope(|scope| scope.spawn(|| perform(&host, wanted, deadline)).join());
    let mut rehearsal = performed.unwrap_or_else(|_| Err(Error("the rehearsal broke off".into())))?;
    rehearsal.microseconds = begun.elapsed().as_micros() as u64;
    Ok(rehearsal)
}
