//! What a bridge has lost of what it took over. A link that is set down loses its routes, and its IPv6 addresses
//! (fib_disable_ip in net/ipv4/fib_frontend.c, addrconf_ifdown in net/ipv6/addrconf.c), and up again it gets none of them back.

use nix::libc::RT_TABLE_MAIN;

use super::belongings::Belongings;
use super::receipt::{Operation, Receipt};
use super::snapshot::Snapshot;
use super::step::CREATE_NEW;
use crate::netlink::{Address, Link, Request, Route};

/// What the bridge of this receipt should be given again: addresses where it has none of their family any more, routes where
/// the host has no default route of their family any more. Where one is left, somebody has changed what is missing, and knows
/// why; and what expires comes back by itself or has expired. Nothing of a bridge that is down.
pub fn lost(snapshot: &Snapshot, receipt: &Receipt) -> Belongings {
    let mut lost = Belongings::default();
    let bridge = snapshot.link(&receipt.bridge.name).filter(|link| link.index == receipt.bridge.index && link.is_up());
    let (Some(bridge), Operation::Takeover) = (bridge, receipt.operation) else { return lost };
    for is_ipv6 in [false, true] {
        let moved = &receipt.moved;
        let addresses = moved.addresses.iter().filter(|address| address.is_ipv6() == is_ipv6 && is_lasting(address));
        if !snapshot.addresses.iter().any(|it| it.index == bridge.index && it.is_ipv6() == is_ipv6 && !it.is_for_link())
        {
            lost.addresses.extend(addresses.cloned());
        }
        let routes = || moved.routes.iter().filter(|route| route.is_ipv6() == is_ipv6 && !is_given(route));
        let had_way_out = routes().any(is_way_out);
        if had_way_out && !snapshot.routes.iter().any(|route| route.is_ipv6() == is_ipv6 && is_way_out(route)) {
            lost.routes.extend(routes().cloned());
        }
        if !lost.addresses.is_empty() || !lost.routes.is_empty() {
            let prefixes = moved.prefix_routes.iter().filter(|route| route.is_ipv6() == is_ipv6 && !is_given(route));
            lost.prefix_routes.extend(prefixes.cloned());
        }
    }
    without_what_is_there(lost, snapshot, receipt, bridge)
}

/// The requests that give the bridge this, each with what it is; they find what is there already.
pub fn gives(lost: &Belongings, receipt: &Receipt) -> Vec<(String, Request)> {
    let (bridge, from) = (&receipt.bridge, receipt.uplink.as_ref().unwrap_or(&receipt.bridge));
    let address = |address: &Address| {
        let moved = address.moved(bridge.index, &from.name, &bridge.name).without_detection();
        (format!("{} has address {address} again", bridge.name), Request::add(&moved, CREATE_NEW))
    };
    let route = |route: &Route| {
        let moved = route.moved(from.index, bridge.index);
        (format!("{} has route {route} again", bridge.name), Request::add(&moved, CREATE_NEW))
    };
    let routes = lost.prefix_routes.iter().chain(&lost.routes);
    lost.addresses.iter().map(address).chain(routes.map(route)).collect()
}

fn without_what_is_there(mut lost: Belongings, snapshot: &Snapshot, receipt: &Receipt, bridge: &Link) -> Belongings {
    let from = receipt.uplink.as_ref().map_or(bridge.index, |uplink| uplink.index);
    let present: Vec<_> = snapshot
        .routes
        .iter()
        .filter(|route| route.uses(bridge.index))
        .flat_map(|it| it.ways_by(bridge.index))
        .collect();
    let is_missing =
        |route: &Route| route.moved(from, bridge.index).ways_by(bridge.index).iter().any(|it| !present.contains(it));
    lost.prefix_routes.retain(is_missing);
    lost.routes.retain(is_missing);
    lost
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
