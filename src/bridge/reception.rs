//! A bridge that somebody else makes is of use as soon as it is there: it knows the neighbours that its uplink knew, so that no
//! packet waits for a question, and has its IPv6 addresses at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::libc;

use super::belongings::Belongings;
use super::meanwhile::meanwhile;
use crate::duplicate_detection::Off;
use crate::netlink::{Link, Request, Socket, link};

const REPLACE: i32 = libc::NLM_F_CREATE | libc::NLM_F_REPLACE;

/// The bridge has its first address some ten milliseconds after it is made.
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

/// Does the work in which the bridge of this name is made and given what was `moved`, and stands by meanwhile. Where it cannot,
/// packets wait.
pub fn while_received<T>(bridge: &str, moved: &Belongings, work: impl FnOnce() -> T) -> T {
    meanwhile(|is_done| receive(bridge, moved, is_done), work).0
}

fn receive(bridge: &str, moved: &Belongings, is_done: &AtomicBool) {
    let Ok(mut socket) = Socket::open() else { return };
    let mut off = None;
    let mut knows_neighbours = false;
    while !is_done.load(Ordering::Relaxed) {
        if let Ok(Some(link)) = socket.get::<Link>(link::by_name(bridge)) {
            off = off.or_else(|| Off::on(bridge));
            // A link without a carrier forgets them when it loses that (neigh_carrier_down in net/core/neighbour.c).
            if !knows_neighbours && link.is_up() && link.carrier() == Some(true) {
                let known =
                    moved.neighbours.iter().map(|neighbour| Request::add(&neighbour.moved(link.index), REPLACE));
                knows_neighbours = socket.batch(&known.collect::<Vec<_>>()).is_ok();
            }
        }
        std::thread::sleep(BETWEEN_LOOKS);
    }
}
