//! NetworkManager.

mod checkpoint;
mod device;
mod hand_over;
mod keyfile;
mod profiles;
mod refusal;
mod render;
mod uuid;

use std::path::Path;

use super::persist::{Bridge, Persistence};
use super::{Claim, Error, Host, Link, Owner};
use crate::netlink::address::IFA_F_NOPREFIXROUTE;
use crate::netlink::{Address, Route};
use device::Device;
use keyfile::Keyfile;

pub use hand_over::{HandOver, bring_up, other_ports, settle, take_back};

pub const COMM: &str = "NetworkManager";

/// NetworkManager's own word for the device, believed only while it runs: the file outlives it.
pub fn claims(host: &Host, link: Link) -> Result<Vec<Claim>, Error> {
    let Some(process) = host.processes_named(COMM).next() else { return Ok(Vec::new()) };
    let path = format!("run/NetworkManager/devices/{}", link.index);
    let state = Keyfile::parse(&host.text(&path)?.unwrap_or_default());
    let evidence = match state.value("device", "managed") {
        Some("false") => return Ok(Vec::new()),
        Some(managed) => format!("/{path} says managed={}{}", managed.escape_debug(), profile(&state)),
        // It says nothing of devices that it has been told to leave alone, nor of those that it waits to get a carrier.
        None if has_carrier(host, link)? => return Ok(Vec::new()),
        None => format!("process {} ({COMM}) runs, and {} has no carrier to tell whose it is", process.pid, link.name),
    };
    Ok(vec![Claim {
        owner: Owner::NetworkManager,
        evidence,
        live: true,
        can_move: true,
        hint: format!("let NetworkManager hand it over: virt-bridge up BRIDGE --uplink {} --persist", link.name),
    }])
}

/// The protocols of NetworkManager's routes: of the kernel's prefixes, of profiles, of DHCP and of advertisements
/// (`RTPROT_KERNEL`, `…_STATIC`, `…_DHCP` and `…_RA` of linux/rtnetlink.h).
const PROTOCOLS: [u8; 4] = [2, 4, 16, 9];

/// The addresses and routes that somebody else has made: NetworkManager makes prefix routes by itself, and so gives every
/// address the flag that the kernel is to make none (nm-l3-config-data.c).
pub fn strangers(addresses: &[Address], routes: &[Route]) -> Vec<String> {
    let made_by_hand = |address: &&Address| !address.is_for_link() && address.flags() & IFA_F_NOPREFIXROUTE == 0;
    let addresses = addresses.iter().filter(made_by_hand).map(|address| format!("address {address}"));
    let routes = routes.iter().filter(|route| !PROTOCOLS.contains(&route.protocol));
    addresses.chain(routes.map(|route| format!("route {route}"))).collect()
}

/// The change of NetworkManager's profiles.
///
/// # Errors
/// One line for each reason why it cannot be made.
pub fn persistence(root: &Path, bridge: &Bridge) -> Result<Persistence, Vec<String>> {
    let read = || Ok((profiles::read(root)?, Device::read(root, &bridge.uplink, bridge.uplink_index)?));
    let (profiles, device) = read().map_err(|error: String| vec![error])?;
    render::render(&profiles, &device, bridge)
}

/// Whether the profile that is up on the link makes it a port of the bridge.
///
/// # Errors
/// One line that says what cannot be read.
pub fn has_port(root: &Path, bridge: &str, link: Link) -> Result<bool, String> {
    let up = Device::read(root, link.name, link.index)?.profile;
    let profiles = profiles::read(root)?;
    let port = profiles.iter().find(|profile| Some(profile.uuid()) == up.as_deref());
    let Some(controller) = port.and_then(|port| port.controller()) else { return Ok(false) };
    let is_it = |profile: &profiles::Profile| render::is_of_bridge(profile, bridge) && profile.is_meant_by(controller);
    Ok(controller == bridge || profiles.iter().any(is_it))
}

fn profile(state: &Keyfile) -> String {
    match state.value("device", "connection-uuid") {
        Some(uuid) => format!(" with profile {}", uuid.escape_debug()),
        None => String::new(),
    }
}

fn has_carrier(host: &Host, link: Link) -> Result<bool, Error> {
    match host.text(&format!("sys/class/net/{}/carrier", link.name)) {
        Ok(carrier) => Ok(carrier.is_some_and(|carrier| carrier.trim() == "1")),
        // The kernel refuses to say for a link that is down (net-sysfs.c, `carrier_show`).
        Err(e) if e.source.raw_os_error() == Some(nix::libc::EINVAL) => Ok(false),
        Err(e) => Err(e),
    }
}
