//! The chains of legacy iptables, which the kernel does not tell by netlink.

use std::path::Path;
use std::process::{Command, Stdio};

use super::{Chain, Rule, Ruleset};
use crate::netlink::{Fate, Hook};

/// Its table `filter` as `iptables -S` prints it; nothing where it is not in use (which to ask would change) or the program
/// is missing.
pub(super) fn read(root: &Path, family: &str) -> String {
    let (tables, program) = match family {
        "ip" => ("proc/net/ip_tables_names", "iptables-legacy"),
        _ => ("proc/net/ip6_tables_names", "ip6tables-legacy"),
    };
    let tables = std::fs::read_to_string(root.join(tables)).unwrap_or_default();
    if !tables.lines().any(|table| table == "filter") {
        return String::new();
    }
    let output = Command::new(program).args(["-w", "1", "-S"]).stdin(Stdio::null()).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

/// Reads what `iptables -S` prints.
pub(super) fn parse(text: &str, family: &'static str, bridge: &str) -> Ruleset {
    let mut ruleset = Ruleset::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let table = "filter".to_owned();
        match words.as_slice() {
            ["-P" | "-N", name, policy @ ..] => ruleset.chains.push(Chain {
                family,
                table,
                name: (*name).to_owned(),
                is_base: words[0] == "-P",
                hook: (*name == "FORWARD").then_some(Hook::Forward),
                drops_the_rest: policy == ["DROP"],
            }),
            ["-A", chain, conditions @ ..] => ruleset.rules.push(Rule {
                family,
                table,
                chain: (*chain).to_owned(),
                fate: fate(conditions, bridge),
                target: target(conditions),
                speaks_of_bridge: conditions.contains(&bridge) || conditions.contains(&"physdev"),
            }),
            _ => {}
        }
    }
    ruleset
}

/// What a rule does with every packet of the bridge.
fn fate(words: &[&str], bridge: &str) -> Option<Fate> {
    match words {
        ["-i" | "-o", link, rest @ ..] if *link == bridge => fate(rest, bridge),
        ["!", "-i" | "-o", link, rest @ ..] if *link != bridge && !link.ends_with('+') => fate(rest, bridge),
        ["-m", "physdev", "--physdev-is-bridged", rest @ ..] => fate(rest, bridge),
        ["-j", "REJECT", "--reject-with", _] | ["-j", "REJECT" | "DROP"] => Some(Fate::Drop),
        ["-j", "ACCEPT"] => Some(Fate::Accept),
        ["-j", "RETURN"] => Some(Fate::Return),
        ["-j", "LOG" | "NFLOG" | "MARK" | "CONNMARK", ..] => None,
        ["-j", chain] => Some(Fate::Jump((*chain).to_owned())),
        ["-g", chain] => Some(Fate::Goto((*chain).to_owned())),
        _ => None,
    }
}

/// The chain, or iptables' own target, to which a rule sends packets, all or some.
fn target(words: &[&str]) -> Option<String> {
    let target = words.windows(2).find(|pair| matches!(pair[0], "-j" | "-g"));
    target.map(|pair| pair[1].to_owned())
}
