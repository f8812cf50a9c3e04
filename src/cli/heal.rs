//! `virt-bridge heal`: guests' taps that fell off their bridges become ports again, without a restart of anything; a bridge
//! that was set down gets back what it took over; and a DHCP client that a killed run left between two links goes on.

use std::path::Path;

use nix::errno::Errno;

use super::done::Done;
use super::exit::Failure;
use super::leases;
use crate::bridge::{self, Belongings, Receipt, Snapshot};
use crate::check::{emptied, fallen, since_boot};
use crate::libvirt::taps::{self, Tap};
use crate::libvirt::vlans::Vlans;
use crate::netlink::{Link, PortVlan, Request, Socket, bridge_vlan, link};
use crate::transfer::Transfer;

#[derive(clap::Args)]
pub struct Arguments {
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    if !arguments.dry_run {
        super::capability::require("heal")?;
    }
    super::capability::warn_of_unreadable();
    let mut done = Done { done: Vec::new(), failures: Vec::new() };
    for bridge in Transfer::interrupted_bridges() {
        if !arguments.dry_run {
            leases::settle_earlier(&bridge)?;
        }
        done.done.push(format!("the DHCP client of {bridge} or its uplink goes on where the address is"));
    }
    let unread = |error| Failure::unchanged(format!("cannot read the network state: {error}"));
    let mut socket = Socket::open().map_err(unread)?;
    let snapshot = Snapshot::take(&mut socket).map_err(unread)?;
    for (receipt, lost) in emptied(&snapshot, &since_boot()) {
        give_back(&mut socket, receipt, &lost, arguments.dry_run, &mut done);
    }
    let taps = taps::of_running_guests(Path::new("/"));
    let fallen = fallen(&snapshot, &taps);
    for (tap, port, bridge) in &fallen {
        let requests = requests(&snapshot, tap, *port, *bridge);
        match requests.and_then(|it| if arguments.dry_run { Ok(()) } else { attach(&mut socket, *port, &it) }) {
            Ok(()) => done.done.push(told(tap)),
            Err(error) => done.failures.push(format!("{}: {error}", told(tap))),
        }
    }
    done.tell(arguments.json)
}

/// Gives the bridge of a takeover what it has lost.
fn give_back(socket: &mut Socket, receipt: &Receipt, lost: &Belongings, dry_run: bool, done: &mut Done) {
    for (what, request) in bridge::gives(lost, receipt) {
        let outcome = if dry_run { Ok(vec![Ok(())]) } else { socket.batch(&[request]) };
        let refusal = outcome.map(|outcomes| outcomes.into_iter().find_map(Result::err));
        match refusal {
            Ok(None) => done.done.push(what),
            // The kernel makes a route to a prefix by itself, with its address.
            Ok(Some(error)) if error.errno == Errno::EEXIST => {}
            Ok(Some(error)) => done.failures.push(format!("{what}: {error}")),
            Err(error) => done.failures.push(format!("{what}: {error}")),
        }
    }
}

fn told(tap: &Tap) -> String {
    let isolated = if tap.isolated { ", isolated" } else { "" };
    let bridge = tap.bridge.as_deref().unwrap_or_default();
    let tags: Vec<String> = tap.vlans.tags.iter().map(u16::to_string).collect();
    let vlans = if tags.is_empty() { String::new() } else { format!(" with VLAN {}", tags.join(", ")) };
    format!("{} of guest {} becomes a port of {bridge}{vlans}{isolated} again", tap.link, tap.domain)
}

/// The VLANs that the tap has as a port, as libvirt gives them (virNetDevBridgeSetupVlans of libvirt 11.3); none where it
/// says nothing of VLANs, and the bridge's own default counts.
fn port_vlans(vlans: &Vlans) -> Vec<PortVlan> {
    let native =
        vlans.native.map(|native| PortVlan { id: native.tag, is_native: true, is_untagged: !native.is_tagged });
    let access = |id: u16| PortVlan { id, is_native: true, is_untagged: true };
    let tagged = |id: u16| PortVlan { id, is_native: false, is_untagged: false };
    if !vlans.is_trunk() {
        return vlans.tags.first().map(|tag| access(*tag)).into_iter().collect();
    }
    let others = vlans.tags.iter().filter(|tag| native.is_none_or(|native| native.id != **tag));
    native.into_iter().chain(others.map(|tag| tagged(*tag))).collect()
}

/// What puts the tap back.
///
/// # Errors
/// When the bridge keeps no VLANs apart: without them the guest would be in a network that it must not be in.
fn requests(snapshot: &Snapshot, tap: &Tap, port: u32, bridge: u32) -> Result<Vec<Request>, String> {
    let vlans = port_vlans(&tap.vlans);
    let name = tap.bridge.as_deref().unwrap_or_default();
    let parameters = snapshot.link(name).and_then(Link::bridge_parameters).unwrap_or_default();
    if !vlans.is_empty() && parameters.vlan_filtering != Some(true) {
        return Err(format!(
            "it has VLANs, and {name} keeps none apart: set vlan-filtering = true under [bridge.{name}], virt-bridge up {name}"
        ));
    }
    // Down until it has its limits: up, it would be without them for a moment.
    let mut requests = vec![link::set_up(port, false), link::set_master(port, bridge)];
    if !vlans.is_empty() {
        // Every port is in the bridge's default VLAN at first.
        requests.push(bridge_vlan::remove(port, 1));
    }
    requests.extend(vlans.into_iter().map(|vlan| bridge_vlan::add(port, vlan)));
    requests.extend(tap.isolated.then(|| link::set_isolated(port, true)));
    requests.push(link::set_up(port, true));
    Ok(requests)
}

fn attach(socket: &mut Socket, port: u32, requests: &[Request]) -> Result<(), String> {
    let outcomes = socket.batch(requests).map_err(|error| error.to_string())?;
    let Some(failure) = outcomes.into_iter().find_map(Result::err) else { return Ok(()) };
    // Half of its limits are none.
    let back = socket.batch(&[link::set_master(port, 0), link::set_up(port, true)]).map(drop);
    Err(back.map_or_else(|error| format!("{failure}; it stays so: {error}"), |()| failure.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libvirt::vlans::Native;

    #[test]
    fn a_tap_gets_the_vlans_that_libvirt_gives_it() {
        let vlans = |tags: &[u16], says_trunk: bool, native: Option<(u16, bool)>| Vlans {
            tags: tags.to_vec(),
            says_trunk,
            native: native.map(|(tag, is_tagged)| Native { tag, is_tagged }),
        };
        for (vlans, expected) in [
            (vlans(&[], false, None), &[][..]),
            (vlans(&[7], false, None), &[(7, true, true)][..]),
            // The kind is told by the number of tags and by trunk alone.
            (vlans(&[7], false, Some((7, true))), &[(7, true, true)]),
            (vlans(&[7], true, None), &[(7, false, false)]),
            (vlans(&[7, 9], false, None), &[(7, false, false), (9, false, false)]),
            (vlans(&[7, 9], true, Some((9, false))), &[(9, true, true), (7, false, false)]),
            (vlans(&[7, 9], true, Some((9, true))), &[(9, true, false), (7, false, false)]),
        ] {
            let got: Vec<_> =
                port_vlans(&vlans).iter().map(|vlan| (vlan.id, vlan.is_native, vlan.is_untagged)).collect();
            assert_eq!(got, expected, "{vlans:?}");
        }
    }
}
