//! The start of the libvirt hooks, without the set-up of Rust's runtime: libvirt calls a hook for each operation on each
//! guest and network, mostly for nothing, and that set-up takes a sixth of what a program takes that does nothing. It
//! reads /proc/self/maps and makes a second stack, to say of a full stack that it is full; the kernel ends us in any case.
#![allow(unsafe_code)]

use std::fs::File;
use std::os::fd::{BorrowedFd, IntoRawFd};

use nix::libc;
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
    let mut polled = [0, 1, 2].map(|fd| libc::pollfd { fd, events: 0, revents: 0 });
    // SAFETY: the pointer and the count are those of one array, and a descriptor that is closed is what we ask for.
    unsafe { libc::poll(polled.as_mut_ptr(), 3, 0) };
    for _ in polled.iter().filter(|polled| polled.revents & libc::POLLNVAL != 0) {
        // The lowest number that is free; it stays open.
        let _ = File::options().read(true).write(true).open("/dev/null").map(File::into_raw_fd);
    }
}

/// A hook's input without the buffer of 8 KiB that std makes for it.
pub fn stdin() -> BorrowedFd<'static> {
    // SAFETY: it is open since `start`, and nobody closes it.
    unsafe { BorrowedFd::borrow_raw(libc::STDIN_FILENO) }
}
