//! Carries a plan out one step at a time, to learn what each costs and which ones the kernel refuses.

use std::time::Instant;

use serde::Serialize;

use super::apply::write_ipv6_settings;
use super::plan::Plan;
use super::step::Step;
use crate::netlink::{Error, Socket};

/// What came of one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepTaken {
    /// What the step does.
    pub step: String,
    /// How long the kernel took, in microseconds.
    pub microseconds: u64,
    /// Why the kernel refused it, in its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Takes every step up to the commit, whatever becomes of those before, and those behind it where all went well. Nothing
/// is written down and nothing taken back: this is for a host that is thrown away.
///
/// # Errors
/// When the kernel cannot be asked.
pub fn step_by_step(socket: &mut Socket, plan: &Plan) -> Result<Vec<StepTaken>, Error> {
    let mut taken = Vec::new();
    take_each(socket, &plan.prepare, &mut taken)?;
    // What fails here is told of the whole run; its settings are no steps.
    let _ = write_ipv6_settings(socket, plan, &plan.ipv6_settings);
    take_each(socket, &plan.switch, &mut taken)?;
    if taken.iter().all(|step| step.error.is_none()) {
        take_each(socket, &plan.commit, &mut taken)?;
        take_each(socket, &plan.finish, &mut taken)?;
    }
    Ok(taken)
}

fn take_each(socket: &mut Socket, steps: &[Step], taken: &mut Vec<StepTaken>) -> Result<(), Error> {
    for step in steps {
        let begun = Instant::now();
        let outcome = socket.batch(std::slice::from_ref(&step.request))?.pop().unwrap_or(Ok(()));
        let microseconds = begun.elapsed().as_micros() as u64;
        let error = outcome.err().filter(|error| !step.already.contains(&error.errno));
        taken.push(StepTaken { step: step.what.clone(), microseconds, error: error.map(|error| error.to_string()) });
    }
    Ok(())
}
