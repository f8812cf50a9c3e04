//! Bridge netfilter as the kernel has it.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::netlink::{Error, Link, NetfilterCalls, Socket, netfilter_calls};
use crate::sysctl;

const SYSCTLS: &str = "/proc/sys/net/bridge";

/// The sysctls of this network namespace, and its bridges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// `net.bridge.bridge-nf-call-…`; nothing when br_netfilter is not loaded.
    pub sysctls: Option<NetfilterCalls>,
    /// Every bridge.
    pub bridges: Vec<Bridge>,
}

/// A bridge and its own flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// Its name.
    pub name: String,
    /// The number by which messages name it.
    pub index: u32,
    /// `nf_call_…`
    pub calls: NetfilterCalls,
}

impl Bridge {
    /// What a link says, which must be a bridge.
    pub fn of(link: &Link) -> Self {
        Bridge { name: link.name(), index: link.index, calls: netfilter_calls::of(link) }
    }
}

impl State {
    /// Reads the state: the sysctls, and all bridges in one dump.
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    pub fn read(socket: &mut Socket) -> Result<Self, Error> {
        let links: Vec<Link> = socket.dump(netfilter_calls::bridges())?;
        // Without the module bridge, or before Linux 4.6, there is no such filter, and every link is in the answer.
        let bridges = links.iter().filter(|link| link.is_bridge()).map(Bridge::of).collect();
        Ok(State { sysctls: sysctls(), bridges })
    }

    /// What happens to a packet on a bridge with these flags: the sysctl or the flag decides that it is filtered.
    /// Without the module nothing is.
    pub fn effective(&self, calls: NetfilterCalls) -> NetfilterCalls {
        match self.sysctls {
            None => NetfilterCalls::all(false),
            Some(sysctls) => calls.zip(sysctls, |flag, sysctl| Some(flag.unwrap_or(false) || sysctl.unwrap_or(false))),
        }
    }
}

/// The sysctls; one that the kernel does not have is not there. Nothing when br_netfilter is not loaded.
pub(super) fn sysctls() -> Option<NetfilterCalls> {
    is_loaded().then(|| NetfilterCalls::TABLES.map(read).into())
}

/// Whether br_netfilter is there, as a module or built in.
pub fn is_loaded() -> bool {
    Path::new(SYSCTLS).exists()
}

/// Waits until the sysctls are there; tells whether they are.
pub fn wait_for_sysctls(patience: Duration) -> bool {
    let deadline = Deadline::after(patience);
    loop {
        match is_loaded() {
            false if !deadline.has_passed() => std::thread::sleep(Duration::from_millis(10)),
            loaded => return loaded,
        }
    }
}

/// Reads one sysctl; nothing where the kernel does not have it.
fn read(table: &str) -> Option<bool> {
    sysctl::read_digit(&["net", "bridge", &key(table)]).map(|value| value != 0)
}

/// The same for a program that is about to end.
pub(super) fn peek(table: &str) -> Option<bool> {
    sysctl::peek_digit(&["net", "bridge", &key(table)]).map(|value| value != 0)
}

pub(super) fn write(table: &str, filtered: bool) -> io::Result<()> {
    sysctl::write(&["net", "bridge", &key(table)], if filtered { "1" } else { "0" })
}

/// The last part of the sysctl's name.
pub(super) fn key(table: &str) -> String {
    format!("bridge-nf-call-{table}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_filtered_when_the_sysctl_or_the_flag_says_so() {
        let sysctls = NetfilterCalls { iptables: Some(false), ip6tables: Some(true), arptables: None };
        let state = State { sysctls: Some(sysctls), bridges: Vec::new() };
        let flags = NetfilterCalls { iptables: Some(true), ip6tables: Some(false), arptables: Some(false) };
        assert_eq!(state.effective(flags), [Some(true), Some(true), Some(false)].into());
        assert_eq!(State::default().effective(flags), NetfilterCalls::all(false));
    }
}
