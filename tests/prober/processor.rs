//! A processor for the prober, and the others for the command under test.
//!
//! If they shared one, the prober would see the scheduler's pauses as well as the network's: it would be pushed aside, or
//! have to wait while the kernel works through a large request without a break.

use std::process::{Command, Stdio};

use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::{Pid, gettid},
};

/// Takes the calling thread to the prober's processor, with a real-time priority there.
///
/// chrt(1) does it because neither std nor nix offers sched_setscheduler(2). Where it may not, pauses show the price.
pub fn take() -> nix::Result<()> {
    restrict(|processor, own| processor == own)?;
    let thread = gettid().to_string();
    let mut chrt = Command::new("chrt");
    let _ = chrt.args(["--fifo", "--pid", "10", &thread]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    Ok(())
}

/// Takes the calling thread, and what it starts, away from the prober's processor.
pub fn leave() -> nix::Result<()> {
    restrict(|processor, own| processor != own)
}

/// Restricts the calling thread to the processors that `wanted` picks, given each one and the prober's own.
fn restrict(wanted: impl Fn(usize, usize) -> bool) -> nix::Result<()> {
    let this_thread = Pid::from_raw(0);
    let allowed = sched_getaffinity(this_thread)?;
    let allowed: Vec<usize> = (0..CpuSet::count()).filter(|&processor| allowed.is_set(processor) == Ok(true)).collect();
    let [_, .., own] = allowed[..] else { return Ok(()) };
    let mut set = CpuSet::new();
    allowed.iter().filter(|&&processor| wanted(processor, own)).try_for_each(|&processor| set.set(processor))?;
    sched_setaffinity(this_thread, &set)
}
