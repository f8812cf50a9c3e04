//! Why a guest is offline: the way of its frames, hop by hop, and what is broken on it, and whose that is.
//!
//! `look` reads the host and asks it ([`Facts`]); [`walk`] judges, and is pure.

mod bridge;
mod facts;
mod filter;
mod frame;
mod gateway;
mod guest;
mod learnt;
mod listener;
mod look;
mod probe;
mod tap;
#[cfg(test)]
mod tests;
mod trace;
mod uplink;

use serde::Serialize;

pub use facts::{Answer, Bridge, Facts, Gateway, Port, Signs};
pub use look::look;

/// What is wrong with a hop, or may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub verdict: Verdict,
    /// What is wrong, and what that means.
    pub sentence: String,
    /// Whose setting or rule it is.
    pub owner: String,
    /// The command, or the act, that mends it.
    pub mend: String,
}

impl Finding {
    fn problem(sentence: impl Into<String>, owner: impl Into<String>, mend: impl Into<String>) -> Self {
        Finding { verdict: Verdict::Problem, sentence: sentence.into(), owner: owner.into(), mend: mend.into() }
    }

    fn warning(sentence: impl Into<String>, owner: impl Into<String>, mend: impl Into<String>) -> Self {
        Finding { verdict: Verdict::Warning, ..Finding::problem(sentence, owner, mend) }
    }
}

/// What a hop is like, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing is wrong with it.
    Ok,
    /// It cannot be judged, and why says its sentence.
    Unknown,
    /// Something gets lost, or may.
    Warning,
    /// Nothing passes.
    Problem,
}

/// A hop on the way from the guest to its LAN's router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hop {
    /// `guest`, `tap`, `bridge`, `uplink` or `gateway`.
    pub hop: &'static str,
    /// The worst of its findings.
    pub verdict: Verdict,
    /// What was seen of it.
    pub sentence: String,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
}

impl Hop {
    fn judged(hop: &'static str, sentence: impl Into<String>, findings: Vec<Finding>) -> Self {
        let verdict = findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok);
        Hop { hop, verdict, sentence: sentence.into(), findings }
    }

    fn add(&mut self, finding: Finding) {
        self.verdict = self.verdict.max(finding.verdict);
        self.findings.push(finding);
    }

    fn unknown(hop: &'static str, sentence: impl Into<String>) -> Self {
        Hop { hop, verdict: Verdict::Unknown, sentence: sentence.into(), findings: Vec::new() }
    }
}

/// The way of one interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Walk {
    /// The guest.
    pub domain: String,
    /// The interface's MAC address.
    pub mac: Option<String>,
    /// The hops, the guest first.
    pub hops: Vec<Hop>,
    /// The first hop with a problem.
    pub broken: Option<&'static str>,
}

impl Walk {
    /// The worst verdict on a hop.
    pub fn verdict(&self) -> Verdict {
        self.hops.iter().map(|hop| hop.verdict).max().unwrap_or(Verdict::Ok)
    }
}

/// Judges every hop.
pub fn walk(facts: &Facts) -> Walk {
    let mut hops = vec![guest::judge(facts)];
    if let Some(kind) = &facts.foreign_bridge {
        let sentence = format!(
            "{} is no bridge of the kernel's own but of kind {kind}: it is not looked into",
            facts.bridge_name()
        );
        hops.push(Hop::unknown("bridge", sentence));
    } else if facts.leads_to_a_bridge() {
        hops.extend([tap::judge(facts), bridge::judge(facts), uplink::judge(facts)]);
        // Frames to the router take the same way as the host's own question.
        let ends_before =
            hops[2..].iter().any(|hop| hop.findings.iter().any(|finding| finding.verdict == Verdict::Problem));
        let is_asked = facts.gateways.iter().any(|gateway| gateway.answer == Answer::Answers) || !ends_before;
        hops.push(if is_asked { gateway::judge(facts) } else { Hop::unknown("gateway", "the way to it is broken") });
    }
    if hops.iter().all(|hop| hop.verdict != Verdict::Problem) {
        if let Some((place, finding)) = trace::judge(facts) {
            hops.iter_mut().filter(|hop| hop.hop == place).for_each(|hop| hop.add(finding.clone()));
        }
    }
    let broken = hops.iter().find(|hop| hop.verdict == Verdict::Problem).map(|hop| hop.hop);
    Walk { domain: facts.guest.clone(), mac: facts.interface.mac.clone(), hops, broken }
}
