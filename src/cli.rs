//! The command `virt-bridge`: one file for each verb.

/// Adds a line to a text.
macro_rules! say {
    ($text:expr, $($line:tt)*) => {{
        $text.push_str(&format!($($line)*));
        $text.push('\n');
    }};
}

mod bridge_arguments;
mod capability;
mod check;
mod complete;
mod completions;
mod confirm;
mod countdown;
mod diff;
mod domain;
mod done;
mod exit;
mod guard;
mod guarded;
mod handed_over;
mod heal;
mod host;
mod leases;
mod netfilter;
mod network;
mod outage;
mod persist;
mod plain;
mod plan;
mod question;
mod receipt;
mod rehearse;
mod report;
mod status;
mod undo;
mod up;
mod usage;
mod why;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser, Subcommand};
use serde::Serialize;

use crate::bridge::{self, GATEWAY_CHECK, Wanted};
use crate::config::{Config, Uplink, nearest};
use crate::interface_name;
use crate::owner;
use crate::printable::{self, Printable};
use crate::sysfs;
use exit::{Exit, Failure};

/// How long a command may take; a takeover takes milliseconds, and waits for routers and other runs only.
const DEADLINE: Duration = Duration::from_secs(60);

const EXIT_CODES: &str = "\
Exit codes:
  0  done, or nothing to do
  1  failed, and nothing was changed
  2  wrong usage
  3  failed, and the host is as it was before
  4  failed, and somebody must look";

/// Bridged networking for KVM/libvirt that simply works, and stays working
#[derive(Parser)]
#[command(name = "virt-bridge", version, after_help = EXIT_CODES)]
struct Arguments {
    /// What to do [default: status]
    #[command(subcommand)]
    verb: Option<Verb>,
}

// The arguments of the verbs that are not called would be a third of the work of most calls.
#[derive(Subcommand)]
#[command(defer = true)]
enum Verb {
    /// Show what `up` would do, and change nothing
    Plan(plan::Arguments),
    /// Make sure that a bridge exists, is up, and has its uplink, addresses and routes
    Up(up::Arguments),
    /// Keep a takeover that waits for its confirmation
    Confirm(confirm::Arguments),
    /// Give the uplink back what its bridge received
    Undo(undo::Arguments),
    /// Look for every known trap, and say how to mend it; exit code 1 for a warning, 2 for a problem
    Check(check::Arguments),
    /// Say why a guest is offline: what is broken on its way to the router, and whose that is
    Why(why::Arguments),
    /// Put guests' taps back that fell off their bridges, give bridges back what they lost when they were set down, and let
    /// DHCP clients go on that a killed run left between two links
    Heal(heal::Arguments),
    /// Show what the last takeover of a bridge has done
    Receipt(receipt::Arguments),
    /// Show the host's bridges, their uplinks and addresses
    Status(status::Arguments),
    /// Apply what the configuration says of the whole host: IP forwarding and bridge netfilter
    #[command(subcommand)]
    Host(host::Verb),
    /// Show or apply the policy for bridge netfilter
    #[command(subcommand)]
    Netfilter(netfilter::Verb),
    /// Show guests' interfaces, and put them onto the networks that the rules [[interface]] say
    #[command(subcommand)]
    Domain(domain::Verb),
    /// Print what a shell needs to complete this command
    Completions(completions::Arguments),
    /// Say what may come next; completions ask this
    #[command(hide = true)]
    Complete(complete::Arguments),
    /// Take a bridge back unless it is confirmed in time; `up` starts this
    #[command(hide = true)]
    Guard(guard::Arguments),
    /// Keep the addresses of a link that a udhcpc begins to serve; udhcpc says this to its script
    #[command(hide = true)]
    Deconfig,
}

/// Runs the command with the process's own arguments.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage::answer(&error),
    };
    let result = match arguments.verb.unwrap_or(Verb::Status(status::Arguments::default())) {
        Verb::Plan(arguments) => plan::run(&arguments),
        Verb::Up(arguments) => up::run(&arguments),
        Verb::Confirm(arguments) => confirm::run(&arguments),
        Verb::Guard(arguments) => guard::run(&arguments),
        Verb::Deconfig => owner::pass_over_first_word().map_err(Failure::unchanged),
        Verb::Undo(arguments) => undo::run(&arguments),
        Verb::Check(arguments) => return check::run(&arguments),
        Verb::Completions(arguments) => completions::run(&arguments),
        Verb::Complete(arguments) => return complete::run(&arguments),
        Verb::Why(arguments) => return why::run(&arguments),
        Verb::Heal(arguments) => heal::run(&arguments),
        Verb::Receipt(arguments) => receipt::run(&arguments),
        Verb::Status(arguments) => status::run(&arguments),
        Verb::Host(verb) => host::run(&verb),
        Verb::Netfilter(verb) => netfilter::run(&verb),
        Verb::Domain(verb) => match domain::run(&verb) {
            Ok(exit) => return exit.into(),
            Err(failure) => Err(failure),
        },
    };
    match result {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            // The exit code tells even where nobody reads stderr.
            let _ = write!(std::io::stderr(), "{failure}");
            failure.exit().into()
        }
    }
}

/// The command line as data, for its manual pages and completions.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Reads the name of a bridge or link from the command line.
fn link_name(text: &str) -> Result<String, String> {
    interface_name::check(text).map(|()| text.to_owned()).map_err(str::to_owned)
}

/// Reads the root of another host's files from the command line: in one that is not there nothing would be wrong.
fn directory(text: &str) -> Result<PathBuf, String> {
    let directory = PathBuf::from(text);
    if directory.is_dir() { Ok(directory) } else { Err("it is no directory".into()) }
}

/// Reads an uplink from the command line: as the configuration has it.
fn uplink(text: &str) -> Result<Uplink, String> {
    text.parse()
}

/// The bridge as the configuration has it.
fn configured(bridge: &str) -> Result<Wanted, Failure> {
    Ok(Wanted::configured(bridge, config()?.bridges.get(bridge)))
}

fn config() -> Result<Config, Failure> {
    config_below("/".as_ref())
}

fn config_below(root: &Path) -> Result<Config, Failure> {
    Config::load(root).map_err(|error| Failure::unchanged(error.to_string()))
}

/// The failure that there is no bridge of this name, with the one that was likely meant.
fn no_such_bridge(name: &str, bridges: &[String]) -> Failure {
    let known: Vec<&str> = bridges.iter().map(String::as_str).collect();
    if sysfs::index(Path::new("/"), name).is_some() {
        let port_of = sysfs::master(Path::new("/"), name);
        let hint = match port_of.filter(|bridge| known.contains(&bridge.as_str())) {
            Some(bridge) => format!("it is a port of {bridge}: virt-bridge status {bridge}"),
            None => format!("to make it the uplink of one: virt-bridge up br0 --uplink {name}"),
        };
        return Failure::unchanged(format!("{name} is no bridge")).hint(hint);
    }
    Failure::unchanged(format!("there is no bridge {name}")).hint(match nearest(name, &known) {
        Some(meant) => format!("did you mean {meant}?"),
        None => format!("to make it: virt-bridge up {name} --uplink NIC"),
    })
}

fn no_such_domain(name: &str, domains: &[String]) -> Failure {
    let known: Vec<&str> = domains.iter().map(String::as_str).collect();
    Failure::unchanged(format!("there is no domain {}", Printable(name))).hint(match nearest(name, &known) {
        Some(meant) => format!("did you mean {}?", Printable(meant)),
        None => "virsh list --all".into(),
    })
}

/// How long routers may take to answer when this bridge is undone.
///
/// A broken configuration does not stand in the way of going back.
fn gateway_check(bridge: &str) -> Duration {
    configured(bridge).map_or(GATEWAY_CHECK, |wanted| wanted.gateway_check)
}

/// Writes a text to stdout; unlike println!, a reader that has gone (`| head`) makes it no panic.
fn print_text(text: &str) -> Result<(), Failure> {
    is_read(text).map(drop)
}

/// Writes a text to stdout; whether there is still a reader.
fn is_read(text: &str) -> Result<bool, Failure> {
    let mut stdout = std::io::stdout();
    let text = plain::for_stdout(text);
    read_by_somebody(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    read_by_somebody(write_json(value)).map(drop)
}

/// Whether there is still a reader behind what was written; that one has gone is no failure.
fn read_by_somebody(written: std::io::Result<()>) -> Result<bool, Failure> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::unchanged(format!("cannot write to stdout: {error}"))),
    }
}

fn write_json(value: &impl Serialize) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{}", printable::json(&serde_json::to_string_pretty(value)?))
}

/// Says what is not as somebody may think, on stderr; where nobody reads it nothing is to be done.
fn warn(text: &str) {
    let _ = writeln!(std::io::stderr(), "warning: {}", Printable(text));
}

impl From<bridge::Error> for Failure {
    fn from(error: bridge::Error) -> Self {
        match error {
            bridge::Error::Refused(refusals) => Failure::refused(refusals),
            bridge::Error::Unchanged(_) => Failure::unchanged(error.to_string()),
            bridge::Error::RolledBack(_) => Failure::new(Exit::RolledBack, error.to_string()),
            bridge::Error::Stranded { .. } => Failure::new(Exit::NeedsAttention, error.to_string()),
        }
    }
}
