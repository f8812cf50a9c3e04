//! The lab of `tests/lab/lab.sh` for tests, with the binaries under test installed in it.

// Each test program uses a part of this.
#![allow(dead_code)]

pub mod bridges;
pub mod domains;
pub mod ifupdown2;
pub mod programs;
pub mod shell;
pub mod ssh;
pub mod terminal;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns, unshare};

/// What the LAN's DHCP server says.
pub const SERVER_LOG: &str = "/run/lab/dhcp.log";

/// A host with `eth0` on a LAN, alone in namespaces; it ends when this is dropped, or when the test dies.
pub struct Lab {
    unshare: Child,
    stdin: Option<ChildStdin>,
    pid: u32,
}

impl Lab {
    /// Starts a lab with `options` of `lab.sh`, and waits until it is ready.
    pub fn start<'a>(options: impl IntoIterator<Item = &'a str>) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut unshare = Command::new(root.join("tests/lab/lab.sh"))
            .args(["--serve", "--install"])
            .arg(programs::directory())
            .args(options)
            .env("CARGO_TARGET_DIR", env!("CARGO_TARGET_TMPDIR"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(unshare.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let pid = line.trim().strip_prefix("ready ").and_then(|pid| pid.parse().ok());
        let stdin = unshare.stdin.take();
        Lab { unshare, stdin, pid: pid.expect("the lab did not start; it says why above") }
    }

    /// Moves the calling thread, and with it all that it starts, onto the lab's host for good.
    pub fn enter(&self) {
        let namespace = |name: &str| File::open(format!("/proc/{}/ns/{name}", self.pid)).unwrap();
        let namespaces = ["net", "pid", "mnt"].map(namespace);
        // The threads of a process share their root, and only one that has its own may change its mounts.
        unshare(CloneFlags::CLONE_FS).unwrap();
        for namespace in namespaces {
            setns(namespace, CloneFlags::empty()).unwrap();
        }
    }

    /// `command`, to be run on the lab's host; a first word `router`, `peer`, `switch` or `wan` runs it there.
    pub fn command(&self, command: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut nsenter = Command::new("nsenter");
        nsenter
            .args(["--net", "--mount", "--pid", "--ipc", "--uts", "--target", &self.pid.to_string(), "--"])
            .args(command)
            .env("PATH", "/run/lab/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C")
            .env_remove("SSH_CONNECTION");
        nsenter
    }

    /// Runs `command` on the lab's host, whatever becomes of it.
    pub fn attempt(&self, command: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
        self.command(command).stdin(Stdio::null()).output().unwrap()
    }

    /// What `command` prints on the lab's host, where it must succeed.
    pub fn host(&self, command: impl IntoIterator<Item = impl AsRef<OsStr>>) -> String {
        let mut command = self.command(command);
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{}\n{}", words(&command), told(&output));
        text(&output.stdout)
    }

    /// As [`Lab::host`], on the router.
    pub fn router(&self, command: impl IntoIterator<Item = impl AsRef<OsStr>>) -> String {
        self.host(behind("router", command))
    }

    /// As [`Lab::host`], on the peer.
    pub fn peer(&self, command: impl IntoIterator<Item = impl AsRef<OsStr>>) -> String {
        self.host(behind("peer", command))
    }

    /// What `virsh` prints, where it must succeed.
    pub fn virsh(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> String {
        self.host(behind("virsh", arguments))
    }

    /// What `virsh` says to the user, where it must fail.
    pub fn virsh_fails(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> String {
        let mut command = self.command(behind("virsh", arguments));
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(!output.status.success(), "{} succeeded\n{}", words(&command), told(&output));
        text(&output.stderr)
    }

    /// Links, addresses, routes and rules of the host, to be compared.
    pub fn state(&self) -> String {
        self.host(["state"])
    }

    /// What was said to syslog until now.
    pub fn log(&self) -> String {
        const FILE: &str = "/run/lab/syslog";
        // Datagrams keep their order: once this one is in the file, all are that were sent before.
        static MARKS: AtomicU32 = AtomicU32::new(0);
        let mark = format!("mark {} of the test", MARKS.fetch_add(1, Ordering::Relaxed));
        let is_sent = UnixDatagram::unbound().unwrap().send_to(mark.as_bytes(), self.path("/dev/log")).is_ok();
        if is_sent {
            self.wait_until("syslog is read", || self.read(FILE).lines().any(|line| line == mark));
        }
        self.read(FILE).lines().filter(|line| !line.ends_with(" of the test")).map(|line| format!("{line}\n")).collect()
    }

    /// Lets the router lease addresses for two minutes each, to be renewed after ten seconds, with these options of dnsmasq.
    pub fn serve_dhcp(&self, options: &[&str]) {
        let times = ["--dhcp-option=option:T1,10", "--dhcp-option=option:T2,60"];
        self.host([&["lan-dhcp", "start"], &times[..], options].concat());
    }

    /// What dnsmasq's file `/run/lab/leases` has of each lease, but for its end, in order. It is written anew after each
    /// answer, when the client knows of it already.
    pub fn leases(&self) -> Vec<String> {
        let file = || self.read("/run/lab/leases");
        let mut written = file();
        self.wait_until("the leases are written", || {
            std::thread::sleep(Duration::from_millis(100));
            let before = std::mem::replace(&mut written, file());
            !written.is_empty() && written == before
        });
        let leases = written.lines().filter_map(|line| line.split_once(' ')).map(|(_, lease)| lease.to_owned());
        let mut leases: Vec<String> = leases.collect();
        leases.sort();
        leases
    }

    /// Where the test finds the lab's `path`.
    pub fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.pid))
    }

    /// Writes the lab's file `path`.
    pub fn write(&self, path: &str, text: &str) {
        std::fs::write(self.path(path), text).unwrap_or_else(|error| panic!("write {path} in the lab: {error}"));
    }

    /// The text of the lab's file `path`; without one, nothing.
    pub fn read(&self, path: &str) -> String {
        match std::fs::read(self.path(path)) {
            Ok(bytes) => text(&bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => panic!("read {path} in the lab: {error}"),
        }
    }

    /// Ends the lab as a crash does.
    pub fn kill(&mut self) {
        self.unshare.kill().unwrap();
    }

    /// Waits for at most 30 s until `happened`; the panic names `what`.
    pub fn wait_until(&self, what: &str, mut happened: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !happened() {
            assert!(begun.elapsed() < Duration::from_secs(120), "not after 120 s: {what}\nsyslog:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Lab {
    /// `unshare` returns when the kernel has ended the lab's last process.
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.unshare.wait();
    }
}

/// What a command wrote, and how it ended.
pub fn told(output: &Output) -> String {
    format!("{}\nstdout:\n{}\nstderr:\n{}", output.status, text(&output.stdout), text(&output.stderr))
}

/// `bytes` as text, for messages and comparisons.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn words(command: &Command) -> String {
    let words: Vec<_> =
        command.get_args().skip_while(|word| *word != "--").skip(1).map(OsStr::to_string_lossy).collect();
    words.join(" ")
}

fn behind<S: AsRef<OsStr>>(first: &str, rest: impl IntoIterator<Item = S>) -> Vec<std::ffi::OsString> {
    std::iter::once(first.into()).chain(rest.into_iter().map(|word| word.as_ref().into())).collect()
}
