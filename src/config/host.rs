//! `[host]`: what the host itself is to do, beside its bridges.

use super::entry::Entry;
use super::error::Error;

/// What the host itself is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Whether the host forwards IPv4 packets.
    pub ip_forward: Forwarding,
    /// Whether the host forwards IPv6 packets.
    pub ip6_forward: Forwarding,
}

/// What becomes of a sysctl for forwarding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forwarding {
    /// It is not even looked at.
    #[default]
    Leave,
    /// It is turned on.
    On,
}

impl Host {
    pub(super) fn apply(&mut self, setting: &Entry) -> Result<(), Error> {
        match setting.name {
            "ip-forward" => self.ip_forward = forwarding(setting)?,
            "ip6-forward" => self.ip6_forward = forwarding(setting)?,
            _ => return Err(setting.unknown_key(&["ip-forward", "ip6-forward"])),
        }
        Ok(())
    }
}

/// There is no way to turn it off: libvirt's NAT networks and containers would lose their way out with every guest that
/// starts.
fn forwarding(setting: &Entry) -> Result<Forwarding, Error> {
    const ALLOWED: &str = "\"leave\", true";
    match (setting.bool(), setting.text(ALLOWED)) {
        (Ok(true), _) => Ok(Forwarding::On),
        (Ok(false), _) => {
            Err(setting.impossible("\"leave\", true; to forward nothing, set the sysctl in /etc/sysctl.d"))
        }
        (_, Ok("leave")) => Ok(Forwarding::Leave),
        (_, Ok(_)) => Err(setting.not_known(ALLOWED)),
        (_, Err(error)) => Err(error),
    }
}
