//! `virt-bridge check`: the doctor.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::json;

use super::exit::Failure;
use crate::check::{ALL, Check, Finding, Host, OF_FILES, Verdict};
use crate::config::Config;
use crate::netlink::Socket;
use crate::picture::Paint;
use crate::printable::Printable;

#[derive(clap::Args)]
pub struct Arguments {
    /// Only these checks [default: all]
    #[arg(value_name = "CHECK", value_parser = clap::builder::PossibleValuesParser::new(ALL.map(|check| check.name)))]
    #[arg(hide_possible_values = true)]
    checks: Vec<String>,
    /// Print as JSON; keys may be added, but none is taken away or changes its meaning
    #[arg(long)]
    json: bool,
    /// Only say which checks there are
    #[arg(long)]
    list: bool,
    /// Look at the files below this directory, those of a host that does not run; without the checks that ask the kernel
    #[arg(long, value_name = "DIRECTORY", value_parser = super::directory)]
    root: Option<PathBuf>,
}

/// What one check has found.
#[derive(Serialize)]
struct Result<'a> {
    name: &'a str,
    about: &'a str,
    verdict: Verdict,
    findings: Vec<Finding>,
}

/// Runs the verb; 0, 1 or 2 is the worst verdict.
pub fn run(arguments: &Arguments) -> ExitCode {
    match examine(arguments) {
        Ok(worst) => ExitCode::from(worst as u8),
        Err(failure) => {
            let _ = write!(std::io::stderr(), "{failure}");
            // What cannot be looked at is no less than a problem.
            ExitCode::from(Verdict::Problem as u8)
        }
    }
}

fn examine(arguments: &Arguments) -> std::result::Result<Verdict, Failure> {
    let chosen =
        |check: &&&Check| arguments.checks.is_empty() || arguments.checks.iter().any(|name| name == check.name);
    let all: &[&Check] = if arguments.root.is_some() { &OF_FILES } else { &ALL };
    // Any other name clap has refused.
    if let Some(name) = arguments.checks.iter().find(|name| all.iter().all(|check| check.name != **name)) {
        return Err(Failure::unchanged(format!("{name} asks the kernel, and below --root are files only")));
    }
    if arguments.list {
        if arguments.json {
            let listed: Vec<_> =
                all.iter().filter(chosen).map(|check| json!({ "name": check.name, "about": check.about })).collect();
            return super::print_json(&listed).map(|()| Verdict::Ok);
        }
        let lines = all.iter().filter(chosen).map(|check| format!("{:20}  {}\n", check.name, check.about));
        return super::print_text(&lines.collect::<String>()).map(|()| Verdict::Ok);
    }
    if arguments.root.is_none() {
        super::capability::warn_of_unreadable();
    }
    let host = read(arguments)?;
    let results: Vec<Result> = all.iter().filter(chosen).map(|check| result(check, &host)).collect();
    if arguments.json {
        super::print_json(&results)?
    } else {
        super::print_text(&in_words(&results))?
    }
    Ok(results.iter().map(|result| result.verdict).max().unwrap_or(Verdict::Ok))
}

fn read(arguments: &Arguments) -> std::result::Result<Host, Failure> {
    if let Some(root) = &arguments.root {
        let config = Config::load(root).map_err(|error| Failure::unchanged(error.to_string()))?;
        return Ok(Host::of_files(root, config));
    }
    let unread = |error| Failure::unchanged(format!("cannot read the network state: {error}"));
    let mut socket = Socket::open().map_err(unread)?;
    Host::read(&mut socket, super::config()?).map_err(unread)
}

fn result<'a>(check: &Check, host: &Host) -> Result<'a> {
    let findings = (check.look)(host);
    let verdict = findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok);
    Result { name: check.name, about: check.about, verdict, findings }
}

fn in_words(results: &[Result]) -> String {
    let paint = Paint::of_stdout();
    let mut text = String::new();
    for result in results {
        if result.findings.is_empty() {
            say!(text, "{}       {:20}  {}", paint.good("ok"), result.name, paint.quiet(result.about));
        }
        for finding in &result.findings {
            let verdict = match finding.verdict {
                Verdict::Problem => paint.bad("problem"),
                _ => paint.odd("warning"),
            };
            say!(text, "{verdict}  {:20}  {}", result.name, Printable(&finding.sentence));
            say!(text, "{:31}mend: {}", "", Printable(&finding.mend));
        }
    }
    text
}
