//! A takeover that the uplink's owner carries out, because it would undo one that is not its own.

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::json;

use super::exit::{Exit, Failure};
use super::persist::Lasting;
use crate::bridge::{Lock, Plan, Wanted, Witness};
use crate::deadline::Deadline;
use crate::netlink::Socket;
use crate::owner::{self, HandOver};

/// How long the owner may take until the bridge has everything; it asks the DHCP server anew.
const CARRYING_OUT: Duration = Duration::from_secs(30);

/// How long of that is waited for routers' advertisements, when all else is there.
const ADVERTISEMENTS: Duration = Duration::from_secs(10);

/// How long going back may take, which the owner is still ready for then.
const GOING_BACK: Duration = Duration::from_secs(30);

/// Lets the owner take over, and looks whether the bridge has everything then.
///
/// # Errors
/// When the owner refuses, or the bridge lacks something and all was taken back.
pub fn run(wanted: &Wanted, plan: Plan, lasting: &Lasting, as_json: bool) -> Result<(), Failure> {
    let (bridge, uplink, owner) = (wanted.bridge.as_str(), lasting.uplink.as_str(), lasting.persistence.owner);
    if !plan.creates_bridge {
        return Err(Failure::unchanged(format!("{bridge} is there already, and {owner} would take away what it has"))
            .hint(format!("delete it first, if nothing needs it: ip link delete {bridge}")));
    }
    let strangers = owner::strangers(owner, &plan.moved.addresses, &plan.moved.routes);
    if let Some(stranger) = strangers.first() {
        return Err(Failure::unchanged(format!("{owner} has not made {stranger} of {uplink}, and would take it away"))
            .hint("write it into the uplink's profile and bring that up, or delete it first"));
    }
    let lock = Lock::take(Deadline::after(super::DEADLINE))?;
    let unread = |error: crate::netlink::Error| Failure::unchanged(error.to_string());
    let mut socket = Socket::open().map_err(unread)?;
    let (begun, deadline) = (Instant::now(), Deadline::after(CARRYING_OUT));
    let mut witness = Witness::of(&mut socket, plan, wanted.gateway_check, deadline)?;
    let lifetime = CARRYING_OUT + GOING_BACK;
    let hand_over =
        HandOver::prepare(bridge, uplink, &lasting.persistence, lifetime, deadline).map_err(Failure::unchanged)?;
    let carried_out = hand_over.carry_out(deadline).and_then(|()| {
        witness
            .is_met(&mut socket, deadline.at_most(ADVERTISEMENTS), deadline)
            .map_err(|why| format!("{bridge}: {why}"))
    });
    let kept = carried_out.and_then(|late| hand_over.keep(Deadline::after(GOING_BACK)).map(|()| late));
    let late = kept.map_err(|cause| taken_back(hand_over, &witness, &mut socket, &cause))?;
    drop(lock);
    let (addresses, routes) = witness.counts();
    let took = begun.elapsed();
    // What was done stays done, and is written where it lasts, where nobody reads of it.
    let _ = if as_json {
        let microseconds = took.as_micros() as u64;
        super::print_json(&json!({ "bridge": bridge, "changed": true, "owner": owner, "microseconds": microseconds }))
    } else {
        super::print_text(&format!(
            "{owner} has handed {addresses} addresses and {routes} routes of {uplink} over to {bridge} in {took:.1?}\n"
        ))
    };
    let warn = |warning: String| drop(writeln!(std::io::stderr(), "warning: {warning}"));
    late.into_iter().for_each(|what| warn(format!("{bridge} has not got {what} again yet")));
    Ok(())
}

fn taken_back(hand_over: HandOver, witness: &Witness, socket: &mut Socket, cause: &str) -> Failure {
    let back = hand_over.take_back(Deadline::after(GOING_BACK));
    // Whatever the owner waits for, such as a DHCP server that has gone: the host is reached as it was.
    match witness.give_back(socket).and(back) {
        Ok(()) => Failure::new(Exit::RolledBack, format!("{cause}; the host is as it was before")),
        Err(why) => Failure::new(Exit::NeedsAttention, format!("{cause}; and going back failed too: {why}"))
            .hint("look at nmcli device, and bring the uplink's profile up: nmcli connection up NAME"),
    }
}
