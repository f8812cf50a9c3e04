//! A takeover that the uplink's owner carries out, because it would undo one that is not its own.

use std::time::{Duration, Instant};

use serde_json::json;

use super::exit::{Exit, Failure};
use super::guarded::{Net, Waits};
use super::persist::Lasting;
use crate::bridge::{self, Lock, Plan, Receipt, Records, Wanted, Witness};
use crate::confirmation::{Confirmation, HandedOver};
use crate::deadline::Deadline;
use crate::netlink::Socket;
use crate::owner::{self, HandOver};

/// How long the owner may take until the bridge has everything; it asks the DHCP server anew.
const CARRYING_OUT: Duration = Duration::from_secs(30);

/// How long of that is waited for routers' advertisements, when all else is there.
const ADVERTISEMENTS: Duration = Duration::from_secs(10);

/// How long the takeover may take, with going back where it fails; then the owner goes back by itself.
const AT_MOST: Duration = CARRYING_OUT.saturating_add(HandedOver::ANSWER);

/// How much later than we the owner goes back by itself, where none of us is left.
const LAST_RESORT: Duration = Duration::from_secs(10);

/// What an owner that carries out takeovers by itself has to do; nothing where the uplink is the bridge's port.
pub fn work<'a>(plan: Option<&'a Plan>, lasting: Option<&'a Lasting>) -> Option<(&'a Plan, &'a Lasting)> {
    let lasting = lasting.filter(|lasting| lasting.is_owners_work())?;
    let plan = plan.filter(|plan| plan.uplink.is_some() && !plan.before.uplink_was_port)?;
    Some((plan, lasting))
}

/// Refuses where the owner would take something away for good.
///
/// # Errors
/// What that is, and what to do about it.
pub fn preflight(bridge: &str, plan: &Plan, lasting: &Lasting) -> Result<(), Failure> {
    let (uplink, owner) = (lasting.uplink.as_str(), lasting.persistence.owner);
    if !plan.creates_bridge {
        return Err(Failure::unchanged(format!("{bridge} is there already, and {owner} would take away what it has"))
            .hint(format!("delete it first, if nothing needs it: ip link delete {bridge}")));
    }
    let strangers = owner::strangers(owner, &plan.moved.addresses, &plan.moved.routes);
    match strangers.first() {
        None => Ok(()),
        Some(stranger) => {
            Err(Failure::unchanged(format!("{owner} has not made {stranger} of {uplink}, and would take it away"))
                .hint("write it into the uplink's profile and bring that up, or delete it first"))
        }
    }
}

/// Lets the owner take over, and looks whether the bridge has everything then; waits for the confirmation where that is
/// asked for.
///
/// # Errors
/// When the owner refuses, the bridge lacks something, or nobody has confirmed it; then all was taken back.
pub fn run(
    wanted: &Wanted,
    plan: Plan,
    lasting: &Lasting,
    waits: Option<&Waits>,
    as_json: bool,
) -> Result<(), Failure> {
    let bridge = wanted.bridge.as_str();
    preflight(bridge, &plan, lasting)?;
    let Some(waits) = waits else {
        return carry_out(wanted, plan, lasting, None, as_json).map(drop);
    };
    let net = Net::spread(bridge, AT_MOST, waits)?;
    match carry_out(wanted, plan, lasting, Some(waits.allowed), as_json) {
        Ok(handed_over) => net.wait(|| handed_over.stands(bridge)),
        Err(failure) => net.call_off().and(Err(failure)),
    }
}

fn carry_out(
    wanted: &Wanted,
    plan: Plan,
    lasting: &Lasting,
    allowed: Option<Duration>,
    as_json: bool,
) -> Result<HandedOver, Failure> {
    let (bridge, uplink) = (wanted.bridge.as_str(), lasting.uplink.as_str());
    let lock = Lock::take(Deadline::after(super::DEADLINE))?;
    let unread = |error: crate::netlink::Error| Failure::unchanged(error.to_string());
    let mut socket = Socket::open().map_err(unread)?;
    let (begun, deadline) = (Instant::now(), Deadline::after(CARRYING_OUT));
    let mut receipt = receipt_of(&plan, lasting);
    let mut witness = Witness::of(&mut socket, plan, wanted.gateway_check, deadline)?;
    let Some((end, moved)) = witness.belongings() else {
        return Err(Failure::unchanged(format!("{bridge} has no uplink to be handed over")));
    };
    let (end, moved) = (end.clone(), moved.clone());
    let hand_over =
        HandOver::prepare(bridge, uplink, &lasting.persistence, AT_MOST, deadline).map_err(Failure::unchanged)?;
    let handed_over = HandedOver { hand_over, uplink: end, moved };
    if allowed.is_some() {
        Confirmation::hand_over(&lock, bridge, handed_over.clone())
            .map_err(|error| Failure::unchanged(format!("cannot write down how to go back: {error}")))?;
    }
    let (carried_out, outage) = bridge::while_watched(witness.owed(), || {
        bridge::while_received(bridge, &handed_over.moved, || {
            timed(&mut receipt, "hand over", || handed_over.hand_over.carry_out(deadline))?;
            let looked = || witness.is_met(&mut socket, deadline.at_most(ADVERTISEMENTS), deadline);
            timed(&mut receipt, "verify", looked).map_err(|why| format!("{bridge}: {why}"))
        })
    });
    let kept = carried_out.and_then(|late| match allowed {
        None => handed_over.keep().map(|()| late),
        Some(allowed) => wait_on(&lock, bridge, &handed_over, allowed).map(|()| late),
    });
    let late = kept.map_err(|cause| taken_back(&handed_over, &cause))?;
    receipt.outage = outage.map(microseconds);
    if let Err(error) = Records::of(bridge).note_handed_over(&receipt) {
        super::warn(&format!("cannot write the receipt of {bridge}: {error}"));
    }
    report(lasting, &witness, bridge, begun.elapsed(), outage, as_json);
    late.into_iter().for_each(|what| super::warn(&format!("{bridge} has not got {what} again yet")));
    Ok(handed_over)
}

/// The time to confirm begins; the owner goes back by itself a little after it has run out.
fn wait_on(lock: &Lock, bridge: &str, handed_over: &HandedOver, allowed: Duration) -> Result<(), String> {
    handed_over.hand_over.prolong(allowed + LAST_RESORT, Deadline::after(HandedOver::ANSWER))?;
    let waiting = Confirmation::begin_waiting(lock, bridge);
    waiting.map(drop).map_err(|error| format!("cannot note that the time to confirm begins: {error}"))
}

fn receipt_of(plan: &Plan, lasting: &Lasting) -> Receipt {
    let (owner, uplink) = (lasting.persistence.owner, &lasting.uplink);
    let step = format!("let {owner} bring {} up, with {uplink} as its port", plan.bridge.name);
    Receipt { owner: Some(owner.to_string()), steps: vec![step], ..Receipt::of(plan) }
}

fn timed<T>(receipt: &mut Receipt, phase: &str, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = work();
    receipt.microseconds.push((phase.into(), microseconds(begun.elapsed())));
    result
}

fn microseconds(duration: Duration) -> u64 {
    duration.as_micros() as u64
}

/// What was done stays done, and is written where it lasts, where nobody reads of it.
fn report(lasting: &Lasting, witness: &Witness, bridge: &str, took: Duration, outage: Option<Duration>, as_json: bool) {
    let (owner, uplink) = (lasting.persistence.owner, &lasting.uplink);
    let (addresses, routes) = witness.counts();
    let _ = if as_json {
        super::print_json(&json!({
            "bridge": bridge, "changed": true, "owner": owner,
            "microseconds": microseconds(took), "outage_microseconds": outage.map(microseconds),
        }))
    } else {
        let outage = outage.map(|outage| format!("\noutage: at most {outage:.1?}")).unwrap_or_default();
        let addresses = bridge::counted(addresses, "address", "addresses");
        let routes = bridge::counted(routes, "route", "routes");
        super::print_text(&format!(
            "{owner} has handed {addresses} and {routes} of {uplink} over to {bridge} in {took:.1?}{outage}\n"
        ))
    };
}

fn taken_back(handed_over: &HandedOver, cause: &str) -> Failure {
    match handed_over.take_back() {
        Ok(()) => Failure::new(Exit::RolledBack, format!("{cause}; the host is as it was before")),
        Err(why) => Failure::new(Exit::NeedsAttention, format!("{cause}; and going back failed too: {why}"))
            .hint("look at nmcli device, and bring the uplink's profile up: nmcli connection up NAME"),
    }
}
