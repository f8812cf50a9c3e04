//! Carries out a plan: prepare, switch, verify, commit; or back.

use std::time::{Duration, Instant};

use super::error::Error;
use super::gateway::{self, Gateway};
use super::ipv6_settings;
use super::plan::Plan;
use super::receipt::{Operation, Receipt, Records};
use super::report::Report;
use super::step::Step;
use super::{recovery, verify};
use crate::deadline::Deadline;
use crate::netlink::{self, BridgeParameters, KernelError, Link, Request, Socket, link};
use crate::sysctl;

/// A step behind the point of no return, or on the way back, is tried again: the kernel may lack memory for a moment.
const TRIES: u32 = 5;

/// The time that going back may need, which the routers' answers are not waited into.
const WAY_BACK: Duration = Duration::from_millis(500);

/// Carries out `plan`. `asked` are the routers as they answered before; `gateway_check` is how long one may take to
/// answer afterwards.
///
/// # Errors
/// With the host as it was before (`Unchanged`, `RolledBack`), or, where even the way back failed, with a journal that
/// the next run goes on from (`Stranded`).
pub fn apply(
    socket: &mut Socket,
    plan: &Plan,
    records: &Records,
    asked: Asked,
    gateway_check: Duration,
    deadline: Deadline,
) -> Result<Report, Error> {
    let Asked { gateways, time } = asked;
    let phases = vec![("routers before", time)];
    let mut report = Report { phases, warnings: plan.warnings.clone(), ..Report::default() };
    let deadline = deadline.less(WAY_BACK);
    report.warnings.extend(
        gateways
            .iter()
            .filter(|gateway| !gateway.answers)
            .map(|gateway| format!("router {} did not answer before, so it is not asked afterwards", gateway.address)),
    );
    let mut receipt = Receipt::of(plan);
    records.begin(&receipt).map_err(|error| {
        Error::Unchanged(format!("cannot write down in {} how to go back: {error}", super::receipt::DIRECTORY))
    })?;
    let switched = switch(socket, plan, &gateways, gateway_check, deadline, &mut report);
    match switched.and_then(|()| report.time("commit", || commit(socket, &plan.commit, &plan.finish))) {
        Ok(warnings) => report.warnings.extend(warnings),
        Err(cause) => return Err(roll_back(socket, plan, records, cause)),
    }
    report.was_one_call(plan.commit.len() + plan.finish.len());
    if recovery::has_lost_bridge(socket, plan) {
        let cause = format!("{} was deleted in the middle of it", plan.bridge.name);
        return Err(recovery::recover(socket, records).map_or_else(|error| error, |_| Error::RolledBack(cause)));
    }
    report.warnings.extend(write_ipv6_settings(socket, plan, &plan.last_ipv6_settings).err());
    match verify::left_behind(socket, plan) {
        Ok(left) => {
            report.warnings.extend(left.iter().map(|address| format!("address {address} is still on the uplink, too")))
        }
        Err(error) => report.warnings.push(format!("cannot read back the uplink: {error}")),
    }
    report.warnings.extend(verify::no_carrier(socket, plan).ok().flatten());
    report.time_into(&mut receipt);
    let noted = match plan.operation {
        Operation::Takeover => records.complete(&receipt),
        Operation::Undo => records.forget(),
    };
    if let Err(error) = noted {
        report.warnings.push(format!("cannot note in {} that all is done: {error}", super::receipt::DIRECTORY));
    }
    Ok(report)
}

/// The routers as they answered through the old end, and how long that took.
pub struct Asked {
    gateways: Vec<Gateway>,
    time: Duration,
}

impl Asked {
    /// Whether it took so long that the host may be another one by now.
    pub fn took_long(&self) -> bool {
        self.time > Duration::from_millis(20)
    }
}

/// Asks the routers of a plan through its old end, if they are to be asked at all.
///
/// # Errors
/// When the kernel cannot be asked.
pub fn ask_routers(socket: &mut Socket, plan: &Plan, check: Duration, deadline: Deadline) -> Result<Asked, Error> {
    let begun = Instant::now();
    let gateways = match plan.old_end() {
        Some(old_end) if !check.is_zero() && !plan.gateways.is_empty() => {
            let deadline = deadline.less(WAY_BACK).at_most(check);
            gateway::before(socket, old_end.index, &plan.gateways, deadline).map_err(Error::unread)?
        }
        _ => Vec::new(),
    };
    Ok(Asked { gateways, time: begun.elapsed() })
}

/// Everything up to the commit; an error says why there must be none.
fn switch(
    socket: &mut Socket,
    plan: &Plan,
    gateways: &[Gateway],
    check: Duration,
    deadline: Deadline,
    report: &mut Report,
) -> Result<(), String> {
    let mut calls = Vec::new();
    report.time("prepare", || {
        // One by one: the kernel goes on behind an error, and where the bridge cannot be made its index is none of ours.
        for step in &plan.prepare {
            let begun = Instant::now();
            run(socket, std::slice::from_ref(step))?;
            calls.push((1, begun.elapsed()));
        }
        write_ipv6_settings(socket, plan, &plan.ipv6_settings)
    })?;
    report.calls = calls;
    if deadline.has_passed() {
        return Err("the deadline has passed".into());
    }
    report.time("switch", || run(socket, &plan.switch))?;
    report.was_one_call(plan.switch.len());
    report.time("verify", || {
        let missing = verify::missing(socket, plan).map_err(|error| format!("cannot read back: {error}"))?;
        if missing.is_empty() { Ok(()) } else { Err(format!("read back without {}", missing.join(", "))) }
    })?;
    report.time("routers after", || routers_after(socket, plan, gateways, check, deadline))
}

fn routers_after(
    socket: &mut Socket,
    plan: &Plan,
    before: &[Gateway],
    check: Duration,
    deadline: Deadline,
) -> Result<(), String> {
    let Some(new_end) = plan.new_end().filter(|_| before.iter().any(|gateway| gateway.answers)) else { return Ok(()) };
    let silent = gateway::silent_after(socket, new_end.index, before, deadline.at_most(check))
        .map_err(|error| format!("cannot ask the routers: {error}"))?;
    match silent.as_slice() {
        [] => Ok(()),
        [router, ..] => Err(format!(
            "router {router} does not answer through {} within {check:?} ({})",
            new_end.name,
            why_silent(socket, plan),
        )),
    }
}

/// What may keep a router from answering through the new end.
fn why_silent(socket: &mut Socket, plan: &Plan) -> String {
    let bridge = socket.get::<Link>(link::by_index(plan.bridge.index)).ok().flatten();
    match bridge.and_then(|link| link.bridge_parameters()) {
        Some(BridgeParameters { stp: Some(true), forward_delay_ms: Some(delay), .. }) => format!(
            "{} speaks STP, so that a new port forwards after {:?}: have stp = false, or a longer gateway-check",
            plan.bridge.name,
            Duration::from_millis(u64::from(delay) * 2)
        ),
        _ => "does the switch or hypervisor filter MAC addresses?".into(),
    }
}

/// Writes those settings that the kernel does not show already.
pub(super) fn write_ipv6_settings(socket: &mut Socket, plan: &Plan, settings: &[(&str, u32)]) -> Result<(), String> {
    if settings.is_empty() {
        return Ok(());
    }
    let bridge = socket.get::<Link>(link::by_index(plan.bridge.index)).map_err(|error| error.to_string())?;
    let bridge = bridge.ok_or_else(|| format!("{} is gone", plan.bridge.name))?;
    for (name, value) in settings {
        if ipv6_settings::one(&bridge, name).is_some_and(|present| present != *value) {
            sysctl::write(&["net", "ipv6", "conf", &plan.bridge.name, name], &(*value as i32).to_string())
                .map_err(|error| format!("set net.ipv6.conf.{}.{name} to {value}: {error}", plan.bridge.name))?;
        }
    }
    Ok(())
}

/// Runs the steps as one batch; an error names the first step that failed.
fn run(socket: &mut Socket, steps: &[Step]) -> Result<(), String> {
    failures(socket, steps)?.into_iter().flatten().next().map_or(Ok(()), Err)
}

/// Runs the steps as one batch; answers with each one's failure, if it has one.
fn failures(socket: &mut Socket, steps: &[Step]) -> Result<Vec<Option<String>>, String> {
    let requests: Vec<Request> = steps.iter().map(|step| step.request.clone()).collect();
    let outcomes = socket.batch(&requests).map_err(|error| error.to_string())?;
    let failure = |(step, outcome): (&Step, Result<(), KernelError>)| {
        outcome
            .err()
            .filter(|error| !step.already.contains(&error.errno))
            .map(|error| format!("{}: {error}", step.what))
    };
    Ok(steps.iter().zip(outcomes).map(failure).collect())
}

/// Runs steps that are content when they find their work done, until they succeed.
pub(super) fn insist(socket: &mut Socket, steps: &[Step]) -> Result<(), String> {
    commit(socket, steps, &[]).map(drop)
}

/// Runs both lists in one batch until the first one succeeds; answers with what failed of the second, which is no reason
/// to go back.
pub(super) fn commit(socket: &mut Socket, commit: &[Step], finish: &[Step]) -> Result<Vec<String>, String> {
    let steps = [commit, finish].concat();
    let mut result = Ok(Vec::new());
    for attempt in 0..TRIES {
        std::thread::sleep(Duration::from_millis(10) * attempt);
        result = failures(socket, &steps).and_then(|mut failures| {
            let unfinished = failures.split_off(commit.len());
            failures.into_iter().flatten().next().map_or_else(|| Ok(unfinished.into_iter().flatten().collect()), Err)
        });
        if result.is_ok() {
            break;
        }
    }
    result
}

/// Goes back, unless the host's state has left the old end: then there is no way back, and the next run goes on.
fn roll_back(socket: &mut Socket, plan: &Plan, records: &Records, cause: String) -> Error {
    // A dump that broke off occupies its socket: the kernel answers the next one with EBUSY (netlink_dump_start).
    let mut fresh = Socket::open();
    let socket = fresh.as_mut().unwrap_or(socket);
    let way_back = match (made_nothing(socket, plan), recovery::old_end_is_whole(socket, plan)) {
        (Err(error), _) | (_, Err(error)) => Err(error.to_string()),
        (Ok(true), _) => Ok(()),
        (_, Ok(true)) => insist(socket, &plan.roll_back),
        (_, Ok(false)) => Err("the old state is gone in part".into()),
    };
    match way_back {
        Err(rollback) => Error::Stranded { cause, rollback },
        Ok(()) => match records.abandon() {
            Ok(()) => Error::RolledBack(cause),
            Err(error) => Error::RolledBack(format!("{cause} (the journal cannot be deleted: {error})")),
        },
    }
}

/// Whether the bridge that was to be made is not there, so that there is nothing to take back: its index may be
/// somebody else's.
fn made_nothing(socket: &mut Socket, plan: &Plan) -> Result<bool, netlink::Error> {
    let link = socket.get::<Link>(link::by_index(plan.bridge.index))?;
    Ok(plan.creates_bridge && !link.is_some_and(|link| link.is_bridge() && link.name() == plan.bridge.name))
}
