//! The doctor: every known trap as one small check with a name, a verdict, a sentence and the command that mends it.

mod apparmor;
mod bridges;
mod files;
mod filters;
mod forwarding;
mod hooks;
mod lasting;
mod multicast;
mod networks;
mod ports;
mod rivals;
mod takeovers;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::bridge::{Receipt, Snapshot};
use crate::config::Config;
use crate::libvirt::bridge_networks::{self, BridgeNetwork};
use crate::libvirt::taps::{self, Tap};
use crate::netfilter;
use crate::netlink::{self, Link, Socket};
use crate::picture::{self, Bridge};
use crate::shell_word::ShellWord;

pub use ports::fallen;
pub use takeovers::{emptied, since_boot, told_lost};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing was found.
    Ok,
    /// It works, but not as somebody may think, or not after the next boot.
    Warning,
    /// Guests or the host are cut off, or will be.
    Problem,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub verdict: Verdict,
    /// What is wrong, and what that means.
    pub sentence: String,
    /// The command, or the act, that mends it.
    pub mend: String,
}

impl Finding {
    fn warning(sentence: impl Into<String>, mend: impl Into<String>) -> Self {
        Finding { verdict: Verdict::Warning, sentence: sentence.into(), mend: mend.into() }
    }

    fn problem(sentence: impl Into<String>, mend: impl Into<String>) -> Self {
        Finding { verdict: Verdict::Problem, sentence: sentence.into(), mend: mend.into() }
    }
}

/// One trap.
pub struct Check {
    /// Its name, for scripts: it stays the same.
    pub name: &'static str,
    /// What it looks at.
    pub about: &'static str,
    /// Looks; what is found is never `Ok`.
    pub look: fn(&Host) -> Vec<Finding>,
}

/// Every check, the most important first.
pub const ALL: [&Check; 36] = [
    &hooks::INSTALLED,
    &hooks::EXECUTABLE,
    &apparmor::ALLOWED,
    &hooks::SEEN,
    &hooks::OTHERS,
    &hooks::LEFTOVERS,
    &apparmor::DENIED,
    &networks::ACTIVE,
    &networks::AUTOSTART,
    &networks::DIFFERS,
    &bridges::PRESENT,
    &bridges::UPLINK,
    &bridges::UP,
    &bridges::CARRIER,
    &bridges::ADDRESS,
    &takeovers::LOST,
    &bridges::WIRELESS,
    &bridges::MAC,
    &bridges::PARAMETERS,
    &bridges::SPANNING_TREE,
    &bridges::REVERSE_PATH,
    &ports::FALLEN,
    &ports::MTU,
    &ports::ADDRESSES,
    &ports::OWNER,
    &rivals::SEVERAL,
    &multicast::SNOOPING,
    &filters::POLICY,
    &filters::FIREWALL,
    &forwarding::FORWARDING,
    &takeovers::UNFINISHED,
    &takeovers::LEASES,
    &files::UNFINISHED,
    &files::UNUSED,
    &lasting::LASTING,
    &takeovers::STALE,
];

/// Those of them that look at files only, and so at those of a host that does not run, too.
pub const OF_FILES: [&Check; 7] = [
    &hooks::INSTALLED,
    &hooks::EXECUTABLE,
    &hooks::OTHERS,
    &hooks::LEFTOVERS,
    &networks::AUTOSTART,
    &rivals::SEVERAL,
    &files::UNFINISHED,
];

/// The host as the checks see it: read once.
pub struct Host {
    root: PathBuf,
    snapshot: Snapshot,
    config: Config,
    networks: Vec<BridgeNetwork>,
    taps: Vec<Tap>,
    bridges: Vec<Bridge>,
    /// The takeovers since the last boot, by bridge.
    takeovers: BTreeMap<String, Receipt>,
    netfilter: netfilter::State,
    /// What bridge netfilter has otherwise than the policy wants it.
    netfilter_change: netfilter::Change,
}

impl Host {
    /// Reads the host.
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    pub fn read(socket: &mut Socket, config: Config) -> Result<Self, netlink::Error> {
        let root = Path::new("/");
        let (netfilter, netfilter_change) = netfilter::plan(socket, &config)?;
        Ok(Host {
            root: root.into(),
            bridges: picture::look(socket, None)?,
            snapshot: Snapshot::take(socket)?,
            networks: bridge_networks::on_bridges(root),
            taps: taps::of_running_guests(root),
            takeovers: takeovers::since_boot(),
            netfilter,
            netfilter_change,
            config,
        })
    }

    /// Reads the files of a host that does not run, for the checks [`OF_FILES`].
    pub fn of_files(root: &Path, config: Config) -> Self {
        Host {
            root: root.into(),
            snapshot: Snapshot::default(),
            networks: bridge_networks::on_bridges(root),
            taps: Vec::new(),
            bridges: Vec::new(),
            takeovers: BTreeMap::new(),
            netfilter: netfilter::State::default(),
            netfilter_change: netfilter::Change::default(),
            config,
        }
    }

    /// Where an absolute path of the host is.
    fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The libvirt networks whose bridges are not libvirt's own.
    fn bridged_networks(&self) -> impl Iterator<Item = &BridgeNetwork> {
        self.networks.iter().filter(|network| network.bridged)
    }

    /// The bridges that are configured, that such a network uses, or that have taken something over.
    fn our_bridges(&self) -> BTreeSet<&str> {
        let known = self.config.bridges.keys().chain(self.takeovers.keys()).map(String::as_str);
        known.chain(self.bridged_networks().map(|network| network.bridge.as_str())).collect()
    }

    /// The uplink of the bridge's last takeover, where the configuration says nothing of that bridge.
    fn taken_uplink(&self, bridge: &str) -> Option<&str> {
        let taken = self.takeovers.get(bridge).filter(|_| !self.config.bridges.contains_key(bridge));
        taken?.uplink.as_ref().map(|uplink| uplink.name.as_str())
    }

    /// The command that makes the bridge as it should be.
    fn up(&self, bridge: &str) -> String {
        match self.taken_uplink(bridge) {
            None if !self.config.bridges.contains_key(bridge) => {
                format!("virt-bridge up {} --uplink NIC, with the NIC that leads to the LAN", ShellWord(bridge))
            }
            uplink => self.up_with(bridge, uplink),
        }
    }

    /// The command that makes the bridge with this uplink, which need not be said where the configuration has the bridge.
    fn up_with(&self, bridge: &str, uplink: Option<&str>) -> String {
        let uplink = uplink.filter(|_| !self.config.bridges.contains_key(bridge));
        let uplink = uplink.map(|uplink| format!(" --uplink {}", ShellWord(uplink))).unwrap_or_default();
        format!("virt-bridge up {}{uplink}", ShellWord(bridge))
    }

    /// Those of them that are there, as bridges.
    fn present_bridges(&self) -> impl Iterator<Item = &Bridge> {
        let ours = self.our_bridges();
        self.bridges.iter().filter(move |bridge| ours.contains(bridge.name.as_str()))
    }

    fn link(&self, name: &str) -> Option<&Link> {
        self.snapshot.link(name)
    }
}
