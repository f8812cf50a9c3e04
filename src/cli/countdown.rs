//! The wait for a confirmation: on a terminal with a bar and a key, elsewhere in silence.

use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::SigSet;
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::termios::{FlushArg, tcflush};
use nix::unistd::{getpgrp, tcgetpgrp};

use crate::picture::can_move_cursor;

/// How often the file of the confirmation is looked at, and the bar drawn.
const PAUSE: Duration = Duration::from_millis(200);

const BAR: usize = 30;

/// What happened in a while of waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Nothing,
    /// Enter was pressed.
    Confirmed,
    /// Ctrl-C was pressed, or somebody wants the command to end.
    Interrupted,
}

/// A wait for a confirmation.
pub struct Countdown {
    allowed: Duration,
    signals: Option<SignalFd>,
    /// Whether Enter confirms.
    listens: bool,
    /// Whether there is a terminal to draw the bar on.
    draws: bool,
}

impl Countdown {
    /// Says what is waited for. What was typed before is forgotten: nobody could know then that it would confirm.
    pub fn begin(bridge: &str, allowed: Duration, signals: SigSet) -> Self {
        let stdin = io::stdin();
        let has_terminal = io::stderr().is_terminal();
        let (draws, listens) = (has_terminal && can_move_cursor(), stdin.is_terminal() && has_terminal);
        let has_keys = listens && !is_in_background(&stdin);
        if has_keys {
            let _ = tcflush(stdin.as_fd(), FlushArg::TCIFLUSH);
        }
        let key = if has_keys { "press Enter, or " } else { "" };
        let _ = writeln!(
            io::stderr(),
            "{bridge} goes back in {allowed:?} unless you {key}say in any session: virt-bridge confirm {bridge}"
        );
        let signals = SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC).ok();
        Countdown { allowed, signals, listens, draws }
    }

    /// Draws what remains, and waits for a moment.
    pub fn wait(&mut self, remaining: Duration) -> Event {
        let stdin = io::stdin();
        if self.draws && !is_in_background(&io::stderr()) {
            // On one line, however narrow the terminal is: what is too long for it is cut off (DECAWM).
            let _ = write!(io::stderr(), "\r\x1b[?7l{}\x1b[K\x1b[?7h", bar(remaining, self.allowed))
                .and_then(|()| io::stderr().flush());
        }
        let reads = self.listens && !is_in_background(&stdin);
        let mut sources: Vec<PollFd> =
            self.signals.iter().map(|signals| PollFd::new(signals.as_fd(), PollFlags::POLLIN)).collect();
        if reads {
            sources.push(PollFd::new(stdin.as_fd(), PollFlags::POLLIN));
        }
        let pause = PollTimeout::try_from(PAUSE.min(remaining)).unwrap_or(PollTimeout::ZERO);
        if poll(&mut sources, pause).is_err() {
            std::thread::sleep(PAUSE);
        }
        let is_typed = reads && sources.last().is_some_and(|stdin| stdin.any() == Some(true));
        drop(sources);
        if self.signals.as_ref().is_some_and(|signals| matches!(signals.read_signal(), Ok(Some(_)))) {
            return Event::Interrupted;
        }
        if is_typed { self.read(stdin) } else { Event::Nothing }
    }

    /// Ends the line of the bar.
    pub fn end(&mut self) {
        if self.draws && !is_in_background(&io::stderr()) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    /// A terminal gives a line at a time, and nothing any more when it is closed.
    fn read(&mut self, mut stdin: io::Stdin) -> Event {
        let mut line = [0; 256];
        match stdin.read(&mut line) {
            Ok(length) if line[..length].contains(&b'\n') => Event::Confirmed,
            Ok(1..) => Event::Nothing,
            Ok(0) | Err(_) => {
                self.listens = false;
                Event::Nothing
            }
        }
    }
}

/// Whether somebody else has the terminal, a shell behind `&` or `bg`: whoever reads from it, or forgets what was typed,
/// is stopped by the kernel (tty_check_change), and whoever draws on it draws over what is typed there.
fn is_in_background(terminal: &impl AsFd) -> bool {
    tcgetpgrp(terminal.as_fd()).is_ok_and(|group| group != getpgrp())
}

/// `20 s [##########                    ]`
fn bar(remaining: Duration, allowed: Duration) -> String {
    let share = remaining.as_secs_f64() / allowed.as_secs_f64().max(f64::MIN_POSITIVE);
    let full = ((share * BAR as f64).ceil() as usize).min(BAR);
    format!("{} s [{}{}]", remaining.as_secs_f64().ceil(), "#".repeat(full), " ".repeat(BAR - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_runs_from_full_to_empty() {
        let second = Duration::from_secs(1);
        assert_eq!(bar(60 * second, 60 * second), format!("60 s [{}]", "#".repeat(30)));
        assert_eq!(bar(30 * second, 60 * second), format!("30 s [{}{}]", "#".repeat(15), " ".repeat(15)));
        assert_eq!(bar(Duration::ZERO, 60 * second), format!("0 s [{}]", " ".repeat(30)));
        assert_eq!(bar(second / 2, second * 60), format!("1 s [#{}]", " ".repeat(29)));
    }
}
