//! The libvirt qemu hook: makes sure that a domain's bridges are there before it starts, and leads a domain that comes
//! from another host or a file to this host's networks.
//!
//! Called by libvirtd (virtqemud) as `/etc/libvirt/hooks/qemu.d/50-virt-bridge DOMAIN OPERATION SUB-OPERATION EXTRA`,
//! with the domain's XML on stdin. What it writes to stderr is shown by virsh when it fails.
#![no_main]

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::time::Instant;

use virt_bridge::bridge::{self, Wanted};
use virt_bridge::config::{Config, Hook, InterfaceRule, Lazy};
use virt_bridge::deadline::Deadline;
use virt_bridge::drift;
use virt_bridge::libvirt::domain::{self, Patched};
use virt_bridge::libvirt::hook_call::{DomainOperation, HookCall};
use virt_bridge::libvirt::hook_main;
use virt_bridge::libvirt::timed_input::TimedInput;
use virt_bridge::log::Log;
use virt_bridge::netlink::{Link, Socket, link};
use virt_bridge::printable::Printable;

virt_bridge::hook_main!("virt-bridge-qemu", run);

fn run(log: &Log) -> Result<(), String> {
    let begun = Instant::now();
    let call = HookCall::from_args(std::env::args_os()).map_err(|error| error.to_string())?;
    match call.domain_operation() {
        DomainOperation::Prepare => prepare(&call, begun, log),
        DomainOperation::Arrive => arrive(&call, begun, log),
        DomainOperation::Other => Ok(()),
    }
}

/// Makes sure that the bridges are there that the domain names itself; those of networks are the network hook's.
fn prepare(call: &HookCall, begun: Instant, log: &Log) -> Result<(), String> {
    // Without rules this tells what interfaces there are.
    let xml = read(begun);
    let Ok(patched) = xml.as_ref().map_err(String::clone).and_then(|xml| patch(xml, &[])).inspect_err(|error| {
        // The guest may need no bridge of ours.
        log.warning(&format!("{call}: {error}"));
    }) else {
        return Ok(());
    };
    let bridges: BTreeSet<&str> = patched
        .interfaces
        .iter()
        .filter(|interface| interface.kind == "bridge")
        .filter_map(|interface| interface.bridge.as_deref())
        .collect();
    let config = Lazy::at("/");
    let ensured = bridges.into_iter().map(|bridge| Ok((bridge, ensure(call, bridge, &config, begun, log)?)));
    let bridges = ensured.collect::<Result<Vec<_>, String>>()?;
    keep_settings(&bridges, &config, begun, log);
    Ok(())
}

/// No network's hook runs for these bridges, so their settings are looked after here.
fn keep_settings(bridges: &[(&str, Option<Link>)], config: &Lazy, begun: Instant, log: &Log) {
    for (bridge, link) in bridges {
        // Of a broken file the log has been told.
        let Ok(config) = config.get() else { return };
        if drift::is_seen(config, bridge, link.as_ref()) {
            return drift::correct(Deadline::since(begun, config.hook.deadline), log);
        }
    }
}

/// The bridge, once it is there. One that is there and not configured is somebody's, and stays as it is.
fn ensure(call: &HookCall, bridge: &str, config: &Lazy, begun: Instant, log: &Log) -> Result<Option<Link>, String> {
    let config = match config.get() {
        Ok(config) => config,
        Err(error) => {
            // A broken file is no reason against a guest that may not need it.
            let link = find(bridge)?.ok_or_else(|| error.to_string())?;
            log.warning(&format!("{call}: {bridge} is taken as it is: {error}"));
            return Ok(Some(link));
        }
    };
    let Some(configured) = config.bridges.get(bridge).filter(|bridge| bridge.is_ours()) else {
        return find(bridge)?.ok_or_else(|| absent(bridge)).map(Some);
    };
    let deadline = Deadline::since(begun, config.hook.deadline);
    let wanted = Wanted::configured(bridge, Some(configured));
    bridge::ensure(&wanted, deadline).map_err(|error| format!("{bridge}: {error}"))?.tell(call, log);
    find(bridge)
}

fn find(bridge: &str) -> Result<Option<Link>, String> {
    let link = Socket::open().and_then(|mut socket| socket.get(link::by_name(bridge)));
    link.map_err(|error| format!("cannot look for {}: {error}", Printable(bridge)))
}

/// libvirt would say "Cannot get interface MTU", after it has done most of the start.
fn absent(bridge: &str) -> String {
    let bridge = Printable(bridge);
    format!(
        "there is no bridge {bridge}; to have it made, set its uplink under [bridge.{bridge}] in /etc/virt-bridge.toml"
    )
}

/// Filters the XML by the rules; nothing is written where none changes anything, and libvirt then takes the original.
///
/// Where the rules or the XML cannot be read the domain is refused: it stays where it is, running or in its file, and
/// can come once that is mended. On the networks that another host's XML names it might run without any, or on a wrong
/// one.
fn arrive(call: &HookCall, begun: Instant, log: &Log) -> Result<(), String> {
    let xml = read(begun)?;
    let config = Config::load("/".as_ref()).map_err(|error| error.to_string())?;
    if config.interfaces.is_empty() {
        return Ok(());
    }
    let patched = patch(&xml, &config.interfaces)?;
    if let Some(xml) = patched.xml() {
        let mut stdout = std::io::stdout();
        let written = stdout.write_all(xml).and_then(|()| stdout.flush());
        written.map_err(|error| format!("cannot write the domain's XML: {error}"))?;
    }
    report(call, &patched, log);
    Ok(())
}

fn report(call: &HookCall, patched: &Patched, log: &Log) {
    for (interface, change) in patched.changes() {
        log.info(&format!("{call}: {interface}: {}", change.told_of(interface)));
    }
    for (interface, refusal) in patched.refusals() {
        log.warning(&format!("{call}: {interface}: {refusal}"));
    }
}

/// The domain's XML. The configuration may set another deadline, but is read only by those who need it.
fn read(begun: Instant) -> Result<Vec<u8>, String> {
    let deadline = Deadline::since(begun, Hook::default().deadline);
    // One byte more, so that what is too large is seen to be.
    let limit = domain::LARGEST as u64 + 1;
    let mut xml = Vec::new();
    let read = TimedInput::new(hook_main::stdin(), deadline).take(limit).read_to_end(&mut xml);
    read.map(|_| xml).map_err(|error| format!("cannot read the domain's XML: {error}"))
}

fn patch<'a>(xml: &'a [u8], rules: &'a [InterfaceRule]) -> Result<Patched<'a>, String> {
    domain::patch(xml, rules).map_err(|error| format!("cannot read the domain's XML: {error}"))
}
