//! Moves what belongs to one link to another, as steps, in the order that loses the least.
//!
//! Nothing is taken from the old link before everything stands on the new one and is preferred there:
//! - Neighbours first, so that no packet waits for a question.
//! - IPv4 prefix routes, and what else leads to neighbours without a gateway, before the addresses. The kernel appends
//!   the routes of an address behind those of other links (fib_magic in net/ipv4/fib_frontend.c), where the old link's
//!   would win until it is gone; given beforehand they can be put first, and the kernel finds its own already there.
//! - IPv4 routes are put before or behind the others of equal metric exactly where the old link's stand: never with
//!   NLM_F_REPLACE, which would overwrite another link's.
//! - IPv6 addresses without duplicate address detection, which would make them unusable for a second; the flag that asks
//!   for it is taken off again at the end.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::net::IpAddr;

use nix::libc;
use serde::{Deserialize, Serialize};

use super::belongings::Belongings;
use super::prefix_route::leads_to;
use super::route_order::RouteOrder;
use super::snapshot::Snapshot;
use super::step::{PRESENT, Step};
use crate::netlink::address::IFA_F_SECONDARY;
use crate::netlink::route::Slot;
use crate::netlink::{Address, Route};

mod addresses;

const CREATE: i32 = libc::NLM_F_CREATE;
const REPLACE: i32 = libc::NLM_F_CREATE | libc::NLM_F_REPLACE;
const APPEND: i32 = libc::NLM_F_CREATE | libc::NLM_F_APPEND;

/// What the steps are good for, as people are told.
const NO_QUESTION: &str = "so that no packet waits until a neighbour has answered";
const FIRST: &str = "of two routes to the same the kernel takes the first";
const PREFIX: &str = "the way to neighbours, unless the kernel has made it with the address";
const WAY_OUT: &str = "the host's ways out, before those there are go";
const SHARED: &str = "of two IPv6 routes to the same the kernel would use both";
const UNUSED: &str = "nothing uses it any more";
const BACK: &str = "it was not so before";

/// A link as an end of a move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The link's name.
    pub name: String,
    /// The link's index.
    pub index: u32,
}

/// The steps of a move.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relocation {
    /// Sets everything up on the new link.
    pub place: Vec<Step>,
    /// Puts the old link's IPv6 routes to neighbours behind the new link's: of equal metric, the first one wins.
    pub defer: Vec<Step>,
    /// Takes the IPv6 routes from the old link: of equal metric, they would share the traffic with the new link's, which
    /// is right only while both links lead somewhere.
    pub divert: Vec<Step>,
    /// Gives the old link its IPv6 routes back.
    pub restore: Vec<Step>,
    /// Takes everything from the old link.
    pub withdraw: Vec<Step>,
    /// Gives the new link's objects their final form.
    pub settle: Vec<Step>,
    /// Takes everything from the new link again.
    pub retract: Vec<Step>,
    /// The routes as they must be found on the new link.
    pub placed: Vec<Route>,
    /// Where advertised routes were placed.
    advertised: HashSet<Slot>,
    /// What cannot be moved exactly as it is.
    pub warnings: Vec<String>,
}

/// What is to be moved.
pub struct Move<'a> {
    /// The link that has everything.
    pub from: &'a End,
    /// The link that is to have it.
    pub to: &'a End,
    /// What is moved.
    pub belongings: &'a Belongings,
    /// What the new link has already: it is not added, nor taken away when the move is given up.
    pub present: &'a Belongings,
    /// What the old link had before it received the rest: it stays there.
    pub kept: &'a Belongings,
    /// The host as it is.
    pub snapshot: &'a Snapshot,
}

/// Plans a move.
pub fn relocate(&Move { from, to, belongings, present, kept, snapshot }: &Move) -> Relocation {
    let order = &RouteOrder::of(&snapshot.routes);
    let mut relocation = Relocation::default();
    let unready = addresses::unready(to, belongings, snapshot);
    let mut ready = present.clone();
    ready.addresses.retain(|address| !unready.contains(&address));
    let arriving = &belongings.clone().without(&ready);
    let leaving = &belongings.clone().without(kept);

    relocation.neighbours(to, arriving);
    relocation.ipv4_neighbour_routes(from, to, arriving, order, &snapshot.routes);
    relocation.addresses(from, to, arriving, &unready);
    relocation.ipv6_prefix_routes(from, to, arriving);
    relocation.routes(from, to, arriving, order, belongings);
    relocation.settle_addresses(from, to, arriving);
    relocation.unasked_prefix_routes(to, &arriving.addresses, [&belongings.prefix_routes, &present.prefix_routes]);
    relocation.withdraw(from, leaving);
    relocation.defer(from, leaving, order);
    relocation.divert(from, leaving);
    relocation.warnings.extend(warnings(from, belongings, order));
    let neighbours = belongings.routes.iter().filter(|route| order.leads_to_neighbours(route, from.index));
    let placed_first = belongings.prefix_routes.iter().chain(neighbours);
    relocation.placed.extend(placed_first.map(|route| route.moved(from.index, to.index)));
    // What was set up last is taken down first.
    relocation.retract.reverse();
    relocation
}

impl Relocation {
    fn neighbours(&mut self, to: &End, belongings: &Belongings) {
        for neighbour in &belongings.neighbours {
            let moved = neighbour.moved(to.index);
            self.place.push(Step::add(format!("know neighbour {moved} on {}", to.name), NO_QUESTION, &moved, REPLACE));
            self.retract.push(Step::remove(format!("forget neighbour {moved} on {}", to.name), BACK, &moved.key()));
        }
    }

    fn ipv4_neighbour_routes(
        &mut self,
        from: &End,
        to: &End,
        belongings: &Belongings,
        order: &RouteOrder,
        routes: &[Route],
    ) {
        let lasting = belongings.prefix_routes.iter().chain(&belongings.routes);
        let broadcasts = routes.iter().filter(|route| route.is_kernels_broadcast());
        let mut first: Vec<&Route> = lasting
            .filter(|route| order.leads_to_neighbours(route, from.index))
            .chain(broadcasts.filter(|route| order.is_contested(route, from.index)))
            .collect();
        // Each goes in front of those before it, so they are given backwards.
        first.sort_unstable_by_key(|route| Reverse(order.place(route)));
        for route in first {
            let moved = route.moved(from.index, to.index);
            self.place
                .push(Step::add(format!("prefer {} for {moved}", to.name), FIRST, &moved, CREATE).unless(PRESENT));
            self.retract.push(Step::remove(format!("no longer prefer {} for {moved}", to.name), BACK, &moved.key()));
        }
    }

    /// The kernel makes these with the addresses; those that came from a router's advertisement it does not.
    fn ipv6_prefix_routes(&mut self, from: &End, to: &End, belongings: &Belongings) {
        for route in belongings.prefix_routes.iter().filter(|route| route.is_ipv6()) {
            let moved = route.moved(from.index, to.index);
            self.place
                .push(Step::add(format!("add route {moved} by {}", to.name), PREFIX, &moved, CREATE).unless(PRESENT));
            self.retract.push(Step::remove(format!("remove route {moved} by {}", to.name), BACK, &moved.key()));
        }
    }

    fn routes(&mut self, from: &End, to: &End, arriving: &Belongings, order: &RouteOrder, belongings: &Belongings) {
        // A gateway must be reachable when its route is added: routes without one go first.
        let has_gateway = |route: &Route| !route.gateways_on(from.index).is_empty();
        for with_gateway in [false, true] {
            let batch = arriving
                .routes
                .iter()
                .filter(|route| has_gateway(route) == with_gateway && !order.leads_to_neighbours(route, from.index));
            let goes_first = |route: &Route| {
                !route.is_ipv6() && order.leads(route, from.index) && !order.follows_neighbours(route, from.index)
            };
            let (first, last): (Vec<&Route>, Vec<&Route>) = batch.partition(|route| goes_first(route));
            // Each goes in front of those before it, so the list is given backwards.
            let first = first.into_iter().rev().map(|route| (route, CREATE));
            for (route, flags) in first.chain(last.into_iter().map(|route| (route, APPEND))) {
                if leads_nowhere(route, from, belongings) {
                    self.warnings.push(format!("route {route} is given up: nothing leads to its gateway"));
                    continue;
                }
                let Some(moved) = self.moved_apart(route, from, to, order) else { continue };
                self.place.push(
                    Step::add(format!("add route {moved} by {}", to.name), WAY_OUT, &moved, flags).unless(PRESENT),
                );
                self.retract.push(Step::remove(format!("remove route {moved} by {}", to.name), BACK, &moved.key()));
                self.placed.push(moved);
            }
        }
    }

    /// The route on the new link; one that a router advertised stays apart from others of equal metric.
    fn moved_apart(&mut self, route: &Route, from: &End, to: &End, order: &RouteOrder) -> Option<Route> {
        let moved = route.moved(from.index, to.index);
        if !moved.is_ipv6() {
            return Some(moved);
        }
        let moved = moved.only_hops_by(to.index);
        if !moved.is_advertised() || !moved.has_gateway() {
            return Some(moved);
        }
        let Some(metric) = order.metric_apart(route, from.index, &self.advertised) else {
            self.warnings.push(format!("route {route} comes back with its router's next advertisement"));
            return None;
        };
        if metric != route.priority() {
            self.warnings.push(format!("route {route} has metric {metric} for as long as its advertisement holds"));
        }
        let moved = moved.with_priority(metric);
        self.advertised.insert(moved.slot());
        Some(moved)
    }

    /// Not where a third link has such a route, too: its place among them could not be given back.
    fn defer(&mut self, from: &End, belongings: &Belongings, order: &RouteOrder) {
        let to_neighbours =
            |route: &&Route| route.is_ipv6() && !route.has_gateway() && !order.is_shared(route, from.index);
        for route in belongings.prefix_routes.iter().chain(&belongings.routes).filter(to_neighbours) {
            self.defer.push(Step::remove(
                format!("put route {route} by {} behind: remove it", from.name),
                FIRST,
                &route.key(),
            ));
            self.defer.push(Step::add(
                format!("put route {route} by {} behind: add it", from.name),
                FIRST,
                &route.requested(),
                APPEND,
            ));
        }
    }

    fn divert(&mut self, from: &End, belongings: &Belongings) {
        for route in belongings.prefix_routes.iter().chain(&belongings.routes).filter(|route| route.is_ipv6()) {
            let key = route.key().only_hops_by(from.index);
            self.divert.push(Step::remove(format!("remove route {route} by {}", from.name), SHARED, &key));
            let back = route.requested().only_hops_by(from.index);
            self.restore.push(
                Step::add(format!("add route {route} by {} again", from.name), BACK, &back, APPEND).unless(PRESENT),
            );
        }
    }

    fn withdraw(&mut self, from: &End, belongings: &Belongings) {
        for route in &belongings.routes {
            let key = if route.is_ipv6() { route.key().only_hops_by(from.index) } else { route.key() };
            self.withdraw.push(Step::remove(format!("remove route {route} by {}", from.name), UNUSED, &key));
        }
        // Secondaries stand behind their primary and would go, or be promoted, with it.
        for address in belongings.addresses.iter().rev() {
            self.withdraw.push(Step::remove(
                format!("remove address {address} from {}", from.name),
                UNUSED,
                &address.key(),
            ));
        }
        // The kernel leaves the prefix routes of IPv6 addresses with a lifetime.
        for route in &belongings.prefix_routes {
            self.withdraw.push(Step::remove(format!("remove route {route} by {}", from.name), UNUSED, &route.key()));
        }
        for neighbour in &belongings.neighbours {
            self.withdraw.push(Step::remove(
                format!("forget neighbour {neighbour} on {}", from.name),
                UNUSED,
                &neighbour.key(),
            ));
        }
    }
}

/// A link that goes down loses its IPv6 addresses, and the routes over gateways that they led to stay behind. The kernel
/// would refuse them on another link.
fn leads_nowhere(route: &Route, from: &End, belongings: &Belongings) -> bool {
    let neighbours = || belongings.prefix_routes.iter().chain(&belongings.routes);
    let is_lost = |gateway: &IpAddr| !leads_to(*gateway, &belongings.addresses, neighbours());
    route.is_ipv6() && (route.is_dead_by(from.index) || route.gateways_to_reach(from.index).iter().any(is_lost))
}

fn warnings(from: &End, belongings: &Belongings, order: &RouteOrder) -> Vec<String> {
    let is_temporary = |address: &&Address| address.is_ipv6() && address.flags() & IFA_F_SECONDARY != 0;
    let temporary = belongings.addresses.iter().filter(is_temporary).map(|address| {
        format!("{address} keeps its lifetime but is no longer marked temporary: the kernel lets nobody set that mark")
    });
    let is_between = |route: &&Route| !route.is_ipv6() && order.is_between(route, from.index);
    let between = belongings.routes.iter().filter(is_between).map(|route| {
        format!("route {route} stands between other links' routes of equal metric and will stand behind them")
    });
    temporary.chain(between).collect()
}
