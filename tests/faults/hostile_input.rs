//! What nobody in his right mind gives to a hook: it ends soon and cleanly, with little memory, and changes nothing.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::host::{Host, NETWORK};
use crate::strace;
use crate::support::{text, told};

const PROGRAM: &str = "/usr/lib/libvirt/virt-bridge-network";
const START: &[&str] = &["lan", "start", "begin", "-"];
const MOST_MEMORY_KIB: u64 = 8 * 1024;
/// Of a loaded machine; a hook that waits for its own deadline takes 20 s.
const LONGEST: Duration = Duration::from_secs(18);

/// Scripts that write each what no network's XML is.
const INPUTS: &[(&str, &str)] = &[
    ("nothing", ":"),
    ("binary garbage", "head -c 1000000 /dev/urandom"),
    ("endless zeros", "cat /dev/zero"),
    ("100 MB of spaces", "head -c 104857600 /dev/zero | tr '\\0' ' '"),
    ("100 MB of text in a network", "echo '<network><name>'; head -c 104857600 /dev/zero | tr '\\0' x"),
    ("100 MB of elements within each other", "yes '<a>' | head -c 104857600"),
    ("100 MB of elements side by side", "echo '<network>'; yes '<a/>' | head -c 104857600"),
    ("100 MB of attributes", "echo '<network'; yes \"a='b'\" | head -c 104857600"),
    ("100 MB of comments", "yes '<!-- x -->' | head -c 104857600"),
    ("a comment that never ends", "echo '<network><!--'; yes | head -c 104857600"),
    ("an XML bomb", BOMB),
    ("an external entity", EXTERNAL),
    ("a network that breaks off", "echo '<network><name>lan</name><forward mode=\"bridge\"/><bridge name=\"br0\"/>'"),
    (
        "two networks",
        "x='<network><name>a</name><forward mode=\"bridge\"/><bridge name=\"br0\"/></network>'; echo \"$x$x\"",
    ),
    ("UTF-16", "printf '\\377\\376<\\0n\\0e\\0t\\0>\\0'"),
    (
        "a bridge with an impossible name",
        "echo '<network><name>a</name><forward mode=\"bridge\"/><bridge name=\"../br0\"/></network>'",
    ),
];

const BOMB: &str = r#"cat <<'END'
<!DOCTYPE lol [<!ENTITY a "aaaaaaaaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">
<!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;"><!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;">]>
<network><name>&f;</name><forward mode='bridge'/><bridge name='&f;'/></network>
END"#;

const EXTERNAL: &str = r#"cat <<'END'
<!DOCTYPE network [<!ENTITY bridge SYSTEM "file:///etc/hostname">]>
<network><name>lan</name><forward mode='bridge'/><bridge name='&bridge;'/></network>
END"#;

#[test]
fn input_that_is_no_network_ends_a_start_and_changes_nothing() {
    let host = Host::enter();
    for (what, script) in INPUTS {
        let ran = hook(START, script);
        ran.expect_clean(what);
        assert_eq!(ran.output.status.code(), Some(1), "{what}: {}", told(&ran.output));
        host.expect_alone();
    }
}

#[test]
fn arguments_that_libvirt_never_gives_change_nothing() {
    let host = Host::enter();
    let many = vec!["x"; 2000];
    let long = "x".repeat(100_000);
    let calls: &[(&str, &[&str])] = &[
        ("no arguments", &[]),
        ("one argument", &["lan"]),
        ("three arguments", &["lan", "start", "begin"]),
        ("2,000 arguments", &many),
        ("an option as a network", &["--help"]),
        ("an unknown operation", &["lan", "explode", "begin", "-"]),
        ("an operation of 100 KB", &["lan", &long, "begin", "-"]),
        ("an operation with a newline", &["lan", "start\n", "begin", "-"]),
        ("no operation", &["lan", "", "", ""]),
    ];
    for (what, arguments) in calls {
        hook(arguments, &on_br0()).expect_clean(what);
        host.expect_alone();
    }
}

#[test]
fn a_hook_without_stdin_stdout_and_stderr_changes_nothing_that_it_was_not_asked_to() {
    let host = Host::enter();
    for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "</", "2>/dev/full"] {
        let script = format!("exec {PROGRAM} lan start begin - {closed}");
        let begun = Instant::now();
        let output = Command::new("sh").args(["-c", &script]).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{closed}: {}", told(&output));
        assert!(begun.elapsed() < LONGEST, "{closed}");
        host.expect_alone();
    }
}

#[test]
fn a_hook_that_nobody_listens_to_any_more_ends_by_itself() {
    let host = Host::enter();
    let (reader, writer) = nix::unistd::pipe().unwrap();
    drop(reader);
    let mut hook = Command::new(PROGRAM);
    hook.args(["lan", "start", "begin", "-"]).stdin(Stdio::null()).stdout(writer.try_clone().unwrap()).stderr(writer);
    assert_eq!(hook.status().unwrap().code(), Some(1));
    host.expect_alone();
}

#[test]
fn a_network_of_any_name_is_served() {
    let host = Host::enter();
    for name in ["--help", "-", "", "a\nb", "\u{1b}[2J", &"x".repeat(100_000)] {
        hook(&[name, "start", "begin", "-"], "echo '<network><name>nat</name></network>'").expect_clean(name);
        host.expect_alone();
        let ran = hook(&[name, "start", "begin", "-"], &on_br0());
        ran.expect_clean(name);
        assert_eq!(ran.output.status.code(), Some(0), "{}", told(&ran.output));
        host.expect_bridged();
        host.back();
    }
    let log = std::fs::read_to_string("/run/lab/syslog").unwrap();
    assert!(log.contains("a\\nb start begin") && !log.contains("\na\nb") && !log.contains('\u{1b}'));
}

/// Writes what is a network on br0.
fn on_br0() -> String {
    format!("cat <<'END'\n{NETWORK}\nEND")
}

/// A run of the hook.
struct Ran {
    output: Output,
    duration: Duration,
    /// The most memory that it ever had.
    peak_kib: u64,
}

impl Ran {
    fn expect_clean(&self, what: &str) {
        let what: String = what.chars().take(60).collect();
        assert!(self.output.status.code().is_some(), "{what}: {}", told(&self.output));
        assert!(self.duration < LONGEST, "{what}: it took {:?}", self.duration);
        assert!(0 < self.peak_kib && self.peak_kib < MOST_MEMORY_KIB, "{what}: it had {} KiB", self.peak_kib);
        assert!(text(&self.output.stdout).is_empty(), "{what}: {}", told(&self.output));
        let stderr = text(&self.output.stderr);
        let is_line = stderr.starts_with("virt-bridge: ") && stderr.lines().count() == 1;
        let is_expected = if self.output.status.success() { stderr.is_empty() } else { is_line };
        assert!(is_expected && stderr.len() < 4096, "{what}: {}", told(&self.output));
    }
}

/// Runs the hook with what `script` writes on stdin: through a pipe, as libvirt does.
fn hook(arguments: &[&str], script: &str) -> Ran {
    strace::forget();
    let begun = Instant::now();
    let mut writer = Command::new("sh");
    let mut writer = writer.args(["-c", script]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut hook = Command::new(strace::LINGER[0])
        .args(&strace::LINGER[1..])
        .arg(PROGRAM)
        .args(arguments)
        .stdin(writer.stdout.take().unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut peak_kib = 0;
    while hook.try_wait().unwrap().is_none() {
        peak_kib = peak_kib.max(peak());
        std::thread::sleep(Duration::from_millis(10));
    }
    let duration = begun.elapsed();
    writer.wait().unwrap();
    Ran { output: hook.wait_with_output().unwrap(), duration, peak_kib }
}

/// The most memory that the hook has had so far.
fn peak() -> u64 {
    let statuses = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let status = std::fs::read_to_string(entry.ok()?.path().join("status")).ok()?;
        status.starts_with("Name:\tvirt-bridge-net\n").then_some(status)
    });
    let peaks = statuses.filter_map(|status| {
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    });
    peaks.max().unwrap_or(0)
}
