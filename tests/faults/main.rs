//! Faults: the shipped programs killed, and failed, at every system call; a network that breaks in the middle; input
//! from hell. After each the host is as before or complete on its bridge, and the router reaches it.

mod host;
mod hostile_input;
mod injection;
mod mishaps;
mod state;
mod strace;
#[path = "../support/mod.rs"]
mod support;
mod tally;

use host::{HOOK, UNDO};
use injection::Subject;

#[test]
fn a_takeover_that_is_killed_or_fails_at_any_system_call_leaves_the_host_whole() {
    injection::everywhere(Subject { what: "takeover by the hook", command: HOOK, from_bridge: false });
}

#[test]
fn an_undo_that_is_killed_or_fails_at_any_system_call_leaves_the_host_whole() {
    injection::everywhere(Subject { what: "virt-bridge undo", command: UNDO, from_bridge: true });
}
