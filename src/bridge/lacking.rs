//! What a finished bridge still lacks to be of use, which no takeover can give it.

use super::snapshot::Snapshot;
use crate::netlink::Link;

/// One line for each thing that is missing: the carrier of the uplink, an address of the bridge. A link-local address
/// alone reaches nobody beyond the LAN.
pub fn lacking(snapshot: &Snapshot, bridge: &Link, uplink: &Link) -> Vec<String> {
    let has_address = snapshot.has_address(bridge);
    let no_carrier = uplink.carrier() == Some(false);
    let lines = [
        no_carrier.then(|| format!("{} has no carrier: nothing passes until its cable is in", uplink.name())),
        (!has_address).then(|| {
            format!("{} has no address: guests reach the LAN, the host itself does not by this bridge", bridge.name())
        }),
    ];
    lines.into_iter().flatten().collect()
}
