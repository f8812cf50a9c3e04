//! `virt-bridge netfilter`: bridge netfilter as it is, as the policy wants it, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::capability;
use super::done::Done;
use super::exit::Failure;
use crate::config::Config;
use crate::libvirt::bridge_networks;
use crate::log::Log;
use crate::netfilter::conflict::{self, Conflict};
use crate::netfilter::policy::{self, Wanted};
use crate::netfilter::{self, Bridge, Change, LibvirtBridges, State, writers};
use crate::netlink::{NetfilterCalls, Socket};
use crate::printable;

#[derive(clap::Subcommand)]
#[command(defer = true)]
pub enum Verb {
    /// Show what is filtered, what the policy wants and why, and what conflicts
    Show {
        /// Print as JSON
        #[arg(long)]
        json: bool,
        /// Look at the files below this directory, those of a host that does not run: what the policy would want there
        #[arg(long, value_name = "DIRECTORY", value_parser = super::directory)]
        root: Option<PathBuf>,
    },
    /// Apply the policy to the sysctls and to every bridge
    Apply {
        /// Only show what would be written
        #[arg(long)]
        dry_run: bool,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
}

/// Runs the verb.
pub fn run(verb: &Verb) -> Result<(), Failure> {
    match verb {
        Verb::Show { json, root: None } => show(*json),
        Verb::Show { json, root: Some(root) } => show_below(root, *json),
        Verb::Apply { dry_run: true, json } => dry_run(*json),
        Verb::Apply { dry_run: false, json } => apply(*json),
    }
}

fn unread(error: crate::netlink::Error) -> Failure {
    Failure::unchanged(format!("bridge netfilter: {error}"))
}

fn dry_run(as_json: bool) -> Result<(), Failure> {
    let mut socket = Socket::open().map_err(unread)?;
    let (state, change) = netfilter::plan(&mut socket, &super::config()?).map_err(unread)?;
    let done = change.missing().into_iter().chain(in_words_with_writers(&change)).collect();
    tell(&state, Done { done, failures: Vec::new() }, as_json)
}

fn apply(as_json: bool) -> Result<(), Failure> {
    capability::require("netfilter apply")?;
    let mut socket = Socket::open().map_err(unread)?;
    let (state, change) = netfilter::plan(&mut socket, &super::config()?).map_err(unread)?;
    let outcome = change.carry_out(&mut socket).map_err(unread)?;
    let done = in_words_with_writers(&outcome.done);
    if !done.is_empty() {
        let log = Log::new("virt-bridge");
        done.iter().for_each(|line| log.info(&format!("bridge netfilter: {line}")));
    }
    tell(&state, Done { done, failures: outcome.failures }, as_json)
}

fn tell(state: &State, done: Done, as_json: bool) -> Result<(), Failure> {
    if !as_json {
        let _ = super::print_text(missing_module(state));
    }
    done.tell(as_json)
}

/// The change, and who likely made it necessary, one line each; nothing for none.
fn in_words_with_writers(change: &Change) -> Vec<String> {
    if change.is_empty() {
        return Vec::new();
    }
    std::iter::once(change.to_string()).chain(change.drift()).collect()
}

fn missing_module(state: &State) -> &'static str {
    match state.sysctls {
        None => "br_netfilter is not loaded: no bridge is filtered, and bridges' own flags wait for it\n",
        Some(_) => "",
    }
}

#[derive(Serialize)]
struct Report {
    policy: &'static str,
    loaded: bool,
    sysctls: Values,
    bridges: BTreeMap<String, Values>,
    conflicts: Vec<Conflict>,
}

/// What is, what is wanted, and why.
#[derive(Serialize)]
struct Values {
    present: NetfilterCalls,
    wanted: NetfilterCalls,
    effective: NetfilterCalls,
    rule: String,
    configured: NetfilterCalls,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    likely_writers: BTreeMap<&'static str, Vec<String>>,
}

impl Values {
    fn new(present: NetfilterCalls, wanted: &Wanted, effective: NetfilterCalls) -> Self {
        Values {
            present,
            wanted: wanted.calls,
            effective,
            rule: wanted.rule.to_string(),
            configured: wanted.configured,
            likely_writers: BTreeMap::new(),
        }
    }

    fn with_writers(mut self) -> Self {
        let wrong = self.wanted.difference(self.present);
        let likely = |(table, wanted): (&'static str, bool)| (table, writers::likely(Path::new("/"), table, !wanted));
        self.likely_writers = wrong.named().map(likely).collect();
        self
    }
}

fn show(as_json: bool) -> Result<(), Failure> {
    let config = super::config()?;
    let mut socket = Socket::open().map_err(unread)?;
    let state = State::read(&mut socket).map_err(unread)?;
    let report = report(Path::new("/"), &config, &state);
    if as_json {
        return super::print_json(&report);
    }
    super::print_text(&printable::lines(&format!("{}{}", missing_module(&state), in_words(&report))))
}

/// What the policy makes of the bridges that files name; what is only a kernel knows.
fn show_below(root: &Path, as_json: bool) -> Result<(), Failure> {
    let config = super::config_below(root)?;
    let libvirt = LibvirtBridges::under(root);
    let networks = bridge_networks::on_bridges(root).into_iter().map(|network| network.bridge);
    let names: BTreeSet<String> = config.bridges.keys().cloned().chain(networks).collect();
    let applied = |name: String| Bridge {
        calls: policy::for_bridge(&config, &name, |bridge| libvirt.contains(bridge)).calls,
        name,
        index: 0,
    };
    let sysctls = Some(policy::for_all(&config).calls);
    let state = State { sysctls, bridges: names.into_iter().map(applied).collect() };
    let mut report = report(root, &config, &state);
    let all = std::iter::once(&mut report.sysctls).chain(report.bridges.values_mut());
    all.for_each(|values| values.present = NetfilterCalls::default());
    if as_json { super::print_json(&report) } else { super::print_text(&printable::lines(&in_words(&report))) }
}

fn report(root: &Path, config: &Config, state: &State) -> Report {
    let libvirt = LibvirtBridges::under(root);
    let for_bridge = |name: &str| policy::for_bridge(config, name, |bridge| libvirt.contains(bridge));
    let for_all = policy::for_all(config);
    let present = state.sysctls.unwrap_or_default();
    let bridges = state.bridges.iter().map(|bridge| {
        let wanted = for_bridge(&bridge.name);
        (bridge.name.clone(), Values::new(bridge.calls, &wanted, state.effective(bridge.calls)))
    });
    // What would be, had the policy just been applied: what has drifted is told elsewhere.
    let applied = State { sysctls: Some(for_all.calls.or(present)), bridges: Vec::new() };
    let effective = |name: &str| {
        let flags = state.bridges.iter().find(|bridge| bridge.name == name).map(|bridge| bridge.calls);
        applied.effective(for_bridge(name).calls.or(flags.unwrap_or_default()))
    };
    let names: Vec<String> = state.bridges.iter().map(|bridge| bridge.name.clone()).collect();
    Report {
        policy: config.netfilter.policy.name(),
        loaded: state.sysctls.is_some(),
        sysctls: Values::new(present, &for_all, state.effective(NetfilterCalls::default())).with_writers(),
        bridges: bridges.collect(),
        conflicts: conflict::all(root, &names, effective),
    }
}

fn in_words(report: &Report) -> String {
    let mut text = String::new();
    say!(text, "policy {}", report.policy);
    let sysctls = NetfilterCalls::TABLES.map(|table| format!("{table:>10}"));
    say!(text, "{:24}{}  (is, →wanted)", "", sysctls.concat());
    if report.loaded {
        add_values(&mut text, "all bridges (sysctl)", &report.sysctls);
    }
    report.bridges.iter().for_each(|(name, values)| add_values(&mut text, name, values));
    for (table, writers) in &report.sysctls.likely_writers {
        say!(text, "net.bridge.bridge-nf-call-{table} was likely set by {}", writers.join(", or "));
    }
    for conflict in &report.conflicts {
        let bridge = conflict.bridge.as_deref().unwrap_or("a bridge that is not known");
        say!(text, "conflict: {} needs {} on {bridge}: {}", conflict.who, conflict.needs, conflict.consequence);
        if let Some(bridge) = &conflict.bridge {
            say!(text, "  to give it: {} = true under [bridge.{bridge}] in /etc/virt-bridge.toml", conflict.needs);
        }
    }
    text
}

fn add_values(text: &mut String, name: &str, values: &Values) {
    let (present, wanted): ([_; 3], [_; 3]) = (values.present.into(), values.wanted.into());
    let shown = |answer: Option<bool>| answer.map_or("-".to_owned(), |answer| u8::from(answer).to_string());
    let cells = present.iter().zip(wanted).map(|(present, wanted): (&Option<bool>, Option<bool>)| match wanted {
        Some(_) if wanted != *present => format!("{:>10}", format!("{} →{}", shown(*present), shown(wanted))),
        _ => format!("{:>10}", shown(*present)),
    });
    say!(text, "{name:24}{}  {}", cells.collect::<String>(), values.rule);
    let filtered: Vec<&str> = values.effective.named().filter(|(_, on)| *on).map(|(table, _)| table).collect();
    say!(
        text,
        "{:24}  packets pass {}",
        "",
        if filtered.is_empty() { "no filter".into() } else { filtered.join(", ") }
    );
    for (table, on) in values.configured.named() {
        say!(text, "{:24}  nf-call-{table} = {on} in [bridge.{name}]", "");
    }
}
