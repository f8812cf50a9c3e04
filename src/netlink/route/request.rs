//! What is sent to the kernel to make a route anew on another link or in another namespace, and to delete it.

use std::net::IpAddr;

use nix::libc;

use super::{RTA_CACHEINFO, RTA_METRICS, RTA_MULTIPATH, RTA_NH_ID, RTA_OIF, RTA_PREF, Route};
use crate::netlink::hop::{self, Hop, RTA_GATEWAY, RTA_VIA, RTNH_F_ONLINK, gateway};

const RTA_EXPIRES: u16 = 23;

impl Route {
    /// The request's form of this route with each way out by `from` led to `to`. A nexthop object stays where it is: the
    /// route then has the ways of its own that the object stood for.
    pub fn moved(&self, from: u32, to: u32) -> Route {
        let mut moved = self.wished();
        moved.attributes.remove(RTA_NH_ID);
        if moved.attributes.u32(RTA_OIF) == Some(from) {
            moved.attributes.set(RTA_OIF, to.to_ne_bytes());
        }
        let hops = self.hops();
        if !hops.is_empty() {
            let hops = hops.into_iter().map(|hop| if hop.index == from { Hop { index: to, ..hop } } else { hop });
            moved.attributes.set(RTA_MULTIPATH, hop::encode(hops));
        }
        moved
    }

    /// The same route of another namespace, where each link has another index.
    pub fn with_links(mut self, index_of: impl Fn(u32) -> u32) -> Route {
        if let Some(link) = self.attributes.u32(RTA_OIF) {
            self.attributes.set(RTA_OIF, index_of(link).to_ne_bytes());
        }
        let hops = self.hops();
        if !hops.is_empty() {
            let hops = hops.into_iter().map(|hop| Hop { index: index_of(hop.index), ..hop });
            self.attributes.set(RTA_MULTIPATH, hop::encode_with_state(hops));
        }
        self
    }

    /// The request's form of this route where it stands. The kernel tells a nexthop object and the ways that it stands for,
    /// and takes one or the other (rtm_to_fib6_config in net/ipv6/route.c).
    pub fn requested(&self) -> Route {
        let mut requested = self.wished();
        if self.nexthop_object().is_some() {
            for kind in [RTA_OIF, RTA_GATEWAY, RTA_VIA, RTA_MULTIPATH] {
                requested.attributes.remove(kind);
            }
        }
        requested
    }

    /// Wishes instead of state, and what is left of its lifetime.
    fn wished(&self) -> Route {
        let mut wished = self.clone();
        wished.flags &= u32::from(RTNH_F_ONLINK);
        if let Some(seconds) = self.seconds_left() {
            wished.attributes.set(RTA_EXPIRES, seconds.to_ne_bytes());
        }
        wished.attributes.remove(RTA_CACHEINFO);
        let hops = self.hops();
        if !hops.is_empty() {
            wished.attributes.set(RTA_MULTIPATH, hop::encode(hops.into_iter()));
        }
        wished
    }

    /// The route without what runs down.
    pub fn lasting(mut self) -> Route {
        self.attributes.remove(RTA_EXPIRES);
        self
    }

    /// A route to a gateway itself, so that the kernel takes routes by it; nothing where none is needed.
    pub fn crutches(&self) -> Vec<Route> {
        let ways = match self.hops() {
            hops if hops.is_empty() => vec![(self.attributes.u32(RTA_OIF), gateway(&self.attributes))],
            hops => hops.iter().map(|hop| (Some(hop.index), hop.gateway())).collect(),
        };
        let crutch = |(index, gateway): (Option<u32>, Option<IpAddr>)| {
            let length = if gateway?.is_ipv4() { 32 } else { 128 };
            Some(Route { protocol: libc::RTPROT_STATIC, ..Route::to_prefix(gateway?, length, index?) })
        };
        ways.into_iter().filter_map(crutch).collect()
    }

    /// The same multipath route with only the hops by this link, as one request adds them to, or takes them from, an
    /// IPv6 multipath set; a route of one way is left as it is.
    pub fn only_hops_by(&self, index: u32) -> Route {
        let mut only = self.clone();
        let hops = self.hops();
        if !hops.is_empty() {
            only.attributes.set(RTA_MULTIPATH, hop::encode(hops.into_iter().filter(|hop| hop.index == index)));
        }
        only
    }

    /// What a request to delete exactly this route must say: metrics, lifetime and preference are no part of it.
    pub fn key(&self) -> Route {
        let mut key = self.requested();
        for kind in [RTA_METRICS, RTA_EXPIRES, RTA_PREF] {
            key.attributes.remove(kind);
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Attributes;

    fn route(attributes: Attributes) -> Route {
        Route {
            family: 2,
            destination_length: 0,
            source_length: 0,
            tos: 0,
            short_table: 254,
            protocol: 3,
            scope: 0,
            route_type: 1,
            flags: 0x14,
            attributes,
        }
    }

    #[test]
    fn only_the_hops_of_the_old_link_are_led_to_the_new_one() {
        let hop = |index, flags| Hop {
            flags,
            weight: index as u8,
            index,
            attributes: Attributes::default().with(RTA_GATEWAY, [192, 0, 2, 1]),
        };
        let hops = hop::encode([hop(2, 0x10), hop(3, 0x04)].into_iter());
        let moved = route(Attributes::default().with(RTA_MULTIPATH, hops)).moved(2, 9);
        let hops = moved.hops();
        assert_eq!(
            hops.iter().map(|hop| (hop.index, hop.weight, hop.flags)).collect::<Vec<_>>(),
            [(9, 2, 0), (3, 3, 4)]
        );
        assert_eq!(moved.only_hops_by(9).hops().len(), 1);
        assert_eq!(moved.gateways_on(9), ["192.0.2.1".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn a_moved_route_keeps_its_lifetime_and_drops_its_state() {
        let mut cacheinfo = vec![0; 32];
        cacheinfo[8..12].copy_from_slice(&179_500u32.to_ne_bytes());
        let moved =
            route(Attributes::default().with(RTA_OIF, 2u32.to_ne_bytes()).with(RTA_CACHEINFO, cacheinfo)).moved(2, 9);
        assert_eq!(moved.attributes.u32(RTA_EXPIRES), Some(1795));
        assert_eq!(moved.attributes.get(RTA_CACHEINFO), None);
        assert_eq!(moved.attributes.u32(RTA_OIF), Some(9));
        assert_eq!(moved.flags, 4);
    }

    #[test]
    fn a_route_by_a_nexthop_object_stands_by_it_and_moves_with_ways_of_its_own() {
        let told = Attributes::default()
            .with(RTA_OIF, 2u32.to_ne_bytes())
            .with(RTA_GATEWAY, [192, 0, 2, 1])
            .with(RTA_NH_ID, 7u32.to_ne_bytes());
        let moved = route(told.clone()).moved(2, 9);
        assert_eq!((moved.nexthop_object(), moved.attributes.u32(RTA_OIF)), (None, Some(9)));
        assert_eq!(moved.gateways_on(9), ["192.0.2.1".parse::<IpAddr>().unwrap()]);
        for request in [route(told.clone()).requested(), route(told).key()] {
            assert_eq!((request.nexthop_object(), request.attributes.u32(RTA_OIF)), (Some(7), None));
            assert!(!request.has_gateway());
        }
    }

    #[test]
    fn a_damaged_multipath_attribute_does_not_loop_or_panic() {
        for bytes in [vec![0; 8], vec![4, 0, 0, 0, 0, 0, 0, 0], vec![255; 8], vec![8, 0, 0]] {
            assert!(route(Attributes::default().with(RTA_MULTIPATH, bytes)).hops().len() < 2);
        }
    }
}
