//! ifupdown: Debian's, BusyBox's and ifupdown-ng.

use super::{Claim, Error, Host, Link, Owner};

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
