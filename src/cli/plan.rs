//! `virt-bridge plan`: what `up` would do.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;

use super::bridge_arguments::BridgeArguments;
use super::exit::Failure;
use super::network::Network;
use super::outage::Outage;
use super::{handed_over, persist, rehearse};
use crate::bridge::{self, Snapshot, Step, Survey};
use crate::netlink::Socket;
use crate::owner::Persistence;
use crate::printable;
use crate::rehearsal::Rehearsal;

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    bridge: BridgeArguments,
    /// Plan only what --persist writes, into the files below this directory, those of a host that does not run
    #[arg(long, value_name = "DIRECTORY", value_parser = super::directory, requires = "persist", conflicts_with_all = ["rehearse", "network"])]
    root: Option<PathBuf>,
}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.root {
        Some(root) => of_files(root, &arguments.bridge),
        None => of_host(&arguments.bridge),
    }
}

fn of_files(root: &Path, arguments: &BridgeArguments) -> Result<(), Failure> {
    let persistence = persist::plan_below(root, &arguments.wanted_below(root)?)?;
    if arguments.json {
        return super::print_json(&json!({ "persistence": persistence }));
    }
    super::print_text(&printable::lines(&persist::in_words(&persistence)))
}

fn of_host(arguments: &BridgeArguments) -> Result<(), Failure> {
    if arguments.rehearse {
        super::capability::require_for_rehearsal()?;
    }
    let wanted = arguments.wanted()?;
    let mut socket = Socket::open().map_err(|error| Failure::unchanged(error.to_string()))?;
    let snapshot = Snapshot::take(&mut socket).map_err(|error| Failure::unchanged(error.to_string()))?;
    let survey = bridge::survey_of(&snapshot, &wanted)?;
    let lasting = if survey.refusals.is_empty() { persist::plan(&wanted)? } else { None };
    if let Some((plan, lasting)) = handed_over::work(survey.plan.as_ref(), lasting.as_ref()) {
        handed_over::preflight(&wanted.bridge, plan, lasting)?;
    }
    let rehearsal = match arguments.rehearse {
        true => rehearse::survey(&wanted, &snapshot, &survey, lasting.as_ref())?,
        false => None,
    };
    let outage = survey.plan.as_ref().filter(|_| survey.refusals.is_empty());
    let outage = outage.filter(|plan| !plan.is_empty()).map(|plan| Outage::expected(plan, lasting.as_ref()));
    let network = arguments.network()?;
    if arguments.json {
        super::print_json(&Shown {
            survey: &survey,
            reasons: reasons(&survey),
            expected_outage_microseconds: outage.as_ref().map(|outage| outage.longest.as_micros() as u64),
            persistence: lasting.as_ref().map(|lasting| &lasting.persistence),
            network: network.as_ref(),
            rehearsal: rehearsal.as_ref(),
        })?;
    } else {
        let files = lasting.as_ref().map(|lasting| persist::in_words(&lasting.persistence)).unwrap_or_default();
        let network = network.filter(|_| survey.refusals.is_empty()).map(|network| network.in_words());
        let rehearsed = rehearsal.as_ref().map(rehearse::in_words).unwrap_or_default();
        let outage = outage.map(|outage| format!("expected outage: {}\n", outage.in_words)).unwrap_or_default();
        let text = in_words(&survey) + &outage + &files + &network.unwrap_or_default() + &rehearsed;
        super::print_text(&printable::lines(&text))?;
    }
    if !survey.refusals.is_empty() {
        return Err(bridge::Error::Refused(survey.refusals).into());
    }
    rehearsal.map_or(Ok(()), |rehearsal| rehearse::verdict(&rehearsal))
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    survey: &'a Survey,
    /// What each step is good for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<Reason<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_outage_microseconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    persistence: Option<&'a Persistence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<&'a Network>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rehearsal: Option<&'a Rehearsal>,
}

/// Steps of one reason, one after the other.
#[derive(Serialize)]
struct Reason<'a> {
    why: &'static str,
    steps: Vec<&'a str>,
}

fn reasons(survey: &Survey) -> Vec<Reason<'_>> {
    let phases = survey.plan.iter().flat_map(|plan| [&plan.prepare, &plan.switch, &plan.commit, &plan.finish]);
    phases
        .flat_map(|steps| of_one_reason(steps))
        .filter_map(|steps| {
            Some(Reason { why: steps.first()?.why, steps: steps.iter().map(|step| step.what.as_str()).collect() })
        })
        .collect()
}

/// The steps, those of one reason together.
fn of_one_reason(steps: &[Step]) -> impl Iterator<Item = &[Step]> {
    steps.chunk_by(|step, next| step.why == next.why)
}

fn in_words(survey: &Survey) -> String {
    let mut text = String::new();
    let Some(plan) = survey.plan.as_ref().filter(|_| survey.refusals.is_empty()) else { return text };
    if plan.is_empty() {
        say!(text, "{}: nothing to do", plan.bridge.name);
    }
    add_phase(&mut text, "prepare, without effect on traffic", &plan.prepare);
    add_settings(&mut text, &plan.ipv6_settings);
    add_phase(&mut text, "switch, in one batch that nothing interrupts", &plan.switch);
    if !plan.gateways.is_empty() {
        say!(text, "check that these routers still answer, or go back:");
        plan.gateways.iter().for_each(|gateway| say!(text, "  {gateway}"));
    }
    add_phase(&mut text, "commit, in one batch, what nobody uses any more", &plan.commit);
    add_phase(&mut text, "finish", &plan.finish);
    add_settings(&mut text, &plan.last_ipv6_settings);
    plan.warnings.iter().for_each(|warning| say!(text, "warning: {warning}"));
    text
}

fn add_settings(text: &mut String, settings: &[(&str, u32)]) {
    if !settings.is_empty() {
        let settings: Vec<String> = settings.iter().map(|(name, value)| format!("{name}={}", *value as i32)).collect();
        say!(text, "  have IPv6 settings {} (written where they differ)", settings.join(" "));
    }
}

/// Steps of one reason are told after it.
fn add_phase(text: &mut String, title: &str, steps: &[Step]) {
    if !steps.is_empty() {
        say!(text, "{title}:");
    }
    for alike in of_one_reason(steps) {
        alike.first().into_iter().for_each(|step| say!(text, "  # {}", step.why));
        alike.iter().for_each(|step| say!(text, "  {}", step.what));
    }
}
