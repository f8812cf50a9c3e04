//! `virt-bridge-watch`: brings domains onto the bridged network when they are defined, by the rules `[[interface]]`.
//!
//! libvirt has no hook for it, but an event. This follows the events, and looks at every domain once before, whenever
//! libvirtd was away, and now and then, because libvirt 9 sends none for `attach-device --config` and its like.

mod agenda;
mod change;
mod events;
mod journal;
mod reversals;
mod service;
mod signals;
mod watch;

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Parser;
use virt_bridge::config::Config;

use agenda::Agenda;
use change::Changer;
use journal::Journal;
use watch::Watch;

/// A configuration that cannot be read (EX_CONFIG of sysexits.h); to start again would not help.
const BROKEN_CONFIGURATION: u8 = 78;

/// Bring libvirt domains onto the bridged network when they are defined
#[derive(Parser)]
#[command(name = "virt-bridge-watch", version)]
struct Arguments {
    /// The libvirt that is watched
    #[arg(long, value_name = "URI", default_value = "qemu:///system")]
    connect: String,
    /// Look at every domain once, and end
    #[arg(long)]
    once: bool,
    /// Say what would be changed, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Seconds between two looks at every domain, for edits that raise no event
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = clap::value_parser!(u64).range(1..))]
    period: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let journal = Journal::new();
    let config = match Config::load("/".as_ref()) {
        Ok(config) => config,
        Err(error) => {
            journal.error(error);
            return BROKEN_CONFIGURATION.into();
        }
    };
    // libvirt's own handler would print every error a second time.
    virt::error::clear_error_callback();
    let changer = Changer::new(config.interfaces, arguments.dry_run);
    let result = if arguments.once {
        watch::once(&arguments.connect, changer, &journal)
    } else {
        follow(&arguments, changer, &journal)
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            journal.error(error);
            ExitCode::FAILURE
        }
    }
}

fn follow(arguments: &Arguments, changer: Changer, journal: &Journal) -> Result<(), String> {
    let agenda: &'static Agenda = Box::leak(Box::default());
    signals::follow(agenda).map_err(|error| format!("cannot take signals: {error}"))?;
    virt::event::event_register_default_impl().map_err(|error| format!("cannot make an event loop: {error}"))?;
    thread::Builder::new()
        .name("events".into())
        .spawn(run_events)
        .map_err(|error| format!("cannot start a thread: {error}"))?;
    let period = Duration::from_secs(arguments.period);
    Watch::new(&arguments.connect, period, agenda, changer, journal).run();
    Ok(())
}

/// libvirt's callbacks and keepalive messages happen here.
fn run_events() {
    while virt::event::event_run_default_impl().is_ok() {}
    // Deaf, the service is of no use; systemd starts it again.
    Journal::new().error("libvirt's event loop has failed");
    std::process::exit(1);
}
