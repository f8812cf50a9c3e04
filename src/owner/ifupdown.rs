//! ifupdown: Debian's, BusyBox's and ifupdown-ng.

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

/// ifupdown acts when it is called and at boot only, so its claim is never live; a DHCP client that it started is.
pub fn claims(host: &Host, link: Link) -> Result<Vec<Claim>, Error> {
    let mut claims = Vec::new();
    for path in STATE_FILES {
        let state = host.text(path)?.unwrap_or_default();
        if let Some(line) = state.lines().find(|line| configured_link(line) == Some(link.name)) {
            claims.push(Claim {
                owner: Owner::Ifupdown,
                evidence: format!("/{path} says {}", line.escape_debug()),
                live: false,
                can_move: true,
                hint: format!(
                    "the next boot configures {} as /etc/network/interfaces says, without the bridge",
                    link.name
                ),
            });
        }
    }
    Ok(claims)
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
    if is_there("/etc/network/ifupdown2") {
        return Err(vec!["ifupdown2 is installed, whose configuration cannot be written yet".into()]);
    }
    let maker = if is_there("/etc/network/if-pre-up.d/bridge") { Maker::BridgeUtils } else { Maker::Commands };
    let files = interfaces::read(root).map_err(|error| vec![error])?;
    render::render(&files, bridge, maker)
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
