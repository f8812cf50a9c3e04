//! ifupdown: Debian's, BusyBox's, ifupdown-ng and ifupdown2.

mod bridge_options;
mod bring_up;
mod interfaces;
mod render;
mod stanza;
mod state;
mod words;

use std::path::Path;

use super::persist::{Bridge, Persistence};
use super::{Claim, Error, Host, Link, Owner, edit};
use bridge_options::Maker;
use interfaces::Kind;

pub use bring_up::bring_up;
pub use stanza::stanza;
pub use state::{forget, note};

/// Where the state is kept: by Debian's ifupdown, and by BusyBox and ifupdown-ng.
const STATE_FILES: [&str; 2] = ["run/network/ifstate", "run/ifstate"];

/// What ifupdown2 leaves where it has run since the boot (`state_runlockfile` in its statemanager.py).
const STATE_LOCK: &str = "run/network/ifstatelock";

/// The program of ifupdown2, which stands in the place of Debian's ifupdown. Its configuration stays behind when it goes.
const IFUPDOWN2: &str = "/usr/share/ifupdown2/__main__.py";

/// ifupdown acts when it is called and at boot only, so its claim is never live; a DHCP client that it started is.
pub fn claims(host: &Host, link: Link) -> Result<Vec<Claim>, Error> {
    let mut evidence = Vec::new();
    for path in STATE_FILES {
        let state = host.text(path)?.unwrap_or_default();
        let line = state.lines().find(|line| configured_link(line) == Some(link.name));
        evidence.extend(line.map(|line| format!("/{path} says {}", line.escape_debug())));
    }
    if host.text(STATE_LOCK)?.is_some() {
        // Its state is one of Python's own, so its files have to say what it has brought up.
        evidence.extend(stanza(host.root, link.name).ok().flatten().map(|stanza| stanza.claim.evidence));
    }
    let hint = format!("the next boot configures {} as /etc/network/interfaces says, without the bridge", link.name);
    let claim = |evidence| Claim { owner: Owner::Ifupdown, evidence, live: false, can_move: true, hint: hint.clone() };
    Ok(evidence.into_iter().map(claim).collect())
}

/// The link of a line such as `eth0=home` or, for an alias, `eth0:1=eth0:1`.
fn configured_link(line: &str) -> Option<&str> {
    let (interface, _stanza) = line.split_once('=')?;
    interface.split(':').next()
}

/// The change of `/etc/network/interfaces`, or of the sourced file that has the uplink's stanzas.
///
/// # Errors
/// One line for each reason why it cannot be made.
pub fn persistence(root: &Path, bridge: &Bridge) -> Result<Persistence, Vec<String>> {
    let is_there = |path: &str| edit::below(root, Path::new(path)).symlink_metadata().is_ok();
    let maker = match () {
        () if is_ifupdown2(root) => Maker::Ifupdown2,
        () if is_there("/etc/network/if-pre-up.d/bridge") => Maker::BridgeUtils,
        () => Maker::Commands,
    };
    let files = interfaces::read(root).map_err(|error| vec![error])?;
    render::render(&files, bridge, maker)
}

/// Whether ifupdown2 reads the files below `root`.
fn is_ifupdown2(root: &Path) -> bool {
    edit::below(root, Path::new(IFUPDOWN2)).exists()
}

/// The options of the link's stanza for IPv4 by DHCP, each a name and a value.
///
/// # Errors
/// One line that names the file that cannot be read.
pub fn dhcp_options(root: &Path, link: &str) -> Result<Vec<(String, String)>, String> {
    let files = interfaces::read(root)?;
    let mut options = Vec::new();
    for file in &files {
        let mut is_meant = false;
        for line in &file.lines {
            match line.kind {
                Kind::Iface => is_meant = line.words()[1..] == [link, "inet", "dhcp"],
                Kind::Option if is_meant => {
                    options.extend(line.option().map(|name| (name, line.words()[1..].join(" "))));
                }
                Kind::Option | Kind::Empty => {}
                _ => is_meant = false,
            }
        }
    }
    Ok(options)
}
