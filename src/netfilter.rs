//! Bridge netfilter: which bridges pass their packets to the host's packet filters, as the policy says.
//!
//! The kernel filters a packet when the sysctl for all bridges says so, or the bridge's own flag (br_netfilter_hooks.c,
//! br_nf_pre_routing: `!brnet->call_iptables && !br_opt_get(br, BROPT_NF_CALL_IPTABLES)`). So a bridge can opt in while
//! the sysctl is 0, and cannot opt out while it is 1. The sysctls are there once the module br_netfilter is loaded,
//! which sets them to 1; the flags are there without it.
//!
//! [`State`] → [`policy`] → [`Change`], which is carried out bridges first: container engines' own flags are set before
//! a sysctl goes to 0, so that none of their packets passes unfiltered between the two.

mod change;
pub mod conflict;
pub mod docker;
pub mod forward;
pub mod policy;
mod state;
pub mod writers;

use std::cell::OnceCell;
use std::path::Path;
use std::time::Duration;

pub use change::{Change, Outcome};
pub use state::{Bridge, State, is_loaded, wait_for_sysctls};

use crate::config::Config;
use crate::libvirt::networks;
use crate::netlink::{self, Link, Socket, link, netfilter_calls};

/// How long the sysctls may take to appear after the module's event: kernels before commit 38dc717e9715 send it before
/// the module's own start has finished.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// The bridges of libvirt's networks under a root directory, read when the first bridge with a container engine's name
/// is met.
pub struct LibvirtBridges<'a> {
    root: &'a Path,
    names: OnceCell<Vec<String>>,
}

impl<'a> LibvirtBridges<'a> {
    /// Those under `root` (`/` on a host); reads nothing yet.
    pub fn under(root: &'a Path) -> Self {
        LibvirtBridges { root, names: OnceCell::new() }
    }

    /// Whether a network of libvirt uses the bridge.
    pub fn contains(&self, bridge: &str) -> bool {
        self.names.get_or_init(|| networks::bridges(self.root)).iter().any(|name| name == bridge)
    }
}

/// What the policy changes on the whole host.
///
/// # Errors
/// When the kernel cannot be asked.
pub fn plan(socket: &mut Socket, config: &Config) -> Result<(State, Change), netlink::Error> {
    let state = State::read(socket)?;
    let libvirt = LibvirtBridges::under(Path::new("/"));
    let change = Change::between(&state, config, |bridge| libvirt.contains(bridge));
    Ok((state, change))
}

/// Applies the policy to the sysctls and to every bridge. What is right already is not written.
///
/// # Errors
/// When the kernel cannot be asked; what it refuses is in the outcome.
pub fn apply(config: &Config) -> Result<Outcome, netlink::Error> {
    let mut socket = Socket::open()?;
    let (_, change) = plan(&mut socket, config)?;
    change.carry_out(&mut socket)
}

/// Applies the policy to one bridge, and to nothing else.
///
/// # Errors
/// As [`apply`]; a bridge that is gone is none.
pub fn apply_to_bridge(config: &Config, name: &str) -> Result<Outcome, netlink::Error> {
    let mut socket = Socket::open()?;
    let Some(link) = socket.get::<Link>(link::by_name(name))?.filter(Link::is_bridge) else {
        return Ok(Outcome::default());
    };
    let state = State { sysctls: None, bridges: vec![Bridge::of(&link)] };
    let libvirt = LibvirtBridges::under(Path::new("/"));
    Change::between(&state, config, |bridge| libvirt.contains(bridge)).carry_out(&mut socket)
}

/// Whether somebody else has written a sysctl, which no event tells; asked with every call of a hook.
pub fn has_drifted(config: &Config) -> bool {
    let wanted = policy::sysctls(config);
    wanted.named().any(|(table, wanted)| state::peek(table).is_some_and(|present| present != wanted))
}

/// The same for a flag of a bridge that a guest or a network of libvirt uses. Those of other bridges are left to
/// [`apply`]: their engines set them when they make them, and of that udev tells.
pub fn has_drifted_on(config: &Config, bridge: &Link) -> bool {
    let wanted = policy::for_libvirts_bridge(config, &bridge.name());
    !wanted.difference(netfilter_calls::of(bridge)).is_empty()
}
