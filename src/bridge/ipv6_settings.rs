//! What a link does with IPv6, as far as a bridge must do the same as its uplink did.

use crate::netlink::Link;

/// The settings under /proc/sys/net/ipv6/conf that decide what a link does with IPv6, by their place in
/// `DEVCONF_…` (linux/ipv6.h); the rest is measure and taste.
pub fn of(link: &Link) -> Vec<(&'static str, u32)> {
    const SETTINGS: [(usize, &str); 19] = [
        (26, "disable_ipv6"),
        (0, "forwarding"),
        (1, "hop_limit"),
        (2, "mtu"),
        (3, "accept_ra"),
        (4, "accept_redirects"),
        (5, "autoconf"),
        (6, "dad_transmits"),
        (10, "use_tempaddr"),
        (11, "temp_valid_lft"),
        (12, "temp_prefered_lft"),
        (17, "accept_ra_defrtr"),
        (18, "accept_ra_pinfo"),
        (19, "accept_ra_rtr_pref"),
        (21, "accept_ra_rt_info_max_plen"),
        (22, "proxy_ndp"),
        (23, "optimistic_dad"),
        (27, "accept_dad"),
        (35, "accept_ra_mtu"),
    ];
    let values = link.ipv6_settings().unwrap_or_default();
    SETTINGS.iter().filter_map(|(place, name)| Some((*name, *values.get(*place)?))).collect()
}

/// Turns temporary addresses off, and answers with what turns them on again where they were.
///
/// The kernel makes a temporary address for each `mngtmpaddr` one that it is given. On a bridge whose carrier it has not
/// noticed yet it fails, and then sets use_tempaddr to -1 for good (ipv6_create_tempaddr in net/ipv6/addrconf.c).
/// Turned on later, it makes them with the next advertisement.
pub fn temporary_addresses_last(settings: &mut [(&'static str, u32)]) -> Vec<(&'static str, u32)> {
    let turned_on = |(name, value): &&mut (&str, u32)| *name == "use_tempaddr" && (*value as i32) > 0;
    settings.iter_mut().filter(turned_on).map(|(name, value)| (*name, std::mem::take(value))).collect()
}

/// The value of one of these settings.
pub fn one(link: &Link, name: &str) -> Option<u32> {
    of(link).into_iter().find(|(other, _)| *other == name).map(|(_, value)| value)
}
