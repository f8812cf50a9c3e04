//! Signals, as items of the agenda.

use std::io;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};

use crate::agenda::Agenda;

/// How long the program may take to end by itself. Whatever it does then, a change is libvirt's to finish or not.
const PATIENCE: Duration = Duration::from_millis(500);

/// Takes SIGHUP (reload), SIGTERM and SIGINT (stop) for `agenda` from now on. Comes before every other thread, which
/// would be interrupted by them otherwise.
///
/// # Errors
/// When the signals cannot be blocked or the thread not made.
pub fn follow(agenda: &'static Agenda) -> io::Result<()> {
    let signals = SigSet::from_iter([Signal::SIGHUP, Signal::SIGTERM, Signal::SIGINT]);
    signals.thread_block()?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        loop {
            match signals.wait() {
                Ok(Signal::SIGHUP) => agenda.add(|items| items.reload = true),
                Ok(_) => break,
                Err(_) => {}
            }
        }
        agenda.add(|items| items.stop = true);
        // A libvirtd that hangs keeps the other thread in a call for ever.
        thread::sleep(PATIENCE);
        std::process::exit(0);
    })?;
    Ok(())
}
