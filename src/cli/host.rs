//! `virt-bridge host`: what the configuration says of the whole host, `[host]` and `[netfilter]`.

use super::exit::{Exit, Failure};
use crate::config::Config;
use crate::log::Log;
use crate::{forwarding, netfilter};

#[derive(clap::Subcommand)]
pub enum Verb {
    /// Set the sysctls for IP forwarding and bridge netfilter, and bridges' own flags
    Apply {
        /// Speak to syslog, and succeed whatever happens: what libvirt's hook runs
        #[arg(long)]
        for_hook: bool,
    },
}

/// Runs the verb.
pub fn run(verb: &Verb) -> Result<(), Failure> {
    match verb {
        Verb::Apply { for_hook: true } => {
            apply_for_hook();
            Ok(())
        }
        Verb::Apply { for_hook: false } => apply(&super::config()?),
    }
}

fn apply(config: &Config) -> Result<(), Failure> {
    let forwarding =
        forwarding::apply(config).map_err(|error| Failure::unchanged(format!("IP forwarding: {error}")))?;
    let netfilter =
        netfilter::apply(config).map_err(|error| Failure::unchanged(format!("bridge netfilter: {error}")))?;
    let mut done = forwarding.done;
    done.extend((!netfilter.done.is_empty()).then(|| netfilter.done.to_string()));
    let failures = [forwarding.failures, netfilter.failures].concat();
    let text = if done.is_empty() && failures.is_empty() { "nothing to do".into() } else { done.join("\n") };
    // What was done stays done where nobody reads of it.
    let _ = super::print_text(&format!("{text}\n"));
    match failures.as_slice() {
        [] => Ok(()),
        failures => Err(Failure {
            exit: if done.is_empty() { Exit::Unchanged } else { Exit::NeedsAttention },
            text: failures.join("\nvirt-bridge: "),
        }),
    }
}

fn apply_for_hook() {
    let log = Log::new("virt-bridge");
    let config = match super::config() {
        Ok(config) => config,
        Err(failure) => return log.warning(&failure.text),
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
