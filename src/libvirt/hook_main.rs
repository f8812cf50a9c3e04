//! The start of the libvirt hooks, without the set-up of Rust's runtime: libvirt calls a hook for each operation on each
//! guest and network, mostly for nothing, and that set-up takes a sixth of what a program takes that does nothing. It
//! reads /proc/self/maps and makes a second stack, to say of a full stack that it is full; the kernel ends us in any case.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{stderr, stdin, stdout};
use std::os::fd::{AsFd, IntoRawFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigHandler, Signal, signal};

use crate::log::Log;

/// Makes `$run` the main function of the hook `$program`, in a crate with `#![no_main]`.
#[macro_export]
macro_rules! hook_main {
    ($program:literal, $run:path) => {
        // SAFETY: the C library calls the program's one `main`, and ignores what it passes beyond the parameters.
        #[unsafe(no_mangle)]
        extern "C" fn main() -> std::ffi::c_int {
            $crate::libvirt::hook_main::start($program, $run)
        }
    };
}

/// Runs a hook to its end; what it fails with goes to the log and to stderr.
///
/// Done here is what programs rely on of all that the runtime does (`init` in std's library/std/src/sys/pal/unix/mod.rs):
/// no file of ours becomes stderr, and a reader who is gone is an error instead of our end.
pub fn start(program: &'static str, run: fn(&Log) -> Result<(), String>) -> ! {
    open_standard_descriptors();
    // SAFETY: no handler of ours runs.
    let _ = unsafe { signal(Signal::SIGPIPE, SigHandler::SigIgn) };
    let log = Log::new(program);
    let failed = run(&log).inspect_err(|error| log.error(&format!("virt-bridge: {error}"))).is_err();
    // Not a return to the C library: std writes what stdout still holds.
    std::process::exit(failed.into())
}

/// Opens those of stdin, stdout and stderr that whoever called us has closed.
fn open_standard_descriptors() {
    let (stdin, stdout, stderr) = (stdin(), stdout(), stderr());
    let mut polled = [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()].map(|fd| PollFd::new(fd, PollFlags::empty()));
    let _ = poll(&mut polled, PollTimeout::ZERO);
    let is_closed = |polled: &&PollFd| polled.revents().is_some_and(|events| events.contains(PollFlags::POLLNVAL));
    for _ in polled.iter().filter(is_closed) {
        // The lowest number that is free; it stays open.
        let _ = File::options().read(true).write(true).open("/dev/null").map(File::into_raw_fd);
    }
}
