//! `virt-bridge domain patch`: a filter for the XML of domains.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::cli::diff;
use crate::cli::exit::{Exit, Failure};
use crate::config::{Config, Destination, InterfaceMatch, InterfaceRule, bridge_name, destination_name, mac_prefix};
use crate::glob::Glob;
use crate::libvirt::domain::{self, Change, Interface, Patched};
use crate::printable::Printable;

// The rules are those of the configuration, of --rules, or the one that --from-… and --to-… make.
#[derive(clap::Args)]
#[command(after_help = "Exit codes: 0 done; 1 failed, and nothing was written; 5 with --check: it would change.")]
pub struct Arguments {
    /// The XML of a domain, snapshot or status file; stdin if it is not given or `-`
    file: Option<PathBuf>,
    /// Show what changes as a unified diff instead of the XML
    #[arg(long, conflicts_with = "check")]
    diff: bool,
    /// Only tell by the exit code: 0 if nothing would change, 5 if something would
    #[arg(long)]
    check: bool,
    /// Tell on stderr what changes, and why
    #[arg(short, long)]
    verbose: bool,
    /// Take the [[interface]] rules of this file instead of the configuration's
    #[arg(long, value_name = "FILE", conflicts_with_all = ["Rule", "to"])]
    rules: Option<PathBuf>,
    /// Take the configuration below this directory
    #[arg(long, value_name = "DIRECTORY", value_parser = crate::cli::directory, default_value = "/")]
    root: PathBuf,
    #[command(flatten)]
    rule: Rule,
}

#[derive(clap::Args)]
#[group(id = "Rule", multiple = true)]
struct Rule {
    /// One rule: move interfaces of domains of this name
    #[arg(long, value_name = "PATTERN", help_heading = "One rule", requires = "to")]
    domain: Option<Glob>,
    /// … of this type: network, bridge, direct, user
    #[arg(long, value_name = "PATTERN", help_heading = "One rule", requires = "to")]
    from_type: Option<Glob>,
    /// … of this libvirt network
    #[arg(long, value_name = "PATTERN", help_heading = "One rule", requires = "to")]
    from_network: Option<Glob>,
    /// … of type bridge with this bridge
    #[arg(long, value_name = "PATTERN", help_heading = "One rule", requires = "to")]
    from_bridge: Option<Glob>,
    /// … with this <source dev>, which is macvtap's
    #[arg(long, value_name = "PATTERN", help_heading = "One rule", requires = "to")]
    from_device: Option<Glob>,
    /// … with this MAC address, or these first bytes of it
    #[arg(long, value_name = "MAC", help_heading = "One rule", requires = "to", value_parser = Mac::parse)]
    from_mac: Option<Mac>,
    #[command(flatten)]
    to: To,
}

#[derive(clap::Args)]
#[group(id = "to", multiple = true)]
struct To {
    /// … to this libvirt network
    #[arg(long, value_name = "NETWORK", help_heading = "One rule", value_parser = destination_name)]
    to_network: Option<String>,
    /// … and to this portgroup of it
    #[arg(long, value_name = "NAME", help_heading = "One rule", requires = "to_network", value_parser = destination_name)]
    to_portgroup: Option<String>,
    /// … to this bridge
    #[arg(long, value_name = "BRIDGE", help_heading = "One rule", conflicts_with = "to_network", value_parser = bridge_name)]
    to_bridge: Option<String>,
}

/// The bytes of a MAC address, from the first one on.
#[derive(Clone)]
struct Mac(Vec<u8>);

impl Mac {
    fn parse(text: &str) -> Result<Self, String> {
        mac_prefix(text).map(Mac)
    }
}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let rules = rules(arguments)?;
    let file = arguments.file.as_deref().filter(|file| *file != Path::new("-"));
    let name = Printable(&file.map_or("stdin".into(), Path::to_string_lossy)).to_string();
    let xml = read(file).map_err(|error| Failure::unchanged(format!("{name}: cannot read it: {error}")))?;
    let patched = domain::patch(&xml, &rules).map_err(|error| Failure::unchanged(format!("{name}:{error}")))?;
    if arguments.check {
        return Ok(if patched.xml().is_some() { Exit::WouldChange } else { Exit::Done });
    }
    let result = patched.xml().unwrap_or(&xml);
    if arguments.diff {
        super::super::print_text(&diff::unified(&name, &xml, result, diff::on_terminal()))?;
    } else {
        write(result).map_err(|error| Failure::unchanged(format!("cannot write to stdout: {error}")))?;
    }
    tell(&name, &patched, arguments.verbose);
    Ok(Exit::Done)
}

fn rules(arguments: &Arguments) -> Result<Vec<InterfaceRule>, Failure> {
    let config = match (arguments.rule.read(), &arguments.rules) {
        (Some(rule), _) => return Ok(vec![rule]),
        (None, Some(file)) => Config::load_file(file),
        (None, None) => Config::load(&arguments.root),
    };
    Ok(config.map_err(|error| Failure::unchanged(error.to_string()))?.interfaces)
}

impl Rule {
    /// The rule of the command line, if there is one.
    fn read(&self) -> Option<InterfaceRule> {
        let to = match (&self.to.to_network, &self.to.to_bridge) {
            (Some(network), _) => {
                Destination::Network { network: network.clone(), portgroup: self.to.to_portgroup.clone() }
            }
            (None, Some(bridge)) => Destination::Bridge(bridge.clone()),
            (None, None) => return None,
        };
        let from = InterfaceMatch {
            kind: self.from_type.clone(),
            network: self.from_network.clone(),
            bridge: self.from_bridge.clone(),
            device: self.from_device.clone(),
            mac: self.from_mac.clone().map(|mac| mac.0),
            ..InterfaceMatch::default()
        };
        Some(InterfaceRule { domain: self.domain.clone(), from, to, ..InterfaceRule::default() })
    }
}

/// Reads no more than is needed to see that there is too much.
fn read(file: Option<&Path>) -> io::Result<Vec<u8>> {
    let mut xml = Vec::new();
    let most = domain::LARGEST as u64 + 1;
    match file {
        Some(file) => File::open(file)?.take(most).read_to_end(&mut xml)?,
        None => io::stdin().take(most).read_to_end(&mut xml)?,
    };
    Ok(xml)
}

/// Writes the XML; a reader that has gone has what it wanted.
fn write(xml: &[u8]) -> io::Result<()> {
    match io::stdout().write_all(xml) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Tells what could not be moved, and, if asked for, what was.
fn tell(name: &str, patched: &Patched, verbose: bool) {
    let mut text = String::new();
    for (interface, change) in patched.changes().filter(|_| verbose) {
        say!(text, "{name}:{}: {}: {}", interface.line, shown(interface), changed(interface, change));
    }
    for (interface, refusal) in patched.refusals() {
        say!(text, "warning: {name}:{}: {}: not moved: {}", interface.line, shown(interface), Printable(&refusal.why));
    }
    // The XML is out already; that nobody reads about it is no failure.
    let _ = io::stderr().write_all(text.as_bytes());
}

fn shown(interface: &Interface) -> String {
    let mac = interface.mac.as_deref().map(|mac| format!(" ({mac})")).unwrap_or_default();
    Printable(&format!("interface {}{mac}", interface.position)).to_string()
}

fn changed(interface: &Interface, change: &Change) -> String {
    let fields = change.fields(interface).map(|field| {
        let (from, to) = (field.from.unwrap_or("none"), field.to.unwrap_or("none"));
        format!("{} {from} → {to}", field.name)
    });
    let removed = change.removed.iter().map(|removed| format!("without {removed}: {}", removed.why));
    let places: Vec<String> = change.rules().filter_map(|rule| Some(rule.place.as_ref()?.to_string())).collect();
    let by = if places.is_empty() { String::new() } else { format!(" (rule {})", places.join(", ")) };
    let text = fields.chain(removed).collect::<Vec<_>>().join("; ");
    Printable(&format!("{text}{by}")).to_string()
}
