//! Who configures a link of the host, and by what proof.
//!
//! cloud-init has no file here: at run time it acts only through netplan, networkd, NetworkManager or ifupdown.

mod backup;
mod dhclient;
mod dhcpcd;
pub(crate) mod edit;
mod ifupdown;
mod lease;
mod netplan;
mod network_manager;
mod networkd;
mod persist;
mod process;
mod program;
mod rivals;
mod udhcpc;

pub use backup::{Backup, Progress, Restored};
pub use edit::{Edit, below};
pub use lease::Client;
pub use network_manager::HandOver;
pub use persist::{
    Bridge, Persistence, bring_up, give, give_until_boot, has_port, other_ports, persistence, release, strangers,
    take_back, until_boot,
};
use process::Process;
pub use rivals::rivals;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};
pub use udhcpc::pass_over_first_word;

/// A network device of our namespace.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    pub name: &'a str,
    pub index: u32,
}

/// What configures links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    Networkd,
    /// At run time it acts only through networkd or NetworkManager.
    Netplan,
    NetworkManager,
    Dhclient,
    Dhcpcd,
    Udhcpc,
    Ifupdown,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Owner::Networkd => "systemd-networkd",
            Owner::Netplan => "netplan",
            Owner::NetworkManager => "NetworkManager",
            Owner::Dhclient => "dhclient",
            Owner::Dhcpcd => "dhcpcd",
            Owner::Udhcpc => "udhcpc",
            Owner::Ifupdown => "ifupdown",
        })
    }
}

/// A sign that an owner configures the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub owner: Owner,
    /// Where the sign was seen; no control characters.
    pub evidence: String,
    /// Whether the owner acts on the link while the host runs, so that a change by somebody else does not last.
    pub live: bool,
    /// Whether `up --persist` hands the link over to the bridge.
    pub can_move: bool,
    /// What the administrator can do about it.
    pub hint: String,
}

impl Claim {
    /// The claim of a DHCP client whose lease can be handed over.
    fn movable(self, link: Link) -> Claim {
        let hint = format!("hand its lease over: virt-bridge up BRIDGE --uplink {} --persist", link.name);
        Claim { can_move: true, hint, ..self }
    }
}

/// The host as its owners see it.
struct Host<'a> {
    root: &'a Path,
    processes: Vec<Process>,
}

impl Host<'_> {
    fn processes_named(&self, comm: &str) -> impl Iterator<Item = &Process> {
        self.processes.iter().filter(move |process| process.comm == comm)
    }

    /// The file's text, with what is no UTF-8 replaced; `None` when there is no such file.
    fn text(&self, path: &str) -> Result<Option<String>, Error> {
        let path = self.root.join(path);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::read(&path, e)),
        }
    }
}

/// The names the kernel has for the programs that own links.
const COMMS: [&str; 7] = [
    networkd::COMM,
    network_manager::COMM,
    dhclient::COMM,
    dhcpcd::COMM,
    udhcpc::COMM,
    udhcpc::COMM_V6,
    udhcpc::BUSYBOX,
];

/// How an owner says what it claims of a link.
type Claims = fn(&Host, Link) -> Result<Vec<Claim>, Error>;

const OWNERS: [Claims; 6] =
    [networkd::claims, network_manager::claims, dhclient::claims, dhcpcd::claims, udhcpc::claims, ifupdown::claims];

/// Every claim on `link`, read from `proc`, `run`, `sys` and `etc` below `root`.
///
/// # Errors
/// When a source exists and can't be read: not knowing is no permission.
pub fn claims(root: &Path, link: Link) -> Result<Vec<Claim>, Error> {
    let host = Host { root, processes: process::running(root, &COMMS)? };
    let mut claims = Vec::new();
    for owner in OWNERS {
        claims.extend(owner(&host, link)?);
    }
    Ok(claims)
}

/// What the claims mean for a takeover.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict<'a> {
    /// Reasons to refuse: these owners would undo the takeover.
    pub refusals: Vec<&'a Claim>,
    /// Reasons to warn: these owners bring the old state back at the next boot.
    pub warnings: Vec<&'a Claim>,
}

/// Sorts claims into reasons to refuse and reasons to warn.
pub fn verdict(claims: &[Claim]) -> Verdict<'_> {
    let (refusals, warnings) = claims.iter().partition(|claim| claim.live);
    Verdict { refusals, warnings }
}

/// What kept us from learning who owns a link.
#[derive(Debug)]
pub struct Error {
    path: PathBuf,
    source: io::Error,
}

impl Error {
    fn read(path: &Path, source: io::Error) -> Self {
        Error { path: path.to_owned(), source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "read {}: {}", self.path.display(), self.source)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// The claim of a DHCP client, whose hint is the same for each of them.
fn lease_claim(owner: Owner, link: Link, process: &Process, scope: &str) -> Claim {
    Claim {
        owner,
        evidence: format!("process {} ({owner}) runs for {scope}", process.pid),
        live: true,
        can_move: false,
        // Telling the client to stop is no advice: its script then takes the address away.
        hint: format!(
            "only a lease of a client that serves {0} alone, as ifupdown starts it, can go over: have `iface {0} inet dhcp` in \
             /etc/network/interfaces, and no other {owner}, and reboot",
            link.name
        ),
    }
}
