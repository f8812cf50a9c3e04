//! What has to be written so that the kernel is as the policy wants it.

use std::fmt::{self, Display, Formatter};
use std::path::Path;

use nix::errno::Errno;

use super::state::{self, State, key};
use super::{policy, writers};
use crate::config::Config;
use crate::log::Log;
use crate::netlink::{Error, NetfilterCalls, Socket, netfilter_calls};

/// As many messages as surely fit the socket's buffers, and an unprivileged process cannot enlarge them.
const BATCH: usize = 100;

/// The values that are not as they should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The bridges' own flags, written first.
    pub bridges: Vec<BridgeChange>,
    /// The sysctls' new values.
    pub sysctls: NetfilterCalls,
    /// Sysctls that are wanted and that the kernel does not have.
    pub missing_sysctls: NetfilterCalls,
    /// Bridges whose wanted flags the kernel does not have.
    pub missing_flags: Vec<String>,
}

/// New values of one bridge's flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeChange {
    /// The bridge's name.
    pub name: String,
    /// Its index.
    pub index: u32,
    /// What changes.
    pub calls: NetfilterCalls,
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What was written.
    pub done: Change,
    /// What could not be, one line each.
    pub failures: Vec<String>,
}

impl Outcome {
    /// Says what was written, and what could not be.
    pub fn tell(&self, log: &Log) {
        if !self.done.is_empty() {
            log.info(&format!("bridge netfilter: {}", self.done));
        }
        self.failures.iter().for_each(|failure| log.warning(&format!("bridge netfilter: {failure}")));
    }

    /// The same, where somebody else wrote a sysctl that was right before: with who that likely was.
    pub fn tell_of_drift(&self, log: &Log) {
        self.tell(log);
        self.done.drift().iter().for_each(|line| log.warning(&format!("bridge netfilter: {line}")));
    }
}

impl Change {
    /// Compares what is with what is wanted; reads and writes nothing.
    pub fn between(state: &State, config: &Config, is_libvirts: impl Fn(&str) -> bool) -> Self {
        let mut change = Change::default();
        if let Some(present) = state.sysctls {
            let wanted = policy::for_all(config).calls;
            change.sysctls = wanted.difference(present);
            change.missing_sysctls = wanted.missing_from(present);
        }
        for bridge in &state.bridges {
            let wanted = policy::for_bridge(config, &bridge.name, &is_libvirts).calls;
            let calls = wanted.difference(bridge.calls);
            if !calls.is_empty() {
                change.bridges.push(BridgeChange { name: bridge.name.clone(), index: bridge.index, calls });
            }
            // A flag that is to be 0 and does not exist is as good as 0.
            if wanted.missing_from(bridge.calls).named().any(|(_, filtered)| filtered) {
                change.missing_flags.push(bridge.name.clone());
            }
        }
        change
    }

    /// Who likely wrote the sysctls that change, one line each.
    pub fn drift(&self) -> Vec<String> {
        let line = |(table, on): (&str, bool)| {
            let writers = writers::likely(Path::new("/"), table, !on).join(", or ");
            format!("somebody set net.bridge.{} to {}; likely {writers}", key(table), u8::from(!on))
        };
        self.sysctls.named().map(line).collect()
    }

    /// Whether nothing has to be written.
    pub fn is_empty(&self) -> bool {
        self.bridges.is_empty() && self.sysctls.is_empty()
    }

    /// Writes; what can be written is, whatever fails.
    ///
    /// # Errors
    /// When the kernel cannot be spoken to at all.
    pub fn carry_out(self, socket: &mut Socket) -> Result<Outcome, Error> {
        let mut outcome = Outcome { failures: self.missing(), ..Outcome::default() };
        let mut refused: Vec<(Errno, String)> = Vec::new();
        for part in self.bridges.chunks(BATCH) {
            let requests: Vec<_> = part.iter().map(|bridge| netfilter_calls::set(bridge.index, bridge.calls)).collect();
            for (bridge, result) in part.iter().zip(socket.batch(&requests)?) {
                match result {
                    Ok(()) => outcome.done.bridges.push(bridge.clone()),
                    // It was deleted meanwhile.
                    Err(error) if error.errno == Errno::ENODEV => {}
                    Err(error) => refused.push((error.errno, bridge.name.clone())),
                }
            }
        }
        outcome.failures.extend(told_together(&refused));
        let mut written = [None; 3];
        for ((table, filtered), written) in
            NetfilterCalls::TABLES.iter().zip(<[Option<bool>; 3]>::from(self.sysctls)).zip(&mut written)
        {
            let Some(filtered) = filtered else { continue };
            match state::write(table, filtered) {
                Ok(()) => *written = Some(filtered),
                Err(error) => outcome.failures.push(format!("cannot set net.bridge.{}: {error}", key(table))),
            }
        }
        outcome.done.sysctls = written.into();
        Ok(outcome)
    }

    /// What is wanted and the kernel does not have, one line each.
    pub fn missing(&self) -> Vec<String> {
        let sysctls = self.missing_sysctls.named();
        let mut lines: Vec<String> =
            sysctls.map(|(table, _)| format!("this kernel has no net.bridge.{}", key(table))).collect();
        if !self.missing_flags.is_empty() {
            lines.push(format!("this kernel has no nf_call flags for bridges: {}", listed(&self.missing_flags)));
        }
        lines
    }
}

/// One line for each errno, however many bridges it was.
fn told_together(refused: &[(Errno, String)]) -> Vec<String> {
    let mut errnos: Vec<Errno> = refused.iter().map(|(errno, _)| *errno).collect();
    errnos.sort_by_key(|errno| *errno as i32);
    errnos.dedup();
    let line = |errno: Errno| {
        let names: Vec<String> =
            refused.iter().filter(|(other, _)| *other == errno).map(|(_, name)| name.clone()).collect();
        format!("cannot set the nf_call flags of {}: {}", listed(&names), errno.desc())
    };
    errnos.into_iter().map(line).collect()
}

/// A few names, and how many more.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 5;
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..SHOWN].join(", ")),
    }
}

/// One line for the log: `bridge-nf-call-iptables 1 → 0; docker0 nf_call_iptables 0 → 1`.
impl Display for Change {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let bit = u8::from;
        let sysctls = self.sysctls.named().map(|(table, on)| format!("{} {} → {}", key(table), bit(!on), bit(on)));
        let bridge = |bridge: &BridgeChange| {
            let flags = bridge.calls.named().map(|(table, on)| format!("nf_call_{table} {} → {}", bit(!on), bit(on)));
            format!("{}: {}", bridge.name, flags.collect::<Vec<_>>().join(", "))
        };
        let mut parts: Vec<String> = sysctls.collect();
        const SHOWN: usize = 5;
        parts.extend(self.bridges.iter().take(SHOWN).map(bridge));
        if self.bridges.len() > SHOWN {
            parts.push(format!("{} more bridges", self.bridges.len() - SHOWN));
        }
        f.write_str(&parts.join("; "))
    }
}
