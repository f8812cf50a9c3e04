//! What a rehearsal cannot show, told by comparing the copy with the host.

use std::collections::HashMap;
use std::net::IpAddr;

use super::facts::{Facts, What};
use super::links::Links;
use crate::bridge::{Plan, Snapshot};

/// What the copy lacks of the host, what stands in for the rest of the world, and where the plan for the copy is another
/// one.
pub fn of(host: &Snapshot, copy: &Snapshot, links: &Links, planned: &Plan, rehearsed: &Plan) -> Vec<String> {
    let mut shortcomings = links.shortcomings();
    let differences = facts(host).differences(&facts(copy));
    shortcomings.extend(differences.into_iter().map(|line| format!("copy: {line}")));
    shortcomings.extend(other_steps(planned, rehearsed));
    if !planned.gateways.is_empty() {
        let routers: Vec<String> = planned.gateways.iter().map(IpAddr::to_string).collect();
        shortcomings.push(format!("the LAN: stand-ins answer for {}", routers.join(", ")));
    }
    shortcomings.push("packet filters, traffic control, and the bridges' forwarding tables and VLANs".into());
    shortcomings
}

/// The facts without the random MACs of bridges that have no ports yet.
fn facts(snapshot: &Snapshot) -> Facts {
    let mut facts = Facts::of(snapshot);
    let is_random = |name: &str| {
        let bridge = snapshot.link(name).filter(|link| link.is_bridge());
        bridge.is_some_and(|bridge| snapshot.ports_of(bridge.index).next().is_none())
    };
    facts.retain(|link, what| !matches!(what, What::Mac(_)) || !is_random(link));
    facts
}

/// The copy's links have the host's indices where the kernel lets them, and then both plans are the same to the byte.
fn other_steps(planned: &Plan, rehearsed: &Plan) -> Vec<String> {
    let mut counts: HashMap<&str, i32> = HashMap::new();
    steps(planned).for_each(|step| *counts.entry(step).or_default() += 1);
    steps(rehearsed).for_each(|step| *counts.entry(step).or_default() -= 1);
    let mut others: Vec<String> = counts
        .into_iter()
        .filter(|(_, count)| *count != 0)
        .map(|(step, count)| {
            let title = if count > 0 { "step not taken on the copy" } else { "step taken on the copy only" };
            format!("{title}: {step}")
        })
        .collect();
    others.sort();
    others
}

fn steps(plan: &Plan) -> impl Iterator<Item = &str> {
    let phases = [&plan.prepare, &plan.switch, &plan.commit, &plan.finish];
    phases.into_iter().flatten().map(|step| step.what.as_str())
}
