//! `virt-bridge why`: where on its way a guest's traffic ends.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use super::exit::Failure;
use crate::config::parse_duration;
use crate::libvirt::guest;
use crate::netlink::Socket;
use crate::picture::Paint;
use crate::printable::Printable;
use crate::shell_word::ShellWord;
use crate::why::{self, Verdict, Walk, walk};

#[derive(clap::Args)]
#[command(after_help = "Exit codes: 0 nothing is wrong; 1 something may get lost; 2 nothing passes, or wrong usage.")]
pub struct Arguments {
    /// The guest
    #[arg(value_name = "DOMAIN")]
    domain: String,
    /// Listen for so long, or until it asks its LAN for something and is not answered [default: 1s]
    #[arg(long, value_name = "DURATION", value_parser = patience)]
    listen: Option<Duration>,
    /// Print as JSON; keys may be added, but none is taken away or changes its meaning
    #[arg(long)]
    json: bool,
}

const PROBLEM: u8 = 2;

const LONGEST: Duration = Duration::from_secs(600);

fn patience(text: &str) -> Result<Duration, &'static str> {
    let duration = parse_duration(text).filter(|duration| *duration <= LONGEST);
    duration.ok_or("this is no length of time such as 30s, of ten minutes at the most")
}

/// Runs the verb; 0, 1 or 2 as `check` has them.
pub fn run(arguments: &Arguments) -> ExitCode {
    match examine(arguments) {
        Ok(Verdict::Ok | Verdict::Unknown) => ExitCode::SUCCESS,
        Ok(Verdict::Warning) => ExitCode::from(1),
        Ok(Verdict::Problem) => ExitCode::from(PROBLEM),
        Err(failure) => {
            let _ = write!(std::io::stderr(), "{failure}");
            ExitCode::from(PROBLEM)
        }
    }
}

fn examine(arguments: &Arguments) -> Result<Verdict, Failure> {
    let root = Path::new("/");
    let unreadable = |error: std::io::Error| Failure::unchanged(error.to_string()).hint("run it as root");
    let guest = guest::named(root, &arguments.domain).map_err(unreadable)?;
    let guest = guest.ok_or_else(|| super::no_such_domain(&arguments.domain, &guest::names(Path::new("/"))))?;
    if guest.interfaces.is_empty() {
        let name = ShellWord(&arguments.domain);
        return Err(Failure::unchanged(format!("{name} has no interface")).hint(format!("virsh edit {name}")));
    }
    let unread = |error| Failure::unchanged(format!("cannot read the network state: {error}"));
    let mut socket = Socket::open().map_err(unread)?;
    let facts =
        why::look(&mut socket, &super::config()?, &guest, arguments.listen.unwrap_or_default()).map_err(unread)?;
    let walks: Vec<Walk> = facts.iter().map(walk).collect();
    if arguments.json {
        super::print_json(&walks)?;
    } else {
        super::print_text(&walks.iter().map(in_words).collect::<Vec<_>>().join("\n"))?;
    }
    Ok(walks.iter().map(Walk::verdict).max().unwrap_or(Verdict::Ok))
}

fn in_words(walk: &Walk) -> String {
    let paint = Paint::of_stdout();
    let mut text = String::new();
    let mac = walk.mac.as_deref().unwrap_or("an interface");
    say!(text, "{}  {}", paint.name(&Printable(&walk.domain).to_string()), Printable(mac));
    for hop in &walk.hops {
        let told = |verdict| match verdict {
            Verdict::Ok => paint.good("ok     "),
            Verdict::Unknown => paint.quiet("unknown"),
            Verdict::Warning => paint.odd("warning"),
            Verdict::Problem => paint.bad("problem"),
        };
        if hop.findings.is_empty() {
            say!(text, "{}  {:8}  {}", told(hop.verdict), hop.hop, Printable(&hop.sentence));
        }
        for finding in &hop.findings {
            say!(text, "{}  {:8}  {}", told(finding.verdict), hop.hop, Printable(&finding.sentence));
            say!(text, "{:19}owner: {}", "", Printable(&finding.owner));
            say!(text, "{:19}mend:  {}", "", Printable(&finding.mend));
        }
    }
    if let Some(broken) = walk.broken {
        say!(text, "its way ends at the {}", paint.bad(broken));
    }
    text
}
