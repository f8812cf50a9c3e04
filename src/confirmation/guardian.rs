//! The guardian: a process in a session of its own, which outlives the command and its terminal.

use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use nix::unistd::setsid;

use super::{Confirmation, TakenBack, take_back};
use crate::bridge::Error;
use crate::log::Log;

/// How often the guardian looks whether the confirmation has come.
const PAUSE: Duration = Duration::from_millis(200);

/// How long it waits before it tries again to take back what it could not.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// What ends a session must not end its guardian.
const WITHSTOOD: [Signal; 5] = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGPIPE, Signal::SIGTSTP];

/// The command's hold of its guardian. The guardian's standard input is a pipe that ends with the command, however that
/// ends.
pub struct Guardian {
    bridge: String,
    process: Child,
}

impl Guardian {
    /// Starts a guardian and waits until it is on guard.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(bridge: &str) -> io::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["guard", "--", bridge])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Not the session's: sshd ends a session when nobody has its descriptors any more.
            .stderr(Stdio::null())
            .spawn()?;
        let mut ready = [0];
        let said = process.stdout.take().map(|mut stdout| stdout.read_exact(&mut ready));
        said.unwrap_or_else(|| Err(io::Error::other("it has no standard output")))?;
        Ok(Guardian { bridge: bridge.to_owned(), process })
    }

    /// Starts another one where somebody has killed this one; answers whether that was so.
    ///
    /// # Errors
    /// When another one does not come up.
    pub fn revive(&mut self) -> io::Result<bool> {
        // In this order: a guardian ends by itself only after the confirmation has.
        let was_killed = self.process.try_wait()?.is_some() && Confirmation::of(&self.bridge)?.is_some();
        if was_killed {
            *self = Guardian::start(&self.bridge)?;
        }
        Ok(was_killed)
    }
}

/// What the guardian does: waits until the confirmation has come or the time has run out, and takes back what is not
/// confirmed. Where the command ends in the middle of the takeover, nobody can know of it, and that is taken back at once.
///
/// A guardian that the timer has started has no command that could tell.
pub fn guard(bridge: &str, by_timer: bool) {
    // Without either it guards as well, only less safely.
    let _ = setsid();
    let _ = SigSet::from_iter(WITHSTOOD).thread_block();
    let command_is_gone = if by_timer { Arc::default() } else { watch_command() };
    let log = Log::new("virt-bridge");
    let mut failure = String::new();
    loop {
        let is_due = |confirmation: &Confirmation| {
            confirmation.is_due() || (!confirmation.taken_over && command_is_gone.load(Ordering::Relaxed))
        };
        let is_pending = match Confirmation::of(bridge) {
            Ok(None) => return,
            Ok(Some(confirmation)) => !is_due(&confirmation),
            Err(_) => false,
        };
        if is_pending {
            std::thread::sleep(PAUSE);
            continue;
        }
        match take_back(bridge, is_due) {
            Ok(taken_back) => taken_back.iter().for_each(|taken_back| tell(bridge, taken_back, &log)),
            Err(error) => {
                tell_once(&mut failure, bridge, &error, &log);
                std::thread::sleep(PAUSE_AFTER_FAILURE);
            }
        }
    }
}

/// Says that it is on guard, and from then on watches for the end of the command.
fn watch_command() -> Arc<AtomicBool> {
    let mut stdout = io::stdout();
    let _ = stdout.write_all(b".").and_then(|()| stdout.flush());
    let is_gone = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&is_gone);
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        noted.store(true, Ordering::Relaxed);
    });
    is_gone
}

fn tell(bridge: &str, taken_back: &TakenBack, log: &Log) {
    let told = taken_back.told.as_deref().unwrap_or("nothing was left to take back");
    log.warning(&format!("{bridge} was not confirmed in time: {told}"));
    taken_back.warnings.iter().for_each(|warning| log.warning(&format!("{bridge}: {warning}")));
}

fn tell_once(told: &mut String, bridge: &str, error: &Error, log: &Log) {
    let message = format!("{bridge} was not confirmed in time, and cannot be taken back: {error}");
    if *told != message {
        log.error(&message);
        *told = message;
    }
}
