//! The routes that the kernel makes by itself for the prefixes of addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::netlink::address::{IFA_F_NOPREFIXROUTE, IFA_F_SECONDARY};
use crate::netlink::{Address, Route};

/// `IP6_RT_PRIO_ADDRCONF` of linux/ipv6_route.h, the metric of IPv6 prefix routes where the address names none.
const IPV6_PREFIX_METRIC: u32 = 256;

/// The route that the kernel makes for an address on the link with this index, if it makes one: not for IPv4
/// secondaries and host addresses (fib_add_ifaddr in net/ipv4/fib_frontend.c).
pub fn prefix_route_of(address: &Address, index: u32) -> Option<Route> {
    let peer = address.peer()?;
    let unasked = address.flags() & IFA_F_NOPREFIXROUTE != 0;
    let ipv4_has_none = !address.is_ipv6()
        && (address.flags() & IFA_F_SECONDARY != 0 || (address.prefix == 32 && Some(peer) == address.local()));
    if unasked || ipv4_has_none {
        return None;
    }
    let route = Route::to_prefix(masked(peer, address.prefix), address.prefix, index);
    Some(match address.route_priority() {
        0 if address.is_ipv6() => route.with_priority(IPV6_PREFIX_METRIC),
        0 => route,
        metric => route.with_priority(metric),
    })
}

/// Whether something among these routes or the kernel's own for these addresses leads to this gateway without another.
pub fn leads_to<'a>(gateway: IpAddr, addresses: &[Address], mut routes: impl Iterator<Item = &'a Route>) -> bool {
    let covers = |route: &Route| match route.destination() {
        Some(network) => masked(gateway, route.destination_length) == network,
        None => route.is_ipv6() == gateway.is_ipv6(),
    };
    addresses.iter().any(|address| prefix_route_of(address, address.index).is_some_and(|route| covers(&route)))
        || routes.any(|route| !route.has_gateway() && covers(route))
}

fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0);
            Ipv4Addr::from(u32::from(v4) & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length.min(128))).unwrap_or(0);
            Ipv6Addr::from(u128::from(v6) & mask).into()
        }
    }
}
