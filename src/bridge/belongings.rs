//! What belongs to a link and follows the host when another link takes its place.

use std::collections::HashSet;
use std::net::IpAddr;

use nix::libc;
use serde::{Deserialize, Serialize};

use super::relocation::End;
use super::snapshot::Snapshot;
use super::stand_in::{leads_alike, stands_for};
use super::step::CREATE_NEW;
use crate::netlink::address::{Essence, IFA_F_DADFAILED};
use crate::netlink::route::Way;
use crate::netlink::{Address, Neighbour, Request, Route, record};

/// `RTPROT_REDIRECT` and `RTPROT_KERNEL` of linux/rtnetlink.h.
const PROTOCOL_REDIRECT: u8 = 1;
const PROTOCOL_KERNEL: u8 = 2;

/// `IP6_RT_PRIO_USER` of linux/ipv6_route.h, the metric of routes from advertisements.
const ADVERTISED_METRIC: u32 = 1024;

/// The addresses, routes and neighbours of one link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Belongings {
    /// In the kernel's order.
    #[serde(with = "record")]
    pub addresses: Vec<Address>,
    /// The routes to the prefixes of the addresses, which the kernel makes and unmakes with them.
    #[serde(with = "record")]
    pub prefix_routes: Vec<Route>,
    /// All other routes, in the kernel's order.
    #[serde(with = "record")]
    pub routes: Vec<Route>,
    /// Known neighbours, and addresses that the host answers for on this link.
    #[serde(with = "record")]
    pub neighbours: Vec<Neighbour>,
}

impl Belongings {
    /// What the link with this index has.
    ///
    /// Left out is what the kernel makes by itself for every link with an address (the local table), what it learned
    /// in passing (redirects) and what is of no use (neighbours that did not answer, addresses that somebody else
    /// has).
    pub fn of(snapshot: &Snapshot, index: u32) -> Self {
        let lasting: Vec<&Route> =
            snapshot.routes.iter().filter(|route| route.uses(index) && is_lasting(route)).collect();
        let advertised: Vec<&Route> = lasting.iter().copied().filter(|route| route.is_advertised()).collect();
        let (prefix_routes, routes) =
            lasting.into_iter().filter(|route| !is_stand_in(route, &advertised)).cloned().partition(Route::is_kernels);
        Belongings {
            addresses: snapshot
                .addresses
                .iter()
                .filter(|address| address.index == index && address.flags() & IFA_F_DADFAILED == 0)
                .cloned()
                .collect(),
            prefix_routes,
            routes,
            neighbours: snapshot
                .neighbours
                .iter()
                .filter(|neighbour| neighbour.index == index && neighbour.is_worth_moving())
                .cloned()
                .collect(),
        }
    }

    /// Those of these belongings, of the link with this index, that were received in a takeover. A route from an
    /// advertisement is, whatever place it was given or the kernel has given it since.
    pub fn those_of(mut self, received: &Belongings, index: u32) -> Self {
        let places = received.marks();
        self.addresses.retain(|address| places.addresses.contains(&address.essence()));
        self.prefix_routes.retain(|route| places.has_one_way_of(route, index));
        self.routes.retain(|route| route.is_advertised() || places.has_one_way_of(route, index));
        self.neighbours.retain(|neighbour| places.neighbours.contains(&neighbour.address()));
        self
    }

    /// These belongings without what `others` have, too.
    pub fn without(mut self, others: &Belongings) -> Self {
        let places = others.marks();
        self.addresses.retain(|address| !places.addresses.contains(&address.essence()));
        self.prefix_routes.retain(|route| !places.has_every_way_of(route));
        self.routes.retain(|route| !places.has_every_way_of(route));
        self.neighbours.retain(|neighbour| !places.neighbours.contains(&neighbour.address()));
        self
    }

    /// These belongings, and what only `others` have.
    pub fn and(mut self, others: Belongings) -> Self {
        let others = others.without(&self);
        self.addresses.extend(others.addresses);
        self.prefix_routes.extend(others.prefix_routes);
        self.routes.extend(others.routes);
        self.neighbours.extend(others.neighbours);
        self
    }

    /// What gives these addresses and routes of a link to another one, or to the same again: each in words, and as a request,
    /// which finds what is there already. A nexthop object that has been deleted meanwhile cannot be named, and none is.
    pub(super) fn additions(&self, from: &End, to: &End) -> Vec<(String, Request)> {
        let address = |address: &Address| address.moved(to.index, &from.name, &to.name).without_detection();
        let addresses = self.addresses.iter().map(|it| Request::add(&address(it), CREATE_NEW));
        let routes = self.prefix_routes.iter().chain(&self.routes);
        let routes = routes.map(|route| Request::add(&route.moved(from.index, to.index), CREATE_NEW));
        self.told().zip(addresses.chain(routes)).collect()
    }

    /// These addresses and routes in words.
    pub fn told(&self) -> impl Iterator<Item = String> {
        let routes = self.prefix_routes.iter().chain(&self.routes).map(|route| format!("route {route}"));
        self.addresses.iter().map(|address| format!("address {address}")).chain(routes)
    }

    fn marks(&self) -> Marks {
        Marks {
            addresses: self.addresses.iter().map(Address::essence).collect(),
            ways: self.prefix_routes.iter().chain(&self.routes).flat_map(Route::ways).collect(),
            neighbours: self.neighbours.iter().map(Neighbour::address).collect(),
        }
    }

    /// Whether there is no address and no route, so that nothing needs to be moved.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.prefix_routes.is_empty() && self.routes.is_empty()
    }
}

/// By what belongings are known again, whichever link they are on.
struct Marks {
    addresses: HashSet<Essence>,
    ways: HashSet<Way>,
    neighbours: HashSet<Option<IpAddr>>,
}

impl Marks {
    /// The kernel joins IPv6 routes of several links: only some of such a route's ways need to be here.
    fn has_one_way_of(&self, route: &Route, index: u32) -> bool {
        route.ways_by(index).iter().any(|way| self.ways.contains(way))
    }

    fn has_every_way_of(&self, route: &Route) -> bool {
        route.ways().iter().all(|way| self.ways.contains(way))
    }
}

fn is_lasting(route: &Route) -> bool {
    let made_for_an_address = route.protocol == PROTOCOL_KERNEL && route.table() == u32::from(libc::RT_TABLE_LOCAL);
    route.protocol != PROTOCOL_REDIRECT && !made_for_an_address
}

/// Whether the route stands in for one that the kernel or networkd has made anew meanwhile from an advertisement: the same
/// gateway, a metric beside its own, where a takeover had to place it (see `RouteOrder::metric_apart`).
fn is_stand_in(route: &Route, advertised: &[&Route]) -> bool {
    let is_original = |other: &&Route| {
        let is_kernels = other.priority() == ADVERTISED_METRIC && route.priority() != ADVERTISED_METRIC;
        stands_for(route, other) || is_kernels && leads_alike(route, other)
    };
    route.is_advertised() && advertised.iter().copied().any(|other| is_original(&other))
}
