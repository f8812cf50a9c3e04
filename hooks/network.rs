//! The libvirt network hook: makes sure that a network's bridge is there before the network starts.
//!
//! Called by libvirtd (virtnetworkd) as `/etc/libvirt/hooks/network NETWORK OPERATION SUB-OPERATION EXTRA` for every
//! network, with its XML on stdin. What it writes to stderr is shown by virsh when it fails.
#![no_main]

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use virt_bridge::bridge::{self, Outcome, Wanted};
use virt_bridge::config::{Config, Hook, Lazy, OnStop};
use virt_bridge::deadline::Deadline;
use virt_bridge::libvirt::active_networks;
use virt_bridge::libvirt::hook_call::{HookCall, NetworkOperation};
use virt_bridge::libvirt::hook_main;
use virt_bridge::libvirt::network::{self, BridgedNetwork};
use virt_bridge::libvirt::timed_input::TimedInput;
use virt_bridge::log::Log;
use virt_bridge::{drift, owner};

/// What the owner of a bridge leaves of the deadline, so that we can say that it took too long.
const FOR_THE_REST: Duration = Duration::from_secs(1);

virt_bridge::hook_main!("virt-bridge-network", run);

fn run(log: &Log) -> Result<(), String> {
    let begun = Instant::now();
    if std::env::args_os().next().is_some_and(|program| has_run_already(Path::new(&program))) {
        return Ok(());
    }
    let call = HookCall::from_args(std::env::args_os()).map_err(|error| error.to_string())?;
    let operation = call.network_operation();
    if matches!(operation, NetworkOperation::PortDeleted | NetworkOperation::Unknown) {
        return Ok(());
    }
    let result = act(&call, operation, begun, log);
    match operation {
        NetworkOperation::Start | NetworkOperation::Stopped => result,
        // The network runs or its definition is saved: to fail now would take guests' network away and mend nothing.
        _ => {
            result.unwrap_or_else(|error| log.warning(&format!("{call}: {error}")));
            Ok(())
        }
    }
}

/// Whether libvirt has called us for the same operation just before: it runs `hooks/network` and then the programs in
/// `hooks/network.d` (virHookCall in libvirt's src/util/virhook.c), and both may be links to us.
fn has_run_already(program: &Path) -> bool {
    let Some(directory) = program.parent().filter(|parent| parent.file_name() == Some(OsStr::new("network.d"))) else {
        return false;
    };
    let file = |path: &Path| path.metadata().ok().map(|file| (file.dev(), file.ino()));
    file(program).is_some_and(|ours| file(&directory.with_file_name("network")) == Some(ours))
}

fn act(call: &HookCall, operation: NetworkOperation, begun: Instant, log: &Log) -> Result<(), String> {
    let deadline = Deadline::since(begun, Hook::default().deadline);
    let Some(network) =
        network::read(TimedInput::new(hook_main::stdin(), deadline)).map_err(|error| error.to_string())?
    else {
        return Ok(());
    };
    let lazy = Lazy::at("/");
    let config = lazy.get().map_err(|error| error.to_string())?;
    let deadline = Deadline::since(begun, config.hook.deadline);
    match operation {
        NetworkOperation::Stopped => stopped(&network, config, deadline, log),
        _ => ensure(call, &network, config, deadline, log),
    }
}

fn ensure(
    call: &HookCall,
    network: &BridgedNetwork,
    config: &Config,
    deadline: Deadline,
    log: &Log,
) -> Result<(), String> {
    let configured = Wanted::configured(&network.bridge, config.bridges.get(&network.bridge));
    // A hook writes no owner's files, and so it takes nothing from an owner.
    let wanted = Wanted { persist: false, ..configured };
    let link = bridge::right(&wanted).map_err(|error| unsettled(&wanted, error))?;
    if link.is_none() {
        settle(call, &wanted, deadline, log)?;
    }
    if drift::is_seen(config, &network.bridge, link.as_ref()) {
        drift::correct(deadline, log);
    }
    Ok(())
}

/// Its owner makes the bridge as at boot; what is still missing then is added.
// A function of its own, as `stopped`: in `run`, its 8 KiB of stack would be touched by every call.
#[cold]
#[inline(never)]
fn settle(call: &HookCall, wanted: &Wanted, deadline: Deadline, log: &Log) -> Result<(), String> {
    let bridge = &wanted.bridge;
    if let Some(owner) = owner::bring_up(Path::new("/"), bridge, deadline.less(FOR_THE_REST))? {
        log.info(&format!("{call}: {owner} has made {bridge}"));
    }
    bridge::ensure(wanted, deadline).map_err(|error| unsettled(wanted, error))?.tell(call, log);
    Ok(())
}

fn unsettled(wanted: &Wanted, error: bridge::Error) -> String {
    format!("{}: {error}", wanted.bridge)
}

/// Goes back if that is configured, and nobody uses the bridge any more. libvirt says `stopped` also after a failed
/// start and when the bridge was found missing, so the call alone means little.
#[inline(never)]
fn stopped(network: &BridgedNetwork, config: &Config, deadline: Deadline, log: &Log) -> Result<(), String> {
    let bridge = &network.bridge;
    let Some(configured) = config.bridges.get(bridge).filter(|bridge| bridge.on_stop == OnStop::Remove) else {
        return Ok(());
    };
    let others = active_networks::on_bridge(Path::new("/"), bridge).map_err(|error| error.to_string())?;
    if let Some(other) = others.iter().find(|other| **other != network.name) {
        log.info(&format!("{bridge} stays: network {other} uses it"));
        return Ok(());
    }
    let gateway_check = configured.gateway_check.unwrap_or(bridge::GATEWAY_CHECK);
    match bridge::undo(bridge, false, gateway_check, deadline) {
        Ok(Outcome::Done { plan, report, .. }) => {
            log.info(&report.told_of(&plan));
            report.warnings.iter().for_each(|warning| log.warning(&format!("{bridge}: {warning}")));
            Ok(())
        }
        Ok(Outcome::AlreadyRight { recovered }) => {
            recovered.iter().for_each(|what| log.warning(what));
            Ok(())
        }
        Err(bridge::Error::Refused(reasons)) => {
            reasons.iter().for_each(|reason| log.info(&format!("{bridge} stays: {}", reason.reason)));
            Ok(())
        }
        Err(error) => Err(format!("{bridge}: {error}")),
    }
}
