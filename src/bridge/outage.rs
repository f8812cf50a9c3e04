//! For how long a host cannot answer while somebody else hands its uplink over to a bridge.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::meanwhile::meanwhile;
use super::plan::Plan;
use super::verify;
use crate::netlink::{Address, Error, Link, PortState, Socket, address, link};

const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

/// Does the work in which the bridge of `plan` receives what is to be moved, and looks meanwhile where that is. Answers with
/// the time from the last look that found all of it on the uplink to the first that found it on the bridge: for no longer
/// could the host not answer. Nothing where it could not be seen.
pub fn while_watched<T>(plan: Plan, work: impl FnOnce() -> T) -> (T, Option<Duration>) {
    let (result, outage) = meanwhile(|is_done| watch(plan, is_done).ok().flatten(), work);
    (result, outage.flatten())
}

fn watch(mut plan: Plan, is_done: &AtomicBool) -> Result<Option<Duration>, Error> {
    let mut socket = Socket::open()?;
    let mut last_before = None;
    loop {
        // Before the look, so that one follows the end of the work.
        let is_last = is_done.load(Ordering::Relaxed);
        let begun = Instant::now();
        if is_before(&mut socket, &plan)? {
            last_before = Some(begun);
        } else if is_behind(&mut socket, &mut plan)? {
            return Ok(last_before.map(|before| before.elapsed()));
        }
        if is_last {
            return Ok(None);
        }
        std::thread::sleep(BETWEEN_LOOKS);
    }
}

/// Whether the uplink still has its addresses, and is nobody's port.
fn is_before(socket: &mut Socket, plan: &Plan) -> Result<bool, Error> {
    let Some(uplink) = &plan.uplink else { return Ok(false) };
    let is_port = socket.get::<Link>(link::by_index(uplink.index))?.is_none_or(|link| link.master().is_some());
    if is_port {
        return Ok(false);
    }
    let present = socket.dump::<Address>(address::of_link(uplink.index))?;
    let present: HashSet<_> = present.iter().map(Address::essence).collect();
    Ok(plan.moved.addresses.iter().all(|address| present.contains(&address.essence())))
}

/// Whether the bridge has everything, and passes on what comes by its uplink.
fn is_behind(socket: &mut Socket, plan: &mut Plan) -> Result<bool, Error> {
    let (Some(bridge), Some(uplink)) = (socket.get::<Link>(link::by_name(&plan.bridge.name))?, &plan.uplink) else {
        return Ok(false);
    };
    plan.bridge.index = bridge.index;
    let port = socket.get::<Link>(link::by_index(uplink.index))?.and_then(|link| link.bridge_port());
    let forwards = port.is_some_and(|port| port.state == PortState::Forwarding);
    Ok(forwards && verify::missing(socket, plan)?.is_empty())
}
