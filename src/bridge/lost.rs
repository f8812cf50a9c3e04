//! What a bridge has lost of what it took over. A link that is set down loses its routes, and its IPv6 addresses
//! (fib_disable_ip in net/ipv4/fib_frontend.c, addrconf_ifdown in net/ipv6/addrconf.c), and up again it gets none of them back.

use nix::libc::RT_TABLE_MAIN;

use super::belongings::Belongings;
use super::receipt::{Operation, Receipt};
use super::snapshot::Snapshot;
use crate::netlink::{Address, Request, Route};

/// What the bridge of this receipt should be given again: addresses where it has none of their family any more, routes where
/// the host has no default route of their family any more. Where one is left, somebody has changed what is missing, and knows
/// why; and what expires comes back by itself or has expired. Nothing of a bridge that is down or has lost its uplink, and no
/// address that another link has.
pub fn lost(snapshot: &Snapshot, receipt: &Receipt) -> Belongings {
    let mut lost = Belongings::default();
    let bridge = snapshot.link(&receipt.bridge.name).filter(|link| link.index == receipt.bridge.index && link.is_up());
    let uplink = receipt.uplink.as_ref().and_then(|uplink| snapshot.link_by_index(uplink.index));
    let uplink = uplink.filter(|uplink| uplink.master() == Some(receipt.bridge.index));
    let (Some(bridge), Some(uplink), Operation::Takeover) = (bridge, uplink, receipt.operation) else { return lost };
    for is_ipv6 in [false, true] {
        let moved = &receipt.moved;
        let is_elsewhere = |address: &&Address| snapshot.addresses.iter().any(|it| it.local() == address.local());
        let addresses = moved.addresses.iter().filter(|address| address.is_ipv6() == is_ipv6 && is_lasting(address));
        let addresses = addresses.filter(|address| !is_elsewhere(address));
        let is_left = |it: &Address| it.index == bridge.index && it.is_ipv6() == is_ipv6 && !it.is_for_link();
        let addresses: Vec<Address> =
            if snapshot.addresses.iter().any(is_left) { Vec::new() } else { addresses.cloned().collect() };
        let routes = || moved.routes.iter().filter(|route| route.is_ipv6() == is_ipv6 && !is_given(route));
        let has_way_out = snapshot.routes.iter().any(|route| route.is_ipv6() == is_ipv6 && is_way_out(route));
        let has_lost_way_out = routes().any(is_way_out) && !has_way_out;
        if has_lost_way_out {
            lost.routes.extend(routes().cloned());
        }
        if has_lost_way_out || !addresses.is_empty() {
            let prefixes = moved.prefix_routes.iter().filter(|route| route.is_ipv6() == is_ipv6 && !is_given(route));
            lost.prefix_routes.extend(prefixes.cloned());
        }
        lost.addresses.extend(addresses);
    }
    let present = snapshot.routes.iter().filter(|route| route.uses(bridge.index));
    let present: Vec<_> = present.flat_map(|route| route.ways_by(bridge.index)).collect();
    let moved = |route: &Route| route.moved(uplink.index, bridge.index).ways_by(bridge.index);
    let is_missing = |route: &Route| moved(route).iter().any(|way| !present.contains(way));
    lost.prefix_routes.retain(is_missing);
    lost.routes.retain(is_missing);
    lost
}

/// The requests that give the bridge this, each with what it is; they find what is there already.
pub fn gives(lost: &Belongings, receipt: &Receipt) -> Vec<(String, Request)> {
    let (bridge, from) = (&receipt.bridge, receipt.uplink.as_ref().unwrap_or(&receipt.bridge));
    let told = |(what, request)| (format!("{} has {what} again", bridge.name), request);
    lost.additions(from, bridge).into_iter().map(told).collect()
}

fn is_lasting(address: &Address) -> bool {
    !address.can_expire() && !address.is_for_link()
}

/// Whether a router gives it, again and again.
fn is_given(route: &Route) -> bool {
    route.is_advertised() || route.expires()
}

fn is_way_out(route: &Route) -> bool {
    route.is_default() && route.has_gateway() && route.table() == u32::from(RT_TABLE_MAIN)
}
