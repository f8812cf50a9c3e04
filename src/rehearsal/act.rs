//! The engine at work on the copy of a host: the takeover, and its way back.

use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::facts::Facts;
use super::outage::Outage;
use super::probes::Probes;
use super::{Error, prediction};
use crate::bridge::{self, Outcome, Plan, Records, Report, Snapshot, apply, ask_routers};
use crate::deadline::Deadline;
use crate::netlink::Socket;

/// How a run of the engine ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// All was done.
    Done,
    /// It was not begun.
    NotBegun,
    /// It failed, and went back.
    RolledBack,
    /// It failed, and could not go back.
    Stranded,
}

/// A run of the engine on the copy.
#[derive(Clone, Debug, Serialize)]
pub struct Act {
    /// How it ended.
    pub ending: Ending,
    /// Why it failed.
    pub error: Option<String>,
    /// What was not afterwards as it should have been: as predicted of a takeover that was done, else as before.
    pub differences: Vec<String>,
    /// What the engine warns of.
    pub warnings: Vec<String>,
    /// For how long the copy could not be reached; nothing where no probe gets through anyway.
    pub outage: Option<Outage>,
    /// How long each phase took, in microseconds.
    #[serde(serialize_with = "as_map")]
    pub microseconds: Vec<(&'static str, u64)>,
}

impl Act {
    /// Carries the plan out.
    ///
    /// # Errors
    /// When the copy cannot be looked at.
    pub fn takeover(
        socket: &mut Socket,
        before: &Snapshot,
        plan: &Plan,
        probes: &Probes,
        gateway_check: Duration,
        deadline: Deadline,
    ) -> Result<Self, Error> {
        let lock = bridge::Lock::take(deadline);
        let (result, outage) = probes.during(|| {
            let _lock = lock?;
            let asked = ask_routers(socket, plan, gateway_check, deadline)?;
            apply(socket, plan, &Records::of(&plan.bridge.name), asked, gateway_check, deadline)
        });
        // A dump that broke off occupies its socket.
        let after = Snapshot::take(&mut Socket::open()?)?;
        let (differences, act) = match result {
            Ok(report) => (prediction::differences(before, plan, &after), Act::done(&report)),
            Err(error) => (Facts::of(before).differences(&Facts::of(&after)), Act::failed(&error)),
        };
        Ok(Act { differences, outage, ..act })
    }

    /// Undoes what the receipt says, guests or not.
    ///
    /// # Errors
    /// When the copy cannot be looked at.
    pub fn undo(
        before: &Snapshot,
        bridge: &str,
        probes: &Probes,
        gateway_check: Duration,
        deadline: Deadline,
    ) -> Result<Self, Error> {
        let (result, outage) = probes.during(|| bridge::undo(bridge, true, gateway_check, deadline));
        let after = Snapshot::take(&mut Socket::open()?)?;
        let act = match &result {
            Ok(Outcome::Done { report, .. }) => Act::done(report),
            Ok(Outcome::AlreadyRight { .. }) => Act::done(&Report::default()),
            Err(error) => Act::failed(error),
        };
        Ok(Act { differences: Facts::of(before).differences(&Facts::of(&after)), outage, ..act })
    }

    fn done(report: &Report) -> Self {
        let phases = report.phases.iter().map(|(phase, time)| (*phase, time.as_micros() as u64));
        Act {
            ending: Ending::Done,
            error: None,
            differences: Vec::new(),
            warnings: report.warnings.clone(),
            outage: None,
            microseconds: phases.collect(),
        }
    }

    fn failed(error: &bridge::Error) -> Self {
        let (ending, error) = match error {
            bridge::Error::Refused(_) => (Ending::NotBegun, error.to_string()),
            bridge::Error::Unchanged(cause) => (Ending::NotBegun, cause.clone()),
            bridge::Error::RolledBack(cause) => (Ending::RolledBack, cause.clone()),
            bridge::Error::Stranded { cause, rollback } => {
                (Ending::Stranded, format!("{cause}; going back failed too: {rollback}"))
            }
        };
        let nothing = Act::done(&Report::default());
        Act { ending, error: Some(error), ..nothing }
    }
}

fn as_map<S: Serializer>(phases: &[(&'static str, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(phases.len()))?;
    phases.iter().try_for_each(|(phase, time)| map.serialize_entry(phase, time))?;
    map.end()
}
