//! What our programs say: to syslog, and to stderr where nobody would hear it otherwise.

use std::cell::RefCell;
use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use syslog::{LogFormat, Logger, LoggerBackend};

use crate::printable::Printable;

/// All the time that one program may wait for syslog: a full queue must not eat a hook's deadline.
const PATIENCE: Duration = Duration::from_millis(200);

/// Bytes of a message; RFC 3164 promises 1024, today's receivers take at least 8192.
const LONGEST: usize = 2000;

/// The log of one program: lines `PROGRAM[PID]: MESSAGE` in facility daemon.
///
/// Nothing is opened before the first message. A missing, full or dead syslog is no error, because a bridge matters
/// more than a line about it; after the first failure syslog isn't tried again.
pub struct Log {
    program: &'static str,
    socket: PathBuf,
    syslog: RefCell<Syslog>,
}

enum Syslog {
    Unopened,
    Open { logger: Logger<LoggerBackend, Line>, patience: Duration },
    GivenUp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Severity {
    Info,
    Warning,
    Error,
}

impl Log {
    /// The log of `program`, to `/dev/log`.
    pub fn new(program: &'static str) -> Self {
        Log::to(program, "/dev/log")
    }

    /// The log of `program`, to the datagram socket at `socket`.
    pub fn to(program: &'static str, socket: impl Into<PathBuf>) -> Self {
        Log { program, socket: socket.into(), syslog: RefCell::new(Syslog::Unopened) }
    }

    /// What was done. Without a syslog this is not said at all.
    pub fn info(&self, message: &str) {
        self.say(Severity::Info, message);
    }

    /// What is not as it should be, but goes on. Without a syslog this goes to stderr.
    pub fn warning(&self, message: &str) {
        self.say(Severity::Warning, message);
    }

    /// Why the program fails, to syslog and always to stderr too.
    pub fn error(&self, message: &str) {
        self.say(Severity::Error, message);
    }

    fn say(&self, severity: Severity, message: &str) {
        let line = one_line(message);
        let logged = self.syslog.borrow_mut().send(self, severity, &line);
        if belongs_on_stderr(severity, logged) {
            // Whoever closed our stderr doesn't want to read it.
            let _ = writeln!(io::stderr(), "{line}");
        }
    }
}

/// An error: virsh shows a failed hook's stderr and nothing else. A warning: only if it is lost otherwise, and never
/// anything less, because each line would stand before the error in virsh's message.
fn belongs_on_stderr(severity: Severity, logged: bool) -> bool {
    match severity {
        Severity::Error => true,
        Severity::Warning => !logged,
        Severity::Info => false,
    }
}

impl Syslog {
    /// Sends one message; tells whether syslog has it.
    fn send(&mut self, log: &Log, severity: Severity, line: &str) -> bool {
        if let Syslog::Unopened = self {
            *self = Syslog::open(log);
        }
        let Syslog::Open { logger, patience } = self else { return false };
        let start = Instant::now();
        let sent = wait_at_most(logger, *patience).is_ok()
            && match severity {
                Severity::Info => logger.info(line),
                Severity::Warning => logger.warning(line),
                Severity::Error => logger.err(line),
            }
            .is_ok();
        *patience = patience.saturating_sub(start.elapsed());
        if !sent {
            *self = Syslog::GivenUp;
        }
        sent
    }

    fn open(log: &Log) -> Syslog {
        let connected = UnixDatagram::unbound().and_then(|socket| socket.connect(&log.socket).map(|()| socket));
        let Ok(socket) = connected else { return Syslog::GivenUp };
        let formatter = Line { program: log.program, pid: std::process::id() };
        Syslog::Open { logger: Logger::new(LoggerBackend::Unix(socket), formatter), patience: PATIENCE }
    }
}

/// A line without a time: journald and rsyslog put their own in front of it (rsyslog's imuxsock: IgnoreTimestamp is
/// on), and the crate's own formatter, besides being the larger half of the crate, writes UTC.
#[derive(Clone, Debug)]
struct Line {
    program: &'static str,
    pid: u32,
}

impl<T: std::fmt::Display> LogFormat<T> for Line {
    fn format<W: Write>(&self, w: &mut W, severity: syslog::Severity, message: T) -> syslog::Result<()> {
        let priority = syslog::Facility::LOG_DAEMON as u8 | severity as u8;
        write!(w, "<{priority}>{}[{}]: {message}", self.program, self.pid).map_err(syslog::Error::Write)
    }
}

/// Gives the next message `patience` to be taken; without a time-out the send waits for ever on a full queue.
fn wait_at_most(logger: &Logger<LoggerBackend, Line>, patience: Duration) -> io::Result<()> {
    match &logger.backend {
        // A patience of zero is an error here, and means that none is left.
        LoggerBackend::Unix(socket) => socket.set_write_timeout(Some(patience)),
        _ => Ok(()),
    }
}

/// `message` without anything that could forge a second line, and cut to what every receiver takes.
fn one_line(message: &str) -> String {
    let mut line = Printable(message).to_string();
    if line.len() > LONGEST {
        let room = LONGEST - '…'.len_utf8();
        line.truncate((0..=room).rev().find(|&end| line.is_char_boundary(end)).unwrap_or(0));
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A syslog of a test's own.
    struct Receiver(UnixDatagram, PathBuf);

    impl Receiver {
        fn new(test: &str) -> Self {
            let path = std::env::temp_dir().join(format!("virt-bridge-log-{}-{test}", std::process::id()));
            let socket = UnixDatagram::bind(&path).unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            Receiver(socket, path)
        }

        fn next(&self) -> Option<String> {
            let mut buffer = [0; 8192];
            let length = self.0.recv(&mut buffer).ok()?;
            Some(String::from_utf8(buffer[..length].to_vec()).unwrap())
        }
    }

    impl Drop for Receiver {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.1);
        }
    }

    #[test]
    fn a_line_has_priority_program_and_pid() {
        let receiver = Receiver::new("line");
        let log = Log::to("virt-bridge-network", &receiver.1);
        log.info("br0: created");
        log.warning("br0: no uplink");
        let tail = |level, message| (level, format!("virt-bridge-network[{}]: {message}", std::process::id()));
        for (priority, end) in [tail("<30>", "br0: created"), tail("<28>", "br0: no uplink")] {
            let line = receiver.next().unwrap();
            assert!(line.starts_with(priority) && line.ends_with(&end), "{line}");
        }
    }

    #[test]
    fn no_message_makes_a_second_line_or_an_endless_one() {
        let receiver = Receiver::new("forged");
        let log = Log::to("p", &receiver.1);
        log.info("net\n<0>kernel: \x1b[2Jdead\0");
        assert!(receiver.next().unwrap().ends_with("]: net\\n<0>kernel: \\u{1b}[2Jdead\\u{0}"));
        log.info(&"ä".repeat(1 << 20));
        let line = receiver.next().unwrap();
        assert!(line.ends_with("ä…") && line.len() < LONGEST + 100, "{}", line.len());
    }

    #[test]
    fn nothing_is_opened_before_the_first_message() {
        let path = std::env::temp_dir().join(format!("virt-bridge-log-{}-lazy", std::process::id()));
        let log = Log::to("p", &path);
        let receiver = Receiver::new("lazy");
        log.info("now");
        assert!(receiver.next().is_some());
    }

    #[test]
    fn a_full_queue_costs_the_patience_once() {
        let receiver = Receiver::new("full");
        let flood = UnixDatagram::unbound().unwrap();
        flood.connect(&receiver.1).unwrap();
        flood.set_nonblocking(true).unwrap();
        while flood.send(b"x").is_ok() {}

        let log = Log::to("p", &receiver.1);
        let start = Instant::now();
        (0..100).for_each(|_| log.info("lost"));
        let waited = start.elapsed();
        assert!(waited >= PATIENCE && waited < 3 * PATIENCE, "{waited:?}");
        assert!(matches!(*log.syslog.borrow(), Syslog::GivenUp));
    }

    #[test]
    fn a_slow_queue_does_not_cost_more_than_the_patience_in_all() {
        let receiver = Receiver::new("slow");
        let log = Log::to("p", &receiver.1);
        let stop = std::sync::atomic::AtomicBool::new(false);
        let waited = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(20));
                    receiver.next();
                }
            });
            let start = Instant::now();
            (0..10_000).for_each(|_| log.info("slow"));
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            start.elapsed()
        });
        assert!(waited < PATIENCE + Duration::from_secs(2), "{waited:?}");
    }

    #[test]
    fn a_missing_dead_or_foreign_socket_is_given_up_at_once() {
        let receiver = Receiver::new("dead");
        let dead = Log::to("p", &receiver.1);
        dead.info("alive");
        drop(receiver);
        let missing = Log::to("p", "/nonexistent/log");
        let directory = Log::to("p", "/tmp");
        let long = Log::to("p", "/x".repeat(200));
        let start = Instant::now();
        for log in [dead, missing, directory, long] {
            log.info("lost");
            assert!(matches!(*log.syslog.borrow(), Syslog::GivenUp));
        }
        assert!(start.elapsed() < PATIENCE);
    }

    #[test]
    fn stderr_has_what_fails_and_what_would_be_lost() {
        use Severity::*;
        for (severity, logged, shown) in [
            (Error, true, true),
            (Error, false, true),
            (Warning, true, false),
            (Warning, false, true),
            (Info, true, false),
            (Info, false, false),
        ] {
            assert_eq!(belongs_on_stderr(severity, logged), shown, "{severity:?} {logged}");
        }
    }
}
