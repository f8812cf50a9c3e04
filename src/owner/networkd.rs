//! systemd-networkd.

use super::{Claim, Error, Host, Link, Owner};

/// `systemd-networkd`, cut by the kernel.
pub const COMM: &str = "systemd-network";

/// networkd's own word for the link, believed only while networkd runs: its directory outlives it
/// (`RuntimeDirectoryPreserve=yes` in systemd-networkd.service).
pub fn claims(host: &Host, link: Link) -> Result<Vec<Claim>, Error> {
    if host.processes_named(COMM).next().is_none() {
        return Ok(Vec::new());
    }
    let path = format!("run/systemd/netif/links/{}", link.index);
    let Some(state) = host.text(&path)? else { return Ok(Vec::new()) };
    let Some(admin_state) = value(&state, "ADMIN_STATE").filter(|state| claims_link(state)) else {
        return Ok(Vec::new());
    };
    let by = value(&state, "NETWORK_FILE").map(|file| format!(" by {}", file.escape_debug())).unwrap_or_default();
    Ok(vec![Claim {
        owner: Owner::Networkd,
        evidence: format!("/{path} says ADMIN_STATE={}{by}", admin_state.escape_debug()),
        live: true,
        can_move: false,
        hint: format!(
            "a link can't be handed over by systemd-networkd yet: make the bridge in a .netdev and .network file, \
             or set Unmanaged=yes for {} and reboot",
            link.name
        ),
    }])
}

/// Whether networkd, in this state (networkd-link.c, `link_state_table`), acts on the link or may soon.
fn claims_link(admin_state: &str) -> bool {
    !matches!(admin_state, "unmanaged" | "linger")
}

fn value<'a>(state: &'a str, key: &str) -> Option<&'a str> {
    state.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
}
