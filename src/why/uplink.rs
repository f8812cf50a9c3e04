//! The uplink: a port of the bridge, up, with a cable in.

use super::{Facts, Finding, Hop, Port, tap};

pub(super) fn judge(facts: &Facts) -> Hop {
    let bridge = facts.bridge_name();
    if facts.bridge.is_none() {
        return Hop::unknown("uplink", format!("there is no {bridge} that it could be a port of"));
    }
    let Some(uplink) = &facts.uplink else {
        return Hop::judged("uplink", "none", vec![missing(facts, bridge)]);
    };
    let owner = owner(facts);
    let mut findings: Vec<Finding> = link(uplink, &owner).into_iter().collect();
    if let Some(settings) = uplink.settings {
        findings.extend(tap::state(facts, uplink, settings.state));
        findings.extend((!settings.gets_broadcasts).then(|| tap::silent_broadcasts(uplink)));
    }
    findings.extend(mtu(facts, uplink, &owner));
    Hop::judged("uplink", seen(facts, uplink), findings)
}

fn missing(facts: &Facts, bridge: &str) -> Finding {
    match &facts.configured_uplink {
        Some(uplink) => Finding::problem(
            format!("{uplink} is not a port of {bridge}, so that its guests do not reach the LAN"),
            format!("whoever has taken it out: {}", owner(facts)),
            format!("virt-bridge up {bridge}"),
        ),
        None => Finding::problem(
            format!("{bridge} has no uplink: its guests reach each other and this host, but no LAN"),
            format!("[bridge.{bridge}] in /etc/virt-bridge.toml, which names none"),
            format!("virt-bridge up {bridge} --uplink NIC"),
        ),
    }
}

fn owner(facts: &Facts) -> String {
    match facts.uplink_owners.as_slice() {
        [] => "an administrator (no network manager claims it)".into(),
        owners => owners.join(" and "),
    }
}

fn seen(facts: &Facts, uplink: &Port) -> String {
    let state = uplink.settings.map_or("no port".into(), |settings| settings.state.to_string());
    format!(
        "{} is {state}, machines learnt behind it: {}, frames in {} ms: {}",
        uplink.name,
        uplink.learnt.len(),
        facts.signs.watched_ms,
        facts.signs.came_in
    )
}

fn link(uplink: &Port, owner: &str) -> Option<Finding> {
    let name = &uplink.name;
    match (uplink.is_up, uplink.carrier) {
        (false, _) => Some(Finding::problem(
            format!("{name} is down, and nothing passes"),
            owner,
            format!("ip link set {name} up"),
        )),
        (true, Some(false)) => Some(Finding::problem(
            format!("{name} has no carrier, so that the bridge leads nowhere"),
            "the cable, or the switch",
            format!("look after the cable of {name} and the switch's port"),
        )),
        _ => None,
    }
}

/// What is larger than the port takes the bridge drops without a word (is_skb_forwardable in net/bridge/br_forward.c).
fn mtu(facts: &Facts, uplink: &Port, owner: &str) -> Option<Finding> {
    let (own, tap) = (uplink.mtu?, facts.tap.as_ref()?.mtu?);
    (own < tap).then(|| {
        Finding::warning(
            format!("{} has MTU {own}, and the guest's tap {tap}: large packets get lost", uplink.name),
            owner,
            format!("ip link set {} mtu {tap}", uplink.name),
        )
    })
}
