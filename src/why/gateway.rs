//! The router, asked by the host through the bridge.

use super::{Answer, Facts, Finding, Hop, Verdict};

pub(super) fn judge(facts: &Facts) -> Hop {
    let bridge = facts.bridge_name();
    let with = |answer: Answer| facts.gateways.iter().filter(move |gateway| gateway.answer == answer);
    if facts.gateways.is_empty() {
        let lan = match facts.uplink.as_ref().map_or(0, |uplink| uplink.learnt.len()) {
            0 => "and nobody was heard on the LAN".into(),
            machines => format!("but machines were heard on the LAN, {machines} of them"),
        };
        return Hop::unknown(
            "gateway",
            format!("this host has no default route by {bridge} and knows no router, {lan}"),
        );
    }
    if with(Answer::Unasked).next().is_some() {
        return Hop::unknown("gateway", "not asked: this process lacks the capability CAP_NET_ADMIN");
    }
    // One family may do where the other does not.
    let verdict = if with(Answer::Answers).next().is_some() { Verdict::Warning } else { Verdict::Problem };
    let findings = with(Answer::Silent).map(|gateway| {
        let sentence = format!("{} does not answer by {bridge}: nobody gets beyond the LAN", gateway.address);
        let mend = format!(
            "look after the router; to ask it again: ip neighbour flush dev {bridge}, ping {}",
            gateway.address
        );
        Finding { verdict, ..Finding::problem(sentence, "the router, or the LAN before it", mend) }
    });
    Hop::judged("gateway", seen(facts), findings.collect())
}

fn seen(facts: &Facts) -> String {
    let said = |gateway: &super::Gateway| {
        format!("{} {}", gateway.address, if gateway.answer == Answer::Answers { "answers" } else { "is silent" })
    };
    let said = facts.gateways.iter().map(said).collect::<Vec<_>>().join(", ");
    let vlan = |port: &Option<super::Port>| port.as_ref().and_then(super::Port::native_vlan);
    match (vlan(&facts.tap), vlan(&facts.uplink)) {
        (Some(guests), Some(hosts)) if guests != hosts => {
            format!("{said}; the guest is in VLAN {guests}, where nobody was asked")
        }
        _ => said,
    }
}
