//! The order of routes with equal destination and metric, which decides whom the kernel asks first.

use std::collections::{HashMap, HashSet};

use crate::netlink::Route;
use crate::netlink::route::Slot;

/// All routes of a host, by the list in which each stands.
pub struct RouteOrder<'a>(HashMap<Slot, Vec<&'a Route>>);

impl<'a> RouteOrder<'a> {
    /// Sorts the routes, given in the kernel's order, into their lists.
    pub fn of(routes: &'a [Route]) -> Self {
        let mut lists: HashMap<Slot, Vec<&Route>> = HashMap::new();
        for route in routes {
            lists.entry(route.slot()).or_default().push(route);
        }
        RouteOrder(lists)
    }

    /// Whether no other link's route stands before this one, so that the kernel takes this link's.
    pub fn leads(&self, route: &Route, index: u32) -> bool {
        self.list(route).iter().take_while(|other| other.uses(index)).any(|other| *other == route)
    }

    /// Whether this is the IPv4 route by which the kernel reaches neighbours: one without a gateway that leads.
    pub fn leads_to_neighbours(&self, route: &Route, index: u32) -> bool {
        !route.is_ipv6() && route.gateways_on(index).is_empty() && self.leads(route, index)
    }

    /// Whether this link's way to neighbours stands before this route, though both have the same destination.
    pub fn follows_neighbours(&self, route: &Route, index: u32) -> bool {
        let before = self.list(route).iter().take_while(|other| **other != route);
        before.into_iter().any(|other| self.leads_to_neighbours(other, index))
    }

    /// Whether another link has a route of equal destination and metric.
    pub fn is_shared(&self, route: &Route, index: u32) -> bool {
        self.list(route).iter().any(|other| !other.uses(index))
    }

    /// Whether this link's route leads before another link's.
    pub fn is_contested(&self, route: &Route, index: u32) -> bool {
        self.leads(route, index) && self.is_shared(route, index)
    }

    /// How many routes stand before this one.
    pub fn place(&self, route: &Route) -> usize {
        self.list(route).iter().take_while(|other| **other != route).count()
    }

    /// Whether other links' routes stand both before and behind this one: a place that a new route cannot be given.
    pub fn is_between(&self, route: &Route, index: u32) -> bool {
        let behind = self.list(route).iter().skip_while(|other| **other != route).any(|other| !other.uses(index));
        behind && !self.leads(route, index)
    }

    /// The metric at which an IPv6 route that a router advertised can stand on its new link; nothing where it need not
    /// stand there, because the link has another gateway's route at the same place and the router, asked by the kernel
    /// when the link comes up, brings this one back.
    ///
    /// The kernel marks those that it makes itself and keeps them apart; ours would be joined with other gateways'
    /// routes of equal metric into one that shares the traffic (rt6_qualify_for_ecmp in net/ipv6/route.c). So beside
    /// such routes of other links, or in `placed`, it goes right before them if it came first, else behind.
    pub fn metric_apart(&self, route: &Route, index: u32, placed: &HashSet<Slot>) -> Option<u32> {
        let joins = |other: &&&Route| **other != route && other.has_gateway() && !other.is_advertised();
        if self.list(route).iter().filter(joins).any(|other| other.uses(index)) {
            return None;
        }
        // To delete one that leads by a gateway of its own deletes one by an object at the same place
        // (ip6_route_del in net/ipv6/route.c).
        let by_object = route.nexthop_object().map(|_| route.priority());
        let is_taken = |priority: u32| {
            let slot = route.clone().with_priority(priority).slot();
            by_object == Some(priority)
                || placed.contains(&slot)
                || self.0.get(&slot).is_some_and(|list| list.iter().any(|other| joins(&other)))
        };
        let priority = route.priority();
        let before = (priority > 1 && self.leads(route, index)).then(|| priority - 1);
        let behind = priority..u32::MAX;
        std::iter::once(priority).chain(before).chain(behind).find(|metric| !is_taken(*metric))
    }

    fn list(&self, route: &Route) -> &[&'a Route] {
        self.0.get(&route.slot()).map(Vec::as_slice).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::{Attributes, Payload};

    const RTA_OIF: u16 = 4;
    const RTA_GATEWAY: u16 = 5;
    const RTA_PRIORITY: u16 = 6;
    const RTA_NH_ID: u16 = 30;
    const STATIC: u8 = 4;
    const ADVERTISED: u8 = 9;

    /// A default route; IPv6, because only there the protocol matters.
    fn default_route(index: u32, protocol: u8, priority: u32) -> Route {
        let mut payload = vec![10, 0, 0, 0, 254, protocol, 0, 1, 0, 0, 0, 0];
        let attributes = Attributes::default()
            .with(RTA_GATEWAY, [index as u8; 16])
            .with(RTA_OIF, index.to_ne_bytes())
            .with(RTA_PRIORITY, priority.to_ne_bytes());
        payload.extend(attributes.encode());
        Route::parse(&payload).unwrap()
    }

    #[test]
    fn a_route_leads_until_another_link_s_stands_before_it() {
        let routes = [2, 2, 3, 2].map(|index| default_route(index, STATIC, 1024));
        let [first, _, other, _] = &routes;
        let order = RouteOrder::of(&routes);
        assert!(order.leads(first, 2) && !order.is_between(first, 2));
        assert!(!order.leads(other, 3) && order.is_between(other, 3));
        let elsewhere = default_route(2, STATIC, 7);
        assert!(!order.leads(&elsewhere, 2), "a route that the host does not have");
    }

    #[test]
    fn an_advertised_route_stands_apart_from_those_that_would_share_with_it() {
        let metric = |routes: &[Route], of: usize| RouteOrder::of(routes).metric_apart(&routes[of], 2, &HashSet::new());
        let (advertised, fixed) = (default_route(2, ADVERTISED, 1024), default_route(3, STATIC, 1024));
        assert_eq!(metric(std::slice::from_ref(&advertised), 0), Some(1024));
        assert_eq!(metric(&[advertised.clone(), fixed.clone()], 0), Some(1023));
        assert_eq!(metric(&[fixed.clone(), advertised.clone()], 1), Some(1025));
        let next = default_route(3, STATIC, 1025);
        assert_eq!(metric(&[fixed, advertised.clone(), next], 1), Some(1026));
        let placed = HashSet::from([advertised.slot()]);
        assert_eq!(RouteOrder::of(&[]).metric_apart(&advertised, 2, &placed), Some(1025), "beside the one just placed");
        let mut by_object = advertised.clone();
        by_object.attributes.set(RTA_NH_ID, 7u32.to_ne_bytes());
        assert_eq!(metric(&[by_object], 0), Some(1023), "not where its object's route is made again");
        let own = default_route(2, STATIC, 1024);
        assert_eq!(metric(&[own, advertised], 1), None, "the link's own static route leads out meanwhile");
    }
}
