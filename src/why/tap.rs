//! The guest's tap: there, up, held by QEMU, a port of the right bridge, and let to pass by bridge and filter.

use super::{Facts, Finding, Hop, Port};
use crate::netlink::PortState;
use crate::printable::Printable;
use crate::shell_word::ShellWord;

const ADMINISTRATOR: &str = "an administrator or a script: libvirt does not set it so";

pub(super) fn judge(facts: &Facts) -> Hop {
    let name = facts.interface.link.as_deref().unwrap_or("the tap");
    if !facts.is_running() {
        return Hop::unknown("tap", format!("there is none while {} is shut off", Printable(&facts.guest)));
    }
    let Some(tap) = &facts.tap else {
        let finding = Finding::problem(
            format!("{} is missing, though {} runs", Printable(name), Printable(&facts.guest)),
            "whoever has deleted it",
            format!("virsh destroy {0} && virsh start {0}", ShellWord(&facts.guest)),
        );
        return Hop::judged("tap", "missing", vec![finding]);
    };
    let mut findings: Vec<Finding> = link(tap).into_iter().collect();
    findings.extend(master(facts, tap).or_else(|| port(facts, tap)));
    findings.extend(filter(facts, tap));
    findings.extend(rules(facts, tap));
    findings.extend(stranger(facts, tap));
    findings.extend(mtu(facts, tap));
    Hop::judged("tap", seen(facts, tap), findings)
}

fn seen(facts: &Facts, tap: &Port) -> String {
    let master = tap.master.as_deref().map_or("no port".into(), |master| format!("a port of {master}"));
    let state = tap.settings.map(|settings| format!(", {}", settings.state)).unwrap_or_default();
    let learnt = if facts.is_learnt() { format!(", {} learnt behind it", facts.mac()) } else { String::new() };
    format!("{} is {master}{state}{learnt}", tap.name)
}

fn link(tap: &Port) -> Option<Finding> {
    let name = &tap.name;
    match (tap.is_up, tap.carrier) {
        (false, _) => Some(Finding::problem(
            format!("{name} is down, and nothing passes"),
            ADMINISTRATOR,
            format!("ip link set {} up", ShellWord(name)),
        )),
        (true, Some(false)) => Some(Finding::problem(
            format!("{name} has no carrier: QEMU does not have it open"),
            "libvirt and QEMU",
            "detach and attach the interface, or restart the guest",
        )),
        _ => None,
    }
}

fn master(facts: &Facts, tap: &Port) -> Option<Finding> {
    let (name, bridge) = (&tap.name, facts.bridge_name());
    match tap.master.as_deref() {
        Some(master) if master == bridge => None,
        None => Some(Finding::problem(
            format!("{name} has fallen off {bridge}"),
            format!("whoever has deleted {bridge}, or taken {name} out of it"),
            "virt-bridge heal",
        )),
        Some(other) => Some(Finding::problem(
            format!("{name} is a port of {other}, and should be one of {bridge}"),
            ADMINISTRATOR,
            format!("ip link set {} master {}", ShellWord(name), ShellWord(bridge)),
        )),
    }
}

/// What the bridge does with its frames.
fn port(facts: &Facts, tap: &Port) -> Option<Finding> {
    let settings = tap.settings?;
    if let Some(finding) = state(facts, tap, settings.state) {
        return Some(finding);
    }
    if !settings.gets_broadcasts {
        return Some(silent_broadcasts(tap));
    }
    let is_deaf = !settings.learns && !settings.gets_unknown && !facts.is_learnt();
    is_deaf.then(|| {
        let (bridge, mac, name) = (facts.bridge_name(), facts.mac(), &tap.name);
        Finding::problem(
            format!("{bridge} does not know that {mac} is behind {name}, may not learn it, and sends nothing there"),
            "macTableManager in the network of libvirt, or an administrator",
            format!("bridge link set dev {} learning on flood on", ShellWord(name)),
        )
    })
}

/// A port that gets no broadcasts; an uplink's, too.
pub(super) fn silent_broadcasts(port: &Port) -> Finding {
    Finding::problem(
        format!("{} gets no broadcasts, so that no ARP question passes", port.name),
        ADMINISTRATOR,
        format!("bridge link set dev {} bcast_flood on", ShellWord(&port.name)),
    )
}

/// A port that does not forward; an uplink's, too.
pub(super) fn state(facts: &Facts, port: &Port, state: PortState) -> Option<Finding> {
    let (bridge, name) = (facts.bridge.as_ref()?, &port.name);
    // Without a carrier the kernel disables the port, and that is told already.
    if state == PortState::Forwarding || !port.is_up || port.carrier == Some(false) || !bridge.is_up {
        return None;
    }
    let sentence = format!("{} keeps {name} {state}: nothing passes", bridge.name);
    Some(match (bridge.stp, state) {
        (true, PortState::Listening | PortState::Learning) => Finding::problem(
            sentence,
            "the spanning tree protocol",
            format!(
                "wait {} s, or: ip link set {} type bridge stp_state 0",
                bridge.forward_delay_ms.saturating_mul(2) / 1000,
                bridge.name
            ),
        ),
        (true, _) => Finding::problem(
            sentence,
            "the spanning tree protocol, which has found a loop",
            format!("look for a second way between {name} and the bridge's other ports: bridge -d link"),
        ),
        (false, _) => {
            Finding::problem(sentence, ADMINISTRATOR, format!("bridge link set dev {} state 3", ShellWord(name)))
        }
    })
}

/// A filter works before the bridge learns (ebtables, nat PREROUTING): what it drops leaves no trace but in the counters.
fn filter(facts: &Facts, tap: &Port) -> Option<Finding> {
    let filter = ShellWord(facts.interface.filter.as_deref()?);
    let guest = ShellWord(&facts.guest);
    (!facts.is_heard() && facts.signs.sent_ever > 0 && tap.forwards()).then(|| {
        Finding::problem(
            format!(
                "{guest} has sent {} frames, and the filter {filter} has let none into the bridge",
                facts.signs.sent_ever
            ),
            format!("libvirt's network filter {filter}, in the definition of {guest}"),
            format!("virsh nwfilter-edit {filter}, or take <filterref> out: virsh edit {guest}"),
        )
    })
}

/// Rules of the host's firewall that ask for this guest. They work before the bridge learns, so they are told of only where
/// nothing passes: to let some frames pass may be what they are for.
fn rules(facts: &Facts, tap: &Port) -> impl Iterator<Item = Finding> {
    let (guest, name) = (Printable(&facts.guest), &tap.name);
    facts.obstacles.iter().filter(|_| !facts.is_heard()).map(move |obstacle| {
        let place = Printable(&obstacle.place);
        let sentence = format!("a rule in {place} drops frames of {guest} at {name}");
        Finding::problem(sentence, format!("whoever has made {place}"), &obstacle.removal)
    })
}

/// The guest's system has given its card another MAC address.
fn stranger(facts: &Facts, tap: &Port) -> Option<Finding> {
    let other = tap.learnt.first().filter(|_| !facts.is_learnt())?;
    Some(Finding::warning(
        format!("{} speaks as {other}, and not as {}", Printable(&facts.guest), facts.mac()),
        "the guest's own system",
        "nothing if that is meant; otherwise give its card the defined MAC back",
    ))
}

fn mtu(facts: &Facts, tap: &Port) -> Option<Finding> {
    let (own, bridge) = (tap.mtu?, facts.bridge.as_ref()?);
    let mtu = bridge.mtu.filter(|mtu| *mtu != own)?;
    Some(Finding::warning(
        format!("{} has MTU {own} on {} with {mtu}: large packets get lost", tap.name, bridge.name),
        format!("<mtu> in the definition of {}, or an administrator", Printable(&facts.guest)),
        format!("ip link set {} mtu {mtu}", ShellWord(&tap.name)),
    ))
}
