//! The figures of a run, as JSON and as a table.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use serde::Serialize;

use crate::{
    clock::Pauses,
    lookup::Answers,
    silence::{Arrival, Losses, Silence, Watch, losses, silence},
    tcp::{Received, Written},
    udp::Sent,
};

/// Everything that one run measured. Names of streams say family and direction: `v4 out` leaves the namespace inside.
#[derive(Serialize)]
pub struct Report {
    pub command: Option<Command>,
    pub udp: Vec<Udp>,
    pub tcp: Vec<Tcp>,
    pub lookups: Vec<Lookups>,
    /// Pauses of the prober itself, by thread: what it missed, it cannot have seen.
    pub pauses: BTreeMap<&'static str, Pause>,
}

#[derive(Serialize)]
pub struct Command {
    /// The exit code, or nothing if a signal ended it.
    pub status: Option<i32>,
    pub ms: f64,
}

#[derive(Serialize)]
pub struct Udp {
    pub name: String,
    pub sent: u64,
    pub unsendable: u64,
    pub refused: BTreeMap<String, u64>,
    #[serde(flatten)]
    pub losses: Losses,
    #[serde(flatten)]
    pub silence: Silence,
}

#[derive(Serialize)]
pub struct Tcp {
    pub name: String,
    pub written: u64,
    pub received: u64,
    #[serde(flatten)]
    pub stall: Silence,
    pub error: Option<String>,
}

#[derive(Serialize)]
pub struct Lookups {
    pub address: IpAddr,
    pub lookups: u64,
    pub failed: u64,
    pub errors: BTreeMap<String, u64>,
    pub other_source: u64,
    pub longest_without_us: f64,
}

#[derive(Serialize)]
pub struct Pause {
    pub skipped: u64,
    pub longest_us: f64,
}

impl Udp {
    pub fn new(name: String, sent: Sent, arrivals: &[Arrival], watch: Watch) -> Self {
        let silence = silence(watch, arrivals.iter().map(|arrival| arrival.received_ns));
        let losses = losses(sent.count, arrivals);
        Udp { name, sent: sent.count, unsendable: sent.refused.values().sum(), refused: sent.refused, losses, silence }
    }
}

impl Tcp {
    pub fn new(name: String, written: Written, received: Received, watch: Watch) -> Self {
        let stall = silence(watch, received.times_ns.into_iter());
        Tcp { name, written: written.bytes, received: received.bytes, stall, error: written.error.or(received.error) }
    }
}

impl Lookups {
    pub fn new(address: IpAddr, answers: Answers) -> Self {
        Lookups {
            address,
            lookups: answers.lookups,
            failed: answers.failed.values().sum(),
            errors: answers.failed,
            other_source: answers.other_source,
            longest_without_us: answers.longest_without_ns as f64 / 1e3,
        }
    }
}

impl From<Pauses> for Pause {
    fn from(pauses: Pauses) -> Self {
        Pause { skipped: pauses.skipped, longest_us: pauses.longest_ns as f64 / 1e3 }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        if let Some(Command { status, ms }) = &self.command {
            let status = status.map_or("ended by a signal".into(), |status| format!("exit {status}"));
            writeln!(out, "command: {status} after {ms:.1} ms")?;
        }
        if !self.udp.is_empty() {
            let columns = ["sent", "lost", "unsendable", "gap", "gap ms", "at ms", "delay ms", "reordered", "twice"];
            header(out, "probes", &columns)?;
        }
        self.udp.iter().try_for_each(|udp| write!(out, "{udp}"))?;
        if !self.tcp.is_empty() {
            header(out, "tcp", &["written", "received", "stall ms", "at ms"])?;
        }
        self.tcp.iter().try_for_each(|tcp| write!(out, "{tcp}"))?;
        if !self.lookups.is_empty() {
            header(out, "lookups of", &["lookups", "failed", "source", "without ms"])?;
        }
        self.lookups.iter().try_for_each(|lookups| write!(out, "{lookups}"))?;
        header(out, "the prober's own pauses", &["skipped", "longest ms"])?;
        for (thread, pause) in &self.pauses {
            writeln!(out, "{thread:<24}{:>11}{:>11.2}", pause.skipped, pause.longest_us / 1e3)?;
        }
        Ok(())
    }
}

fn header(out: &mut fmt::Formatter, title: &str, columns: &[&str]) -> fmt::Result {
    write!(out, "{title:<24}")?;
    columns.iter().try_for_each(|column| write!(out, "{column:>11}"))?;
    writeln!(out)
}

fn reasons(out: &mut fmt::Formatter, reasons: &BTreeMap<String, u64>) -> fmt::Result {
    reasons.iter().try_for_each(|(errno, count)| write!(out, "  {errno}×{count}"))?;
    writeln!(out)
}

impl fmt::Display for Udp {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let Udp { name, sent, unsendable, refused, losses, silence } = self;
        write!(out, "{name:<24}{sent:>11}{:>11}{unsendable:>11}{:>11}", losses.lost, losses.longest_gap)?;
        write!(out, "{:>11.2}{:>11.1}", silence.longest_us / 1e3, silence.began_ms)?;
        write!(out, "{:>11.2}{:>11}{:>11}", losses.longest_delay_us / 1e3, losses.reordered, losses.duplicates)?;
        reasons(out, refused)
    }
}

impl fmt::Display for Tcp {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let Tcp { name, written, received, stall, error } = self;
        write!(out, "{name:<24}{written:>11}{received:>11}{:>11.2}{:>11.1}", stall.longest_us / 1e3, stall.began_ms)?;
        writeln!(out, "  {}", error.as_deref().unwrap_or_default())
    }
}

impl fmt::Display for Lookups {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let address = self.address.to_string();
        write!(out, "{address:<24}{:>11}{:>11}{:>11}", self.lookups, self.failed, self.other_source)?;
        write!(out, "{:>11.3}", self.longest_without_us / 1e3)?;
        reasons(out, &self.errors)
    }
}
