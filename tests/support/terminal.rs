//! A program on a terminal of its own, and somebody who types.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, poll};
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};

use super::Lab;

/// A pseudo-terminal and the program whose controlling terminal it is.
pub struct Terminal {
    /// Nothing when it has hung up.
    keyboard: Arc<Mutex<Option<File>>>,
    screen: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
    program: Child,
}

impl Terminal {
    /// Runs `command` on the lab's host, where `typed` was typed before it began.
    pub fn run(lab: &Lab, command: &[&str], typed: &str) -> Self {
        // Held open by the program itself, or by that of a test beside this one, it would never hang up.
        let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let slave = ptsname_r(&master).unwrap();
        let slave = File::options().read(true).write(true).custom_flags(OFlag::O_NOCTTY.bits()).open(slave).unwrap();
        let mut master = File::from(OwnedFd::from(master));
        master.write_all(typed.as_bytes()).unwrap();
        let side = || Stdio::from(slave.try_clone().unwrap());
        // setsid(1) makes its standard input the controlling terminal, whose hangup is then a SIGHUP; who runs the tests
        // behind nohup(1) hands down that it is ignored, which no login does.
        let words = ["env", "--default-signal=HUP", "TERM=xterm", "setsid", "--ctty", "--wait"].iter().chain(command);
        let program = lab.command(words).stdin(side()).stdout(side()).stderr(side()).spawn().unwrap();
        let (keyboard, screen) = (Arc::new(Mutex::new(Some(master))), Arc::default());
        let reader = std::thread::spawn({
            let (keyboard, screen) = (Arc::clone(&keyboard), Arc::clone(&screen));
            move || while read(&keyboard, &screen) {}
        });
        Terminal { keyboard, screen, reader: Some(reader), program }
    }

    /// What the program has written so far.
    pub fn screen(&self) -> String {
        super::text(&self.screen.lock().unwrap())
    }

    /// Types `keys`.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.lock().unwrap().as_mut().expect("it has hung up").write_all(keys.as_bytes()).unwrap();
    }

    /// Closes the terminal under the program.
    pub fn hang_up(&mut self) {
        drop(self.keyboard.lock().unwrap().take());
    }

    /// Waits until the screen shows `text`.
    pub fn wait_for(&self, text: &str) {
        self.wait_behind(0, text);
    }

    /// Waits for at most 120 s until the screen shows `text` behind its first `bytes`.
    pub fn wait_behind(&self, bytes: usize, text: &str) {
        let begun = Instant::now();
        while !self.screen()[bytes..].contains(text) {
            assert!(begun.elapsed() < Duration::from_secs(120), "not on the screen: {text}\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the program's end, and for the last that it has written.
    pub fn end(&mut self) -> ExitStatus {
        let status = self.program.wait().unwrap();
        self.reader.take().into_iter().for_each(|reader| reader.join().unwrap());
        status
    }
}

/// Reads what the program writes, for a moment; whether more can come. The kernel answers with EIO when the program has
/// gone.
fn read(keyboard: &Mutex<Option<File>>, screen: &Mutex<Vec<u8>>) -> bool {
    std::thread::sleep(Duration::from_millis(5));
    let mut keyboard = keyboard.lock().unwrap();
    let Some(master) = keyboard.as_mut() else { return false };
    if poll(&mut [PollFd::new(master.as_fd(), PollFlags::POLLIN)], 0u8) == Ok(0) {
        return true;
    }
    let mut part = [0; 4096];
    let Ok(length @ 1..) = master.read(&mut part) else { return false };
    screen.lock().unwrap().extend(&part[..length]);
    true
}
