//! Reads back what a plan has done and compares.

use std::collections::HashSet;

use super::plan::Plan;
use super::receipt::Operation;
use super::snapshot::routes_by;
use crate::netlink::{Address, Error, Link, Route, Socket, address, link};

/// What the plan promised of the new end and the kernel does not show; empty when all is there.
///
/// # Errors
/// When the kernel cannot be asked.
pub fn missing(socket: &mut Socket, plan: &Plan) -> Result<Vec<String>, Error> {
    let Some(new_end) = plan.new_end() else { return Ok(Vec::new()) };
    let mut missing = Vec::new();
    match socket.get::<Link>(link::by_index(new_end.index))? {
        None => return Ok(vec![format!("link {}", new_end.name)]),
        Some(link) if !link.is_up() && plan.operation == Operation::Takeover => {
            missing.push(format!("{} being up", new_end.name));
        }
        Some(_) => {}
    }
    if let Some(uplink) = &plan.uplink {
        let wanted =
            (plan.operation == Operation::Takeover || plan.before.uplink_was_port).then_some(plan.bridge.index);
        if socket.get::<Link>(link::by_index(uplink.index))?.and_then(|link| link.master()) != wanted {
            missing.push(format!(
                "{} being {} port of {}",
                uplink.name,
                if wanted.is_some() { "a" } else { "no" },
                plan.bridge.name
            ));
        }
    }
    let addresses = socket.dump::<Address>(address::of_link(new_end.index))?;
    let addresses: HashSet<_> = addresses.iter().map(Address::essence).collect();
    missing.extend(
        plan.moved
            .addresses
            .iter()
            .filter(|address| !addresses.contains(&address.essence()))
            .map(|address| format!("address {address}")),
    );
    let ways: HashSet<_> =
        routes_by(socket, new_end.index)?.iter().flat_map(|route| route.ways_by(new_end.index)).collect();
    let is_there = |route: &&Route| route.ways_by(new_end.index).iter().all(|way| ways.contains(way));
    missing.extend(plan.placed.iter().filter(|route| !is_there(route)).map(|route| format!("route {route}")));
    Ok(missing)
}

/// Says so where nothing comes or goes by the uplink, which a takeover does not mend.
///
/// # Errors
/// When the kernel cannot be asked.
pub fn no_carrier(socket: &mut Socket, plan: &Plan) -> Result<Option<String>, Error> {
    let Some(uplink) = plan.uplink.as_ref().filter(|_| plan.operation == Operation::Takeover) else { return Ok(None) };
    let link = socket.get::<Link>(link::by_index(uplink.index))?;
    let yet = if plan.before.uplink_was_up { "" } else { " yet" };
    let says = |_| format!("{} has no carrier{yet}: nothing passes until its cable is in", uplink.name);
    Ok(link.filter(|link| link.carrier() == Some(false)).map(says))
}

/// The addresses that a takeover should have taken from the uplink and has not.
///
/// # Errors
/// When the kernel cannot be asked.
pub fn left_behind(socket: &mut Socket, plan: &Plan) -> Result<Vec<String>, Error> {
    let Some(uplink) = plan.uplink.as_ref().filter(|_| plan.operation == Operation::Takeover) else {
        return Ok(Vec::new());
    };
    let moved: HashSet<_> = plan.moved.addresses.iter().map(Address::essence).collect();
    let addresses = socket.dump::<Address>(address::of_link(uplink.index))?;
    Ok(addresses.iter().filter(|address| moved.contains(&address.essence())).map(Address::to_string).collect())
}
