//! The system calls of a program, and faults put into one of them by strace(1).

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

/// A system call that a program made.
#[derive(Clone, Debug)]
pub struct Call {
    /// Such as `sendmsg`.
    pub name: String,
    /// The how manieth of its name, from 1.
    pub number: usize,
    /// Everything behind the name.
    pub detail: String,
    /// Made by the C library and the Rust runtime before `main`.
    pub is_startup: bool,
}

/// What happens to a call instead of what it should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The process is killed when it makes the call; the call is not carried out.
    Killed,
    /// The call is not carried out and fails with this error.
    Error(&'static str),
}

/// One fault at one call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Injection {
    pub number: usize,
    pub call: String,
    pub fault: Fault,
}

/// Where strace writes to.
const TRACE: &str = "/run/lab/strace";

impl Injection {
    /// The words to put before the program's.
    pub fn strace(&self) -> Vec<String> {
        let fault = match self.fault {
            Fault::Killed => "signal=SIGKILL".to_owned(),
            Fault::Error(errno) => format!("error={errno}"),
        };
        let mut words: Vec<String> = ["strace", "-f", "-o", TRACE, "-e"].map(String::from).into();
        words.extend([
            format!("trace={}", self.call),
            "-e".into(),
            format!("inject={}:{fault}:when={}", self.call, self.number),
        ]);
        words
    }

    /// Whether the program came to that call in the last run.
    pub fn has_happened(&self) -> bool {
        let trace = std::fs::read_to_string(TRACE).unwrap();
        match self.fault {
            Fault::Killed => trace.contains("killed by SIGKILL"),
            Fault::Error(_) => trace.contains("(INJECTED)"),
        }
    }

    /// Whether the program cannot be expected to live on and say something.
    pub fn is_end_of_memory(&self) -> bool {
        self.fault == Fault::Error("ENOMEM") && ["brk", "mmap", "mprotect"].contains(&self.call.as_str())
    }
}

impl Display for Injection {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.strace().join(" "))
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Killed => "SIGKILL",
            Fault::Error(errno) => errno,
        })
    }
}

/// The words to put before a program's to see all of its calls.
pub fn watch() -> [&'static str; 4] {
    ["strace", "-f", "-o", TRACE]
}

/// The words to put before a program's to stop it behind this call.
pub fn stop_behind(call: &Call) -> Vec<String> {
    let inject = format!("inject={}:signal=SIGSTOP:when={}", call.name, call.number);
    ["strace", "-f", "-o", TRACE, "-e", &format!("trace={}", call.name), "-e", &inject].map(String::from).into()
}

/// Forgets the last run.
pub fn forget() {
    let _ = std::fs::remove_file(TRACE);
}

/// The words to put before a program's to keep it for a moment when it ends, so that its memory can be looked at.
pub const LINGER: [&str; 7] =
    ["strace", "-o", TRACE, "-e", "trace=exit_group", "-e", "inject=exit_group:delay_enter=150000"];

/// The process that was stopped, when it is.
pub fn stopped() -> Option<String> {
    let trace = std::fs::read_to_string(TRACE).ok()?;
    let line = trace.lines().find(|line| line.contains("--- stopped by SIGSTOP ---"))?;
    line.split(' ').next().map(str::to_owned)
}

/// The calls that were made under [`watch`].
pub fn calls() -> Vec<Call> {
    let trace = std::fs::read_to_string(TRACE).unwrap();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut calls: Vec<Call> = Vec::new();
    for line in trace.lines() {
        let Some((name, detail)) = line.split_once(' ').and_then(|(_, call)| call.trim_start().split_once('(')) else {
            continue;
        };
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        let number = counts.entry(name.to_owned()).and_modify(|count| *count += 1).or_insert(1);
        calls.push(Call { name: name.to_owned(), number: *number, detail: detail.to_owned(), is_startup: false });
    }
    // The runtime's last act before main is to catch overflows of the stack.
    let main = calls.iter().rposition(|call| call.name == "rt_sigaction").unwrap();
    calls.iter_mut().take(main + 1).for_each(|call| call.is_startup = true);
    calls
}

/// What can plausibly happen to a call. Before `main` nothing of ours runs that could meet an error.
pub fn faults(call: &Call) -> Vec<Injection> {
    let errors = if call.is_startup { Vec::new() } else { errors(call) };
    let faults = std::iter::once(Fault::Killed).chain(errors.into_iter().map(Fault::Error));
    // strace itself makes the first of these.
    let faults = faults.filter(|_| call.name != "execve");
    faults.map(|fault| Injection { call: call.name.clone(), number: call.number, fault }).collect()
}

fn errors(call: &Call) -> Vec<&'static str> {
    let creates = call.detail.contains("O_CREAT");
    let mut errors: Vec<&'static str> = match call.name.as_str() {
        "openat" if creates => vec!["ENOENT", "EACCES", "EMFILE", "ENOSPC", "EROFS"],
        "openat" => vec!["ENOENT", "EACCES", "EMFILE", "ENOMEM"],
        "read" => vec!["EIO", "EINTR"],
        "write" => vec!["ENOSPC", "EIO", "EINTR"],
        // What is on a disk that could fail is only read.
        "close" => vec!["EINTR"],
        "statx" | "newfstatat" => vec!["EACCES", "ENOMEM"],
        "socket" => vec!["EAFNOSUPPORT", "EMFILE", "EPERM"],
        "setsockopt" => vec!["EPERM", "ENOPROTOOPT"],
        "bind" => vec!["EADDRINUSE", "ENOMEM"],
        "getsockname" => vec!["ENOBUFS"],
        "connect" => vec!["ENOENT", "ECONNREFUSED", "EACCES"],
        "sendmsg" => vec!["ENOBUFS", "ENOMEM", "EPERM", "EINTR"],
        "recvmsg" => vec!["ENOBUFS", "ENOMEM", "EINTR", "EAGAIN"],
        "brk" | "mmap" | "munmap" | "mremap" => vec!["ENOMEM"],
        "poll" => vec!["EINTR", "ENOMEM"],
        "clock_nanosleep" => vec!["EINTR"],
        "mkdir" => vec!["EACCES", "ENOSPC", "EROFS"],
        "rename" => vec!["ENOSPC", "EROFS", "EIO"],
        "unlink" => vec!["EACCES", "EROFS", "EIO"],
        "flock" => vec!["EINTR", "ENOLCK", "EAGAIN"],
        "readlink" => vec!["ENOENT", "EACCES"],
        "getdents64" => vec!["EIO"],
        "getrandom" => vec!["ENOSYS", "EINTR"],
        // What is asked is whether there is a terminal.
        "ioctl" => vec!["ENOTTY", "EIO"],
        // These cannot fail as they are called, or return nothing that anybody could look at.
        "exit_group" | "getpid" | "gettid" | "sigaltstack" | "rt_sigaction" => vec![],
        other => panic!("say in {} what can happen to {other}", file!()),
    };
    // Without a configuration there is no uplink, without a receipt nothing to undo: no faults, but other hosts.
    let is_optional = ["/etc/virt-bridge.toml", "br0.json"].iter().any(|file| call.detail.contains(file));
    if is_optional {
        errors.retain(|error| *error != "ENOENT");
    }
    errors.retain(|error| !call.detail.contains(error));
    errors
}
