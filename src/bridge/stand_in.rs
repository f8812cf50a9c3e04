//! Routes that were moved without their nexthop object, and stand in on the new link until whoever made the object has made
//! another one there. The kernel keeps both, because it replaces a route by an object only by another such one
//! (fib6_add_rt2node in net/ipv6/ip6_fib.c).

use std::time::Duration;

use super::receipt::Receipt;
use super::snapshot::routes_by;
use crate::deadline::Deadline;
use crate::netlink::{Error, Link, Request, Route, Socket, link};

/// How long routers may take to say their word again: they are asked within a second, and may let half a second pass, or three
/// since they last spoke (RFC 4861, 6.2.6).
const ANSWER: Duration = Duration::from_secs(5);

const PAUSE: Duration = Duration::from_millis(50);

/// Takes those of a takeover from the link that has what was moved now, the bridge or after an undo the uplink, once each is not
/// needed any more; what nobody makes anew in time stays for as long as its router has promised.
///
/// # Errors
/// One line when the kernel cannot be asked.
pub fn take_stand_ins_away(link: &str, takeover: Option<&Receipt>) -> Result<(), String> {
    let moved = takeover.map(|receipt| receipt.moved.routes.as_slice()).unwrap_or_default();
    let by_object: Vec<&Route> = moved.iter().filter(|route| route.nexthop_object().is_some()).collect();
    if by_object.is_empty() {
        return Ok(());
    }
    take_away(link, &by_object)
        .map_err(|error| format!("cannot see whether {link} has its routers' routes again: {error}"))
}

fn take_away(link: &str, by_object: &[&Route]) -> Result<(), Error> {
    let mut socket = Socket::open()?;
    let Some(link) = socket.get::<Link>(link::by_name(link))? else { return Ok(()) };
    let deadline = Deadline::after(ANSWER);
    loop {
        let routes = routes_by(&mut socket, link.index)?;
        let stand_ins: Vec<&Route> =
            routes.iter().filter(|route| by_object.iter().any(|it| stands_for(route, it))).collect();
        let (needless, needed): (Vec<&Route>, Vec<&Route>) =
            stand_ins.into_iter().partition(|stand_in| routes.iter().any(|route| stands_for(stand_in, route)));
        socket.batch(&needless.iter().map(|route| Request::remove(&route.key())).collect::<Vec<_>>())?;
        if needed.is_empty() || deadline.has_passed() {
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
}

/// Whether a route by a gateway of its own leads where one by an object does, at a metric beside it at most.
pub(super) fn stands_for(route: &Route, by_object: &Route) -> bool {
    route.nexthop_object().is_none() && by_object.nexthop_object().is_some() && leads_alike(route, by_object)
}

/// Whether two routes lead to the same gateway, at metrics beside each other at most.
pub(super) fn leads_alike(route: &Route, other: &Route) -> bool {
    let place = |route: &Route| route.clone().with_priority(0).place();
    route.priority().abs_diff(other.priority()) <= 1 && place(route) == place(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::{Attributes, Payload};

    /// An IPv6 default route by a gateway, of an advertisement.
    fn route(gateway: u8, metric: u32, object: Option<u32>) -> Route {
        let mut payload = vec![10, 0, 0, 0, 254, 9, 0, 1, 0, 0, 0, 0];
        let mut attributes =
            Attributes::default().with(5, [gateway; 16]).with(4, 2u32.to_ne_bytes()).with(6, metric.to_ne_bytes());
        if let Some(object) = object {
            attributes.set(30, object.to_ne_bytes());
        }
        payload.extend(attributes.encode());
        Route::parse(&payload).unwrap()
    }

    #[test]
    fn a_route_stands_for_one_by_an_object_that_leads_to_the_same_gateway_at_a_metric_beside() {
        let by_object = route(1, 100, Some(7));
        for metric in [99, 100, 101] {
            assert!(stands_for(&route(1, metric, None), &by_object), "{metric}");
        }
        for other in [route(1, 98, None), route(2, 99, None), route(1, 99, Some(8))] {
            assert!(!stands_for(&other, &by_object), "{other}");
        }
        assert!(!stands_for(&route(1, 99, None), &route(1, 100, None)));
    }
}
