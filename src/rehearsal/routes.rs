//! The routes of the host on its copy: with addresses and links the kernel has made some, others are missing, and among
//! those of equal destination and metric the order counts.

use std::collections::HashMap;

use nix::libc;

use crate::netlink::route::{self, Slot};
use crate::netlink::{Error, Payload, Request, Route, Socket};

/// Some routes lead to the gateways of others, and are taken only behind them.
const ROUNDS: usize = 4;

const ADD: i32 = libc::NLM_F_CREATE | libc::NLM_F_EXCL;
const APPEND: i32 = libc::NLM_F_CREATE | libc::NLM_F_APPEND;

/// Gives the copy these routes, which are in the kernel's order and by the copy's links. What the kernel refuses is
/// missing afterwards.
///
/// # Errors
/// When the kernel cannot be asked.
pub fn restore(socket: &mut Socket, wanted: &[Route]) -> Result<(), Error> {
    for round in 1..=ROUNDS {
        let repair = Repair::of(wanted, &all(socket)?);
        if repair.is_empty() {
            break;
        }
        // A route may have outlived the one that led to its gateway: it is taken only while there is another one.
        let crutches = if round < ROUNDS { Vec::new() } else { repair.crutches() };
        let outcomes = socket.batch(&requests(Route::NEW, &crutches, ADD))?;
        socket.batch(&requests(Route::DELETE, &repair.remove, 0))?;
        socket.batch(&requests(Route::NEW, &repair.add, APPEND))?;
        let own: Vec<Route> =
            crutches.into_iter().zip(outcomes).filter(|(_, outcome)| outcome.is_ok()).map(|(route, _)| route).collect();
        socket.batch(&requests(Route::DELETE, &own, 0))?;
    }
    Ok(())
}

/// The IPv6 routes that leave by the link with this index.
///
/// # Errors
/// When the kernel cannot be asked.
pub fn by_link(socket: &mut Socket, index: u32) -> Result<Vec<Route>, Error> {
    socket.dump(route::by_link(libc::AF_INET6 as u8, index))
}

fn all(socket: &mut Socket) -> Result<Vec<Route>, Error> {
    let mut routes = socket.dump::<Route>(route::all(libc::AF_INET as u8))?;
    routes.extend(socket.dump::<Route>(route::all(libc::AF_INET6 as u8))?);
    Ok(routes)
}

fn requests(kind: u16, routes: &[Route], flags: i32) -> Vec<Request> {
    routes.iter().map(|route| Request { kind, flags: flags as u16, payload: route.encode() }).collect()
}

/// What makes one list of routes into another.
#[derive(Debug, Default, PartialEq, Eq)]
struct Repair {
    remove: Vec<Route>,
    add: Vec<Route>,
}

impl Repair {
    /// Where the routes of one place are not the wanted ones in their order, all of that place are made anew.
    fn of(wanted: &[Route], present: &[Route]) -> Self {
        let (wanted, present) = (by_place(wanted), by_place(present));
        let places = wanted.keys().chain(present.keys().filter(|place| !wanted.contains_key(*place)));
        let mut repair = Repair::default();
        for place in places {
            let [wanted, present] = [&wanted, &present].map(|routes| routes.get(place).map_or(&[][..], Vec::as_slice));
            if lasting(wanted) != lasting(present) {
                repair.remove.extend(present.iter().map(|route| route.key()));
                repair.add.extend(wanted.iter().map(|route| route.requested()));
            }
        }
        // A source must be the host's own, and a gateway reachable, when its route is added.
        let is_local = |route: &Route| route.table() == u32::from(libc::RT_TABLE_LOCAL);
        repair.add.sort_by_key(|route| (route.has_gateway(), !is_local(route)));
        repair
    }

    fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.add.is_empty()
    }

    /// Routes to the gateways of those that are added.
    fn crutches(&self) -> Vec<Route> {
        self.add.iter().flat_map(Route::crutches).collect()
    }
}

fn by_place(routes: &[Route]) -> HashMap<Slot, Vec<&Route>> {
    let mut places: HashMap<Slot, Vec<&Route>> = HashMap::new();
    for route in routes {
        places.entry(route.slot()).or_default().push(route);
    }
    places
}

/// The routes without what runs down meanwhile.
fn lasting(routes: &[&Route]) -> Vec<Route> {
    routes.iter().map(|route| route.requested().lasting()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Attributes;

    /// An IPv4 default route by a link.
    fn default_by(index: u32, metric: u32) -> Route {
        let mut payload = vec![2, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
        let attributes = Attributes::default()
            .with(5, [192, 0, 2, index as u8])
            .with(4, index.to_ne_bytes())
            .with(6, metric.to_ne_bytes());
        payload.extend(attributes.encode());
        Route::parse(&payload).unwrap()
    }

    #[test]
    fn only_a_place_whose_list_differs_is_made_anew() {
        let routes = [default_by(2, 0), default_by(3, 0), default_by(2, 7)];
        assert!(Repair::of(&routes, &routes).is_empty());
        let turned = [routes[1].clone(), routes[0].clone(), routes[2].clone()];
        let repair = Repair::of(&routes, &turned);
        assert_eq!(repair.add, routes[..2]);
        assert_eq!(repair.remove, [routes[1].key(), routes[0].key()]);
        assert_eq!(Repair::of(&routes[..2], &routes).remove, [routes[2].key()]);
        assert_eq!(Repair::of(&routes, &routes[..2]).add, routes[2..]);
    }

    #[test]
    fn a_crutch_leads_to_the_gateway_itself() {
        let crutches = default_by(3, 0).crutches();
        assert_eq!(crutches.iter().map(Route::to_string).collect::<Vec<_>>(), ["192.0.2.3/32"]);
        assert!(crutches[0].uses(3) && !crutches[0].has_gateway());
    }
}
