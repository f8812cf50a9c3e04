//! The guest: runs, with its cable in, on the right network, alone with its MAC address, and speaks.

use super::{Facts, Finding, Hop};
use crate::printable::Printable;
use crate::shell_word::ShellWord;

pub(super) fn judge(facts: &Facts) -> Hop {
    let mut findings: Vec<Finding> = state(facts).into_iter().collect();
    findings.extend(cable(facts));
    findings.extend(place(facts));
    findings.extend(idle_network(facts));
    findings.extend(facts.namesakes.iter().map(|other| {
        let mac = facts.mac();
        let sentence = format!("{mac} is the MAC of {other} as well: frames go now to the one, now to the other");
        let definition = definition(facts);
        Finding::problem(
            sentence,
            &definition,
            format!("virsh edit {}: give the interface another <mac>", shown(facts)),
        )
    }));
    if findings.is_empty() {
        findings.extend(silence(facts));
    }
    Hop::judged("guest", seen(facts), findings)
}

fn shown(facts: &Facts) -> String {
    ShellWord(&facts.guest).to_string()
}

fn definition(facts: &Facts) -> String {
    format!("the definition of {}", shown(facts))
}

fn seen(facts: &Facts) -> String {
    let state = facts.state.as_deref().unwrap_or("shut off");
    let network = facts.interface.network.iter().map(|network| format!(", on network {}", Printable(network)));
    let filter = facts.interface.filter.iter().map(|filter| format!(", behind the filter {}", Printable(filter)));
    let heard = facts.signs.traces.iter().find_map(|trace| trace.address);
    let spoken = match (facts.signs.answers.first(), heard, facts.signs.sent_ever) {
        (Some(address), ..) => format!(", answers as {address}"),
        (None, Some(address), _) => format!(", asks from {address}"),
        (None, None, 0) => String::new(),
        (None, None, frames) => format!(", has sent {frames} frames"),
    };
    format!("{} is {state}{}{}{spoken}", shown(facts), network.collect::<String>(), filter.collect::<String>())
}

fn state(facts: &Facts) -> Option<Finding> {
    let name = shown(facts);
    let (sentence, mend) = match facts.state.as_deref() {
        // `blocked` waits for its disk, `idle` for work.
        Some("running" | "blocked" | "idle") => return None,
        None => (format!("{name} is shut off"), format!("virsh start {name}")),
        Some("paused") => (format!("{name} is paused, and neither sends nor hears"), format!("virsh resume {name}")),
        Some("pmsuspended") => (format!("{name} sleeps"), format!("virsh dompmwakeup {name}")),
        Some(other) => (format!("{name} is {other}"), format!("virsh domstate --reason {name}")),
    };
    Some(Finding::problem(sentence, "whoever starts and stops guests", mend))
}

fn cable(facts: &Facts) -> Option<Finding> {
    let mac = facts.mac();
    facts.interface.is_unplugged.then(|| {
        Finding::problem(
            format!("the cable of {mac} is pulled (<link state='down'/>)"),
            definition(facts),
            format!("virsh domif-setlink {} {mac} up", shown(facts)),
        )
    })
}

/// Where it is, if not on a bridge that leads to the LAN.
fn place(facts: &Facts) -> Option<Finding> {
    let (name, interface) = (shown(facts), &facts.interface);
    if let (Some(network), None) = (&interface.network, &facts.network) {
        let network = Printable(network);
        let sentence = format!("there is no network {network}");
        return Some(Finding::problem(sentence, definition(facts), format!("virsh edit {name}: name another network")));
    }
    if facts.leads_to_a_bridge() {
        return None;
    }
    let forward = facts.network.as_ref().map(|network| network.forward.as_deref());
    let network = interface.network.as_deref().unwrap_or_default();
    let sentence = match (interface.kind.as_str(), forward) {
        (_, Some(None)) => format!("network {} leads to this host only", Printable(network)),
        (_, Some(Some(mode @ ("nat" | "route" | "open")))) => {
            format!("{name} is on network {} ({mode}), behind this host, and not on the LAN", Printable(network))
        }
        ("direct", _) | (_, Some(Some(_))) => {
            format!("{name} is attached by macvtap, past every bridge; this host does not reach it")
        }
        (kind, _) => format!("an interface of type {} is on no bridge", Printable(kind)),
    };
    let finding = match &facts.rule {
        Some(rule) => {
            Finding::problem(sentence, definition(facts), format!("a rule moves it ({rule}): virt-bridge-watch --once"))
        }
        None => {
            let mend = format!("virsh edit {name}: give it a network of <forward mode='bridge'/>");
            Finding {
                verdict: if forward == Some(None) { super::Verdict::Problem } else { super::Verdict::Warning },
                ..Finding::problem(sentence, definition(facts), mend)
            }
        }
    };
    Some(finding)
}

/// A guest that runs keeps its tap when its network is stopped, but none can start.
fn idle_network(facts: &Facts) -> Option<Finding> {
    let network = ShellWord(facts.interface.network.as_deref()?);
    let is_idle = facts.network.as_ref().is_some_and(|network| !network.is_active);
    (is_idle && !facts.is_running()).then(|| {
        let sentence = format!("network {network} does not run, so that {} cannot start", shown(facts));
        Finding::problem(sentence, "libvirt", format!("virsh net-start {network}"))
    })
}

/// Of a guest whose tap lets it speak.
fn silence(facts: &Facts) -> Option<Finding> {
    let is_in_place = |tap: &&super::Port| tap.master.as_deref() == Some(facts.bridge_name());
    let tap = facts.tap.as_ref().filter(is_in_place);
    let may_speak = tap.is_some_and(|tap| tap.is_up && tap.carrier != Some(false) && tap.forwards());
    let signs = &facts.signs;
    if !may_speak || !facts.obstacles.is_empty() || facts.is_heard() || signs.sent > 0 {
        return None;
    }
    let learns = tap.and_then(|tap| tap.settings).is_some_and(|settings| settings.learns);
    let (name, own) = (shown(facts), "the guest's own system");
    let mend = format!("virsh console {name}: look whether its interface is up and has an address");
    match signs.sent_ever {
        0 => Some(Finding::problem(format!("{name} has not sent a single frame"), own, mend)),
        // With a filter the bridge may not have seen what it has sent, and where it does not learn it has not.
        _ if facts.interface.filter.is_some() || !learns => None,
        // A bridge forgets whom it has not heard for ageing_time, 300 s.
        _ => Some(Finding::warning(format!("{name} has not been heard lately, and does not answer"), own, mend)),
    }
}
