//! netplan, where it lets networkd do the work: a YAML file of its own that declares the bridge.
//!
//! netplan itself says what its files come to (`netplan get`), so no YAML is parsed here: only the keys of one definition
//! are told apart, in the form in which netplan writes it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{fs, io};

use super::edit::{self, Edit};
use super::persist::Bridge;
use super::program;
use crate::deadline::Deadline;

/// Where files are looked for; they are read in the order of their names, whatever the directory (netplan(5)).
const DIRECTORIES: [&str; 3] = ["/lib/netplan", "/etc/netplan", "/run/netplan"];

/// How what netplan generates for networkd begins.
const GENERATED: &str = "/run/systemd/network/10-netplan-";

/// A Python program, which on a slow or busy machine takes long to begin.
const PATIENCE: Duration = Duration::from_secs(120);

/// What goes over to the bridge, and what the uplink must say instead.
const OF_THE_HOST: [(&str, Option<&str>); 12] = [
    ("dhcp4", Some("false")),
    ("dhcp6", Some("false")),
    ("accept-ra", Some("false")),
    ("critical", Some("false")),
    ("optional", Some("true")),
    ("dhcp-identifier", None),
    ("dhcp4-overrides", None),
    ("dhcp6-overrides", None),
    ("ipv6-address-generation", None),
    ("ipv6-address-token", None),
    ("ipv6-privacy", None),
    ("ipv6-mtu", None),
];

/// What a later file cannot take from the uplink: netplan joins lists of several files, and has no word for "no gateway".
const IRREVOCABLE: [&str; 8] = [
    "addresses",
    "routes",
    "routing-policy",
    "nameservers",
    "link-local",
    "optional-addresses",
    "gateway4",
    "gateway6",
];

/// The name in netplan of what a file of networkd is generated from.
pub fn definition(network: &Path) -> Option<&str> {
    network.to_str()?.strip_prefix(GENERATED)?.strip_suffix(".network")
}

/// What netplan can say of the bridge.
#[derive(Debug)]
pub enum Saying {
    /// It has it already.
    Nothing,
    /// This file more.
    File(Edit),
    /// It cannot: this key would stay with the uplink.
    Not(String),
}

/// The file that declares the bridge below `root`, and turns the addressing of its uplink off.
///
/// # Errors
/// One line for what cannot be read, or stands against it.
pub fn declaration(root: &Path, bridge: &Bridge, definition: &str) -> Result<Saying, String> {
    let all = merged(root)?;
    let ports = subtree(&all, &["bridges", &bridge.name, "interfaces"]).unwrap_or_default();
    if ports.lines().filter_map(|line| line.strip_prefix("- ")).any(|port| port.trim_matches('"') == definition) {
        return Ok(Saying::Nothing);
    }
    if subtree(&all, &["bridges", &bridge.name]).is_some() {
        return Err(format!("netplan has {} already, without the port {definition}", bridge.name));
    }
    for kind in ["ethernets", "bonds", "vlans"] {
        let Some(text) = subtree(&all, &[kind, definition]) else { continue };
        if let Some(key) = keys(&text).into_iter().find(|(key, _)| IRREVOCABLE.contains(key)) {
            return Ok(Saying::Not(key.0.to_owned()));
        }
        let path = place(root, &bridge.name)?;
        let new = render(kind, definition, &text, bridge);
        // Only root may read it, as netplan demands.
        return Ok(Saying::File(Edit { path, old: None, new: Some(new), mode: 0o600 }));
    }
    Err(format!("netplan has no {definition}"))
}

/// Lets netplan generate networkd's files anew.
///
/// # Errors
/// When it does not like its own.
pub fn generate() -> Result<(), String> {
    program::run("netplan", &["generate"], Deadline::after(PATIENCE))
}

fn render(kind: &str, definition: &str, text: &str, bridge: &Bridge) -> String {
    let off = |(key, value): &(&str, Option<&str>)| value.map(|value| format!("      {key}: {value}\n"));
    let off: String = OF_THE_HOST.iter().filter_map(off).collect();
    let moved = keys(text).into_iter().filter(|(key, _)| OF_THE_HOST.iter().any(|(moved, _)| moved == key));
    let moved: String = moved.flat_map(|(_, lines)| lines).map(|line| format!("      {line}\n")).collect();
    format!(
        "# Of `virt-bridge up --persist`; `virt-bridge undo` deletes it.\nnetwork:\n  version: 2\n  {kind}:\n    {definition}:\n\
         {off}      link-local: []\n  bridges:\n    {}:\n      interfaces:\n      - {definition}\n\
         \x20     # The uplink's, by which DHCP servers and switches know the host.\n      macaddress: \"{}\"\n\
         \x20     parameters:\n        stp: {}\n        forward-delay: {}\n{moved}",
        bridge.name,
        bridge.mac,
        bridge.stp,
        bridge.forward_delay()
    )
}

/// The keys of a mapping as netplan writes it, each with all of its lines.
fn keys(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut keys: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in text.lines() {
        match (line.split_once(':').filter(|_| !line.starts_with([' ', '-'])), keys.last_mut()) {
            (Some((key, _)), _) => keys.push((key, vec![line])),
            (None, Some((_, lines))) => lines.push(line),
            (None, None) => {}
        }
    }
    keys
}

/// A name behind all others, so that what it says counts.
fn place(root: &Path, bridge: &str) -> Result<PathBuf, String> {
    let mut names = BTreeSet::new();
    for directory in DIRECTORIES {
        match fs::read_dir(edit::below(root, Path::new(directory))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("cannot read {directory}: {error}")),
            Ok(entries) => {
                names.extend(entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()))
            }
        }
    }
    let last = names.into_iter().rfind(|name| name.ends_with(".yaml")).unwrap_or_default();
    let ours = ["90", "99", "zz"].map(|number| format!("{number}-virt-bridge-{bridge}.yaml"));
    let ours = ours.into_iter().find(|name| *name > last);
    ours.map(|name| Path::new("/etc/netplan").join(name))
        .ok_or_else(|| format!("no file can come behind {last} in /etc/netplan: give it a lower name"))
}

/// What stands below a path of keys, without the indent; netplan indents by two, and its keys need no quotes.
fn subtree(all: &str, path: &[&str]) -> Option<String> {
    let mut lines: Vec<&str> = all.lines().collect();
    for key in [&["network"], path].concat() {
        let head = format!("{key}:");
        let begin = lines.iter().position(|line| line.split(' ').next() == Some(head.as_str()))?;
        let below = lines[begin + 1..].iter().take_while(|line| line.starts_with([' ', '-']));
        lines = below.map(|line| line.strip_prefix("  ").unwrap_or(line)).collect();
    }
    Some(lines.iter().map(|line| format!("{line}\n")).collect())
}

/// All of netplan's files as one, in the form in which netplan writes it.
fn merged(root: &Path) -> Result<String, String> {
    let output = Command::new("netplan").args(["get", "--root-dir"]).arg(root).arg("all").output();
    let output = output.map_err(|error| format!("`netplan get` cannot be run: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        // Python's traceback ends with what is wrong.
        false => Err(format!("`netplan get` failed: {}", said.lines().last().unwrap_or("it does not say why"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_is_found_among_others_with_lists_and_mappings() {
        let all = "network:\n  version: 2\n  ethernets:\n    eth0.1: {}\n    eth0:\n      dhcp4: true\n      \
                   dhcp4-overrides:\n        route-metric: 50\n      match:\n        name: \"a: b\"\n  bridges:\n    br0:\n      \
                   interfaces:\n      - eth0\n";
        let eth0 = subtree(all, &["ethernets", "eth0"]).unwrap();
        assert_eq!(keys(&eth0).iter().map(|(key, _)| *key).collect::<Vec<_>>(), ["dhcp4", "dhcp4-overrides", "match"]);
        assert_eq!(keys(&eth0)[1].1, ["dhcp4-overrides:", "  route-metric: 50"]);
        assert_eq!(subtree(all, &["bridges", "br0", "interfaces"]).unwrap(), "- eth0\n");
        assert_eq!(subtree(all, &["ethernets", "eth0.1"]).as_deref(), Some(""));
        assert_eq!(subtree(all, &["bonds", "eth0"]), None);
    }
}
