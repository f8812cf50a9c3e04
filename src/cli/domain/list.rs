//! `virt-bridge domain list`: every guest's interfaces, where each leads, and which rule would change it.

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;

use super::way::{Way, Ways};
use crate::cli::exit::Failure;
use crate::config::Config;
use crate::libvirt::domain::{self, RuleName, Verdict};
use crate::libvirt::domains::{Domain, Files};
use crate::printable::Printable;

#[derive(clap::Args)]
pub struct Arguments {
    /// Only these domains [default: all]
    #[arg(value_name = "DOMAIN")]
    domains: Vec<String>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
    /// Read the configuration's and libvirt's files below this directory
    #[arg(long, value_name = "DIRECTORY", value_parser = crate::cli::directory, default_value = "/")]
    root: PathBuf,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    defined: bool,
    running: bool,
    interfaces: Vec<Interface>,
}

/// An interface of the definition; of a domain without one, of the run.
#[derive(Serialize)]
struct Interface {
    position: usize,
    mac: Option<String>,
    model: Option<String>,
    target: Option<String>,
    way: Way,
    /// Where the running domain's leads; nothing if it does not run, or has no such interface.
    running: Option<Way>,
    rule: Rule,
}

/// What the rules say.
#[derive(Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
enum Rule {
    None,
    OptedOut,
    Keep { rule: String },
    Right { rule: String },
    Change { rules: Vec<String>, live: bool, what: String },
    Refused { rule: String, why: String },
}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::unchanged(error.to_string());
    let config = Config::load(&arguments.root).map_err(|error| failed(&error))?;
    let (files, unreadable) = Files::read(&arguments.root).map_err(|error| failed(&error))?;
    let (domains, malformed) = files.domains(&config.interfaces);
    for error in unreadable.iter().chain(&malformed) {
        // Said even where nobody reads it.
        let _ = writeln!(std::io::stderr(), "warning: {error}");
    }
    if let Some(missing) = arguments.domains.iter().find(|name| domains.iter().all(|domain| domain.name != **name)) {
        let names: Vec<String> = domains.into_iter().map(|domain| domain.name).collect();
        return Err(crate::cli::no_such_domain(missing, &names));
    }
    let wanted = |domain: &&Domain| arguments.domains.is_empty() || arguments.domains.contains(&domain.name);
    let ways = Ways::under(&arguments.root, &config);
    let listed: Vec<Listed> = domains.iter().filter(wanted).map(|domain| listed(domain, &ways)).collect();
    if arguments.json {
        return crate::cli::print_json(&listed);
    }
    let mut text = String::new();
    if listed.is_empty() {
        say!(text, "there is no domain");
    }
    listed.iter().for_each(|domain| add(&mut text, domain));
    crate::cli::print_text(&text)
}

fn listed(domain: &Domain, ways: &Ways) -> Listed {
    let patched = domain.defined.as_ref().or(domain.running.as_ref());
    let interfaces = patched.iter().flat_map(|patched| &patched.interfaces);
    Listed {
        name: domain.name.clone(),
        defined: domain.defined.is_some(),
        running: domain.running.is_some(),
        interfaces: interfaces.map(|interface| self::interface(interface, domain, ways)).collect(),
    }
}

fn interface(interface: &domain::Interface, domain: &Domain, ways: &Ways) -> Interface {
    let mut running = domain.running.iter().flat_map(|running| &running.interfaces);
    let running = running.find(|running| running.mac == interface.mac);
    Interface {
        position: interface.position,
        mac: interface.mac.as_deref().map(str::to_owned),
        model: interface.model.as_deref().map(str::to_owned),
        target: running
            .and_then(|running| running.target.as_deref())
            .or(interface.target.as_deref())
            .map(str::to_owned),
        way: ways.of(interface),
        running: running.map(|running| ways.of(running)),
        rule: Rule::of(interface),
    }
}

impl Rule {
    fn of(interface: &domain::Interface) -> Self {
        let place = |rule: &RuleName| rule.to_string();
        match &interface.verdict {
            Verdict::NoRule => Rule::None,
            Verdict::OptedOut => Rule::OptedOut,
            Verdict::Kept(rule) => Rule::Keep { rule: place(rule) },
            Verdict::Right(rule) => Rule::Right { rule: place(rule) },
            Verdict::Changed(change) => Rule::Change {
                rules: change.rules().map(place).collect(),
                live: change.live,
                what: change.told_of(interface),
            },
            Verdict::Refused(refusal) => Rule::Refused { rule: place(&refusal.rule), why: refusal.why.clone() },
        }
    }

    /// What the reader may want to know; nothing where all is as it should be.
    fn remark(&self) -> Option<String> {
        match self {
            Rule::None | Rule::Right { .. } => None,
            Rule::OptedOut => Some("the domain wants no rule".into()),
            Rule::Keep { rule } => Some(format!("stays, {rule}")),
            Rule::Change { what, .. } => Some(format!("to change: {what}")),
            Rule::Refused { rule, why } => Some(format!("cannot be changed, {rule}: {}", Printable(why))),
        }
    }
}

fn add(text: &mut String, domain: &Listed) {
    let state = match (domain.defined, domain.running) {
        (true, true) => "running",
        (true, false) => "shut off",
        (false, _) => "running, transient",
    };
    say!(text, "{}: {state}", Printable(&domain.name));
    for interface in &domain.interfaces {
        let name = interface.mac.clone().unwrap_or_else(|| format!("interface {}", interface.position));
        let target = interface.target.iter().map(|target| format!(", {}", Printable(target))).collect::<String>();
        say!(text, "  {}: {}{target}", Printable(&name), interface.way);
        if let Some(running) = interface.running.as_ref().filter(|running| !running.leads_as(&interface.way)) {
            say!(text, "    until its next start: {running}");
        }
        interface.rule.remark().iter().for_each(|remark| say!(text, "    {remark}"));
    }
}
