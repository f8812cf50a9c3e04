//! What a link does with IPv6, as far as a bridge must do the same as its uplink did.

use crate::netlink::Link;

/// The settings under /proc/sys/net/ipv6/conf that decide what a link does with IPv6, by their place in
/// `DEVCONF_…` (linux/ipv6.h); the rest is measure and taste.
pub fn of(link: &Link) -> Vec<(&'static str, u32)> {
    const SETTINGS: [(usize, &str); 16] = [
        (26, "disable_ipv6"),
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

/// The value of one of these settings.
pub fn one(link: &Link, name: &str) -> Option<u32> {
    of(link).into_iter().find(|(other, _)| *other == name).map(|(_, value)| value)
}
