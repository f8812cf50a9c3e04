//! `virt-bridge host`: what the configuration says of the whole host, `[host]` and `[netfilter]`.

use std::time::Duration;

use super::done::Done;
use super::exit::Failure;
use crate::config::Config;
use crate::log::Log;
use crate::{forwarding, netfilter};

#[derive(clap::Subcommand)]
#[command(defer = true)]
pub enum Verb {
    /// Set the sysctls for IP forwarding and bridge netfilter, and bridges' own flags
    Apply {
        /// Print as JSON
        #[arg(long, conflicts_with = "for_hook")]
        json: bool,
        /// Speak to syslog, and succeed whatever happens, within this time: what libvirt's hook runs
        #[arg(long, value_name = "MILLISECONDS")]
        for_hook: Option<u64>,
    },
}

/// Runs the verb.
pub fn run(verb: &Verb) -> Result<(), Failure> {
    match verb {
        Verb::Apply { for_hook: Some(milliseconds), .. } => {
            apply_for_hook(Duration::from_millis(*milliseconds));
            Ok(())
        }
        Verb::Apply { for_hook: None, json } => apply(&super::config()?, *json),
    }
}

fn apply(config: &Config, as_json: bool) -> Result<(), Failure> {
    super::capability::require("host apply")?;
    let forwarding =
        forwarding::apply(config).map_err(|error| Failure::unchanged(format!("IP forwarding: {error}")))?;
    let netfilter =
        netfilter::apply(config).map_err(|error| Failure::unchanged(format!("bridge netfilter: {error}")))?;
    let mut done = forwarding.done;
    done.extend((!netfilter.done.is_empty()).then(|| netfilter.done.to_string()));
    Done { done, failures: [forwarding.failures, netfilter.failures].concat() }.tell(as_json)
}

/// libvirtd waits for its hook without limit, so this ends in time even where a system call does not.
fn apply_for_hook(time: Duration) {
    let log = Log::new("virt-bridge");
    std::thread::spawn(move || {
        std::thread::sleep(time);
        std::process::exit(0)
    });
    let config = match Config::load("/".as_ref()) {
        Ok(config) => config,
        Err(error) => return log.warning(&error.to_string()),
    };
    match forwarding::apply(&config) {
        Ok(outcome) => outcome.tell(&log),
        Err(error) => log.warning(&format!("IP forwarding: {error}")),
    }
    match netfilter::apply(&config) {
        Ok(outcome) => outcome.tell_of_drift(&log),
        Err(error) => log.warning(&format!("bridge netfilter: {error}")),
    }
}
