//! The search for others on the link who have an IPv6 address, which nobody can use meanwhile: a second or two.
//!
//! Where a host's own addresses come to another of its links on the same LAN, it would find nobody but the host.

use crate::sysctl;

/// Switches it off on a link until this is dropped. A process that is killed meanwhile leaves it off until the next boot.
pub struct Off {
    link: String,
    was: u8,
}

impl Off {
    /// On the link of this name; nothing where it is off already, or cannot be switched off.
    pub fn on(link: &str) -> Option<Self> {
        let was = sysctl::read_digit(&setting(link)).filter(|was| *was > 0)?;
        sysctl::write(&setting(link), "0").ok()?;
        Some(Off { link: link.to_owned(), was })
    }
}

impl Drop for Off {
    /// A link that has gone meanwhile needs none.
    fn drop(&mut self) {
        let _ = sysctl::write(&setting(&self.link), &self.was.to_string());
    }
}

/// The larger of this and of that of `all` counts, which is 0 unless somebody has set it (addrconf_dad_begin in
/// net/ipv6/addrconf.c).
fn setting(link: &str) -> [&str; 5] {
    ["net", "ipv6", "conf", link, "accept_dad"]
}
