//! Carries out a plan: prepare, switch, verify, commit; or back.

use std::time::{Duration, Instant};

use super::error::Error;
use super::gateway::{self, Gateway};
use super::ipv6_settings;
use super::plan::Plan;
use super::receipt::{Operation, Receipt, Records};
use super::step::Step;
use super::{recovery, verify};
use crate::deadline::Deadline;
use crate::netlink::{BridgeParameters, Link, Request, Socket, link};
use crate::sysctl;

/// A step behind the point of no return, or on the way back, is tried again: the kernel may lack memory for a moment.
const TRIES: u32 = 5;

/// The time that going back may need, which the routers' answers are not waited into.
const WAY_BACK: Duration = Duration::from_millis(500);

/// What was done, and how long it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Duration of each phase.
    pub phases: Vec<(&'static str, Duration)>,
    /// What is not as it should be, though the host works.
    pub warnings: Vec<String>,
}

impl Report {
    fn time<T>(&mut self, phase: &'static str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.phases.push((phase, start.elapsed()));
        result
    }

    /// What the plan has done, and how long it took, in one line.
    pub fn told_of(&self, plan: &Plan) -> String {
        let moved = &plan.moved;
        let what = match (plan.old_end(), plan.new_end()) {
            (Some(old), Some(new)) => format!(
                "{} has taken over {} addresses, {} routes and {} neighbours of {}",
                new.name,
                moved.addresses.len(),
                moved.prefix_routes.len() + moved.routes.len(),
                moved.neighbours.len(),
                old.name
            ),
            (None, Some(new)) => format!("{} is there, without an uplink", new.name),
            (Some(old), None) => format!("{} is gone", old.name),
            (None, None) => format!("{} is done", plan.bridge.name),
        };
        let phases = self.phases.iter().map(|(phase, time)| format!("{phase} {time:.1?}"));
        let total: Duration = self.phases.iter().map(|(_, time)| *time).sum();
        format!("{what} in {total:.1?} ({})", phases.collect::<Vec<_>>().join(", "))
    }

    fn microseconds(&self) -> Vec<(String, u64)> {
        self.phases.iter().map(|(phase, time)| ((*phase).to_owned(), time.as_micros() as u64)).collect()
    }
}

/// Carries out `plan`. `gateway_check` is how long a router may take to answer; zero asks none.
///
/// # Errors
/// With the host as it was before (`Unchanged`, `RolledBack`), or, where even the way back failed, with a journal that
/// the next run goes on from (`Stranded`).
pub fn apply(
    socket: &mut Socket,
    plan: &Plan,
    records: &Records,
    gateway_check: Duration,
    deadline: Deadline,
) -> Result<Report, Error> {
    let mut report = Report { warnings: plan.warnings.clone(), ..Report::default() };
    let deadline = deadline.less(WAY_BACK);
    let gateways = report.time("routers before", || routers_before(socket, plan, gateway_check, deadline))?;
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
    if let Err(cause) = switched.and_then(|()| report.time("commit", || commit(socket, plan))) {
        return Err(roll_back(socket, plan, records, cause));
    }
    report.warnings.extend(write_ipv6_settings(socket, plan, &plan.last_ipv6_settings).err());
    match verify::left_behind(socket, plan) {
        Ok(left) => {
            report.warnings.extend(left.iter().map(|address| format!("address {address} is still on the uplink, too")))
        }
        Err(error) => report.warnings.push(format!("cannot read back the uplink: {error}")),
    }
    receipt.microseconds = report.microseconds();
    let noted = match plan.operation {
        Operation::Takeover => records.complete(&receipt),
        Operation::Undo => records.forget(),
    };
    if let Err(error) = noted {
        report.warnings.push(format!("cannot note in {} that all is done: {error}", super::receipt::DIRECTORY));
    }
    Ok(report)
}

fn routers_before(
    socket: &mut Socket,
    plan: &Plan,
    check: Duration,
    deadline: Deadline,
) -> Result<Vec<Gateway>, Error> {
    match plan.old_end() {
        Some(old_end) if !check.is_zero() && !plan.gateways.is_empty() => {
            gateway::before(socket, old_end.index, &plan.gateways, deadline.at_most(check)).map_err(Error::unread)
        }
        _ => Ok(Vec::new()),
    }
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
    report.time("prepare", || {
        run(socket, &plan.prepare)?;
        write_ipv6_settings(socket, plan, &plan.ipv6_settings)
    })?;
    if deadline.has_passed() {
        return Err("the deadline has passed".into());
    }
    report.time("switch", || run(socket, &plan.switch))?;
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
fn write_ipv6_settings(socket: &mut Socket, plan: &Plan, settings: &[(&str, u32)]) -> Result<(), String> {
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
    let requests: Vec<Request> = steps.iter().map(|step| step.request.clone()).collect();
    let outcomes = socket.batch(&requests).map_err(|error| error.to_string())?;
    for (step, outcome) in steps.iter().zip(outcomes) {
        match outcome {
            Err(error) if !step.already.contains(&error.errno) => return Err(format!("{}: {error}", step.what)),
            _ => {}
        }
    }
    Ok(())
}

/// Runs steps that are content when they find their work done, until they succeed.
pub(super) fn insist(socket: &mut Socket, steps: &[Step]) -> Result<(), String> {
    let mut result = Ok(());
    for attempt in 0..TRIES {
        std::thread::sleep(Duration::from_millis(10) * attempt);
        result = run(socket, steps);
        if result.is_ok() {
            break;
        }
    }
    result
}

fn commit(socket: &mut Socket, plan: &Plan) -> Result<(), String> {
    insist(socket, &plan.commit)
}

/// Goes back, unless the host's state has left the old end: then there is no way back, and the next run goes on.
fn roll_back(socket: &mut Socket, plan: &Plan, records: &Records, cause: String) -> Error {
    // A dump that broke off occupies its socket: the kernel answers the next one with EBUSY (netlink_dump_start).
    let mut fresh = Socket::open();
    let socket = fresh.as_mut().unwrap_or(socket);
    let way_back = recovery::old_end_is_whole(socket, plan).map_err(|error| error.to_string()).and_then(|whole| {
        if whole { insist(socket, &plan.roll_back) } else { Err("the old state is gone in part".into()) }
    });
    match way_back {
        Err(rollback) => Error::Stranded { cause, rollback },
        Ok(()) => match records.abandon() {
            Ok(()) => Error::RolledBack(cause),
            Err(error) => Error::RolledBack(format!("{cause} (the journal cannot be deleted: {error})")),
        },
    }
}
