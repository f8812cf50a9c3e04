//! libvirt's network hook: there, able to run, seen by the daemon, and alone.

use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{Check, Finding, Host};
use crate::shell_word::ShellWord;

/// How much of a file the kernel looks at for an interpreter, in bytes (`BINPRM_BUF_SIZE` of linux/binfmts.h).
const SHEBANG: u64 = 256;

/// Where our hooks may be: among libvirt's own programs, from where AppArmor lets libvirtd run them (`@libexecdir@` in
/// src/security/apparmor/usr.sbin.libvirtd.in).
const PROGRAM_DIRECTORIES: [&str; 2] = ["/usr/lib/libvirt", "/usr/libexec"];
const DIRECTORY: &str = "/etc/libvirt/hooks";

/// What libvirt calls a hook for: the name of its place, which a directory beside it has with `.d`.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    /// What nobody does where ours is missing.
    missed: &'static str,
    /// What a hook that fails keeps from happening.
    kept: &'static str,
}

const NETWORK: Kind = Kind {
    name: "network",
    missed: "nobody makes a bridge when its network starts",
    kept: "libvirt starts no network",
};
const QEMU: Kind = Kind {
    name: "qemu",
    missed: "a domain that comes from another host is not moved onto a bridge of this one",
    kept: "libvirt starts no guest",
};

impl Kind {
    fn main(self) -> PathBuf {
        Path::new(DIRECTORY).join(self.name)
    }

    fn directory(self) -> PathBuf {
        Path::new(DIRECTORY).join(format!("{}.d", self.name))
    }

    fn program(self) -> String {
        format!("virt-bridge-{}", self.name)
    }
}

pub const INSTALLED: Check =
    Check { name: "hook-installed", about: "libvirt's network and qemu hooks lead to virt-bridge", look: installed };
pub const EXECUTABLE: Check = Check { name: "hook-executable", about: "libvirt can run the hooks", look: executable };
pub const SEEN: Check =
    Check { name: "hook-seen", about: "libvirt's daemon started after the hook was installed", look: seen };
pub const OTHERS: Check =
    Check { name: "hook-others", about: "no other hook keeps networks and guests from starting", look: others };
pub const LEFTOVERS: Check =
    Check { name: "hook-leftovers", about: "no backup copy among the hooks runs as well", look: leftovers };

/// Our program where it is, or else where it should be.
fn our_program(host: &Host, kind: Kind) -> String {
    let program = |directory: &str| format!("{directory}/{}", kind.program());
    let places = PROGRAM_DIRECTORIES.map(program);
    places.iter().find(|program| host.at(program).exists()).unwrap_or(&places[0]).clone()
}

/// All places where libvirt looks for hooks of this kind and finds something.
fn places(host: &Host, kind: Kind) -> impl Iterator<Item = PathBuf> {
    std::iter::once(kind.main()).chain(entries(host, &kind.directory()))
}

/// The links that lead to our program, whether it is there or not.
fn links(host: &Host, kind: Kind) -> Vec<PathBuf> {
    let is_ours = |path: &PathBuf| {
        let target = fs::read_link(host.at(path)).unwrap_or_else(|_| path.clone());
        target.file_name().is_some_and(|name| name == kind.program().as_str())
    };
    places(host, kind).filter(is_ours).collect()
}

/// Those of all kinds.
fn all_links(host: &Host) -> impl Iterator<Item = (Kind, PathBuf)> {
    [NETWORK, QEMU].into_iter().flat_map(|kind| links(host, kind).into_iter().map(move |link| (kind, link)))
}

/// What is in a directory.
fn entries(host: &Host, directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(host.at(directory)).into_iter().flatten().flatten();
    entries.map(|entry| directory.join(entry.file_name())).collect()
}

/// What a path leads to; an absolute link below another root begins there.
fn metadata(host: &Host, path: &Path) -> io::Result<Metadata> {
    /// As many as the kernel follows (MAXSYMLINKS of linux/namei.h).
    const LINKS: usize = 40;
    let mut path = path.to_path_buf();
    for _ in 0..LINKS {
        let Ok(target) = fs::read_link(host.at(&path)) else { break };
        path = path.parent().unwrap_or(Path::new("/")).join(target);
    }
    fs::symlink_metadata(host.at(&path))
}

/// What the links lead to, as AppArmor sees it.
pub(super) fn programs(host: &Host) -> Vec<PathBuf> {
    let mut programs: Vec<PathBuf> =
        all_links(host).filter_map(|(_, link)| fs::canonicalize(host.at(link)).ok()).collect();
    programs.sort();
    programs.dedup();
    programs
}

fn is_executable(file: &Metadata) -> bool {
    file.is_file() && file.permissions().mode() & 0o111 != 0
}

fn installed(host: &Host) -> Vec<Finding> {
    let mut findings = Vec::new();
    if host.bridged_networks().next().is_some() {
        findings.extend(not_installed(host, NETWORK));
    }
    if !host.config.interfaces.is_empty() {
        findings.extend(not_installed(host, QEMU));
    }
    findings
}

fn not_installed(host: &Host, kind: Kind) -> Option<Finding> {
    if !links(host, kind).is_empty() {
        return None;
    }
    let directory = kind.directory().display().to_string();
    let places = [kind.main().display().to_string(), format!("{directory}/50-virt-bridge")];
    let (name, program, missed) = (kind.name, our_program(host, kind), kind.missed);
    // As the package's README says how to switch a hook off.
    if let Some(place) = places.iter().find(|place| leads_to_nowhere(host, place)) {
        return Some(Finding::warning(
            format!("the {name} hook of virt-bridge is switched off, {place} is a link to /dev/null, and {missed}"),
            format!("ln -sfn {program} {place} && systemctl restart libvirtd"),
        ));
    }
    let is_free = |place: &&String| fs::symlink_metadata(host.at(place)).is_err();
    // Whatever its name, libvirt runs what is in the directory.
    let place = places.iter().find(is_free).cloned().unwrap_or_else(|| format!("{directory}/51-virt-bridge"));
    let directory = Path::new(&place).parent().unwrap_or(Path::new("/")).display().to_string();
    Some(Finding::problem(
        format!("libvirt has no {name} hook of virt-bridge, so that {missed}"),
        format!("mkdir -p {directory} && ln -s {program} {place} && systemctl restart libvirtd"),
    ))
}

fn leads_to_nowhere(host: &Host, place: &str) -> bool {
    fs::read_link(host.at(place)).is_ok_and(|target| target == Path::new("/dev/null"))
}

fn executable(host: &Host) -> Vec<Finding> {
    let problem = |(kind, link): (Kind, PathBuf)| match metadata(host, &link) {
        Err(_) => Some(Finding::problem(
            format!("{} leads to nothing, and libvirt skips it in silence", link.display()),
            "install virt-bridge again",
        )),
        Ok(program) if !is_executable(&program) => Some(Finding::problem(
            format!("{} cannot be executed, and libvirt skips it in silence", link.display()),
            format!("chmod 755 {}", our_program(host, kind)),
        )),
        Ok(_) => None,
    };
    all_links(host).filter_map(problem).collect()
}

/// libvirt looks for hooks when it starts and at SIGHUP (virHookInitialize in src/util/virhook.c).
fn seen(host: &Host) -> Vec<Finding> {
    let changed = |kind| {
        let links = links(host, kind).into_iter();
        links.filter_map(|link| fs::symlink_metadata(host.at(link)).ok()).map(|link| link.ctime()).max()
    };
    let [network, qemu] = [NETWORK, QEMU].map(changed);
    let daemons = [("libvirtd", network.max(qemu)), ("virtnetworkd", network), ("virtqemud", qemu)];
    // Both clocks count whole seconds.
    let is_blind = |name: &str, installed: Option<i64>| started(name).zip(installed).is_some_and(|(a, b)| a + 1 < b);
    daemons
        .into_iter()
        .filter(|(name, installed)| is_blind(name, *installed))
        .map(|(name, _)| {
            Finding::problem(
                format!("{name} runs since before the hook was installed, and has likely not seen it"),
                format!("systemctl restart {name}"),
            )
        })
        .collect()
}

/// When a daemon was started, in seconds since 1970; nothing when it does not run.
fn started(name: &str) -> Option<i64> {
    let process = fs::read_to_string(format!("/run/{name}.pid")).ok()?;
    let directory = Path::new("/proc").join(process.trim());
    let running = fs::read_to_string(directory.join("comm")).ok()?;
    // The directory of a process has the time of its start, but only since somebody looked; field 22 of its stat is exact
    // (proc_pid_stat(5)), in hundredths of a second since boot.
    let stat = fs::read_to_string(directory.join("stat")).ok()?;
    let ticks: i64 = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
    (running.trim_end() == name).then_some(super::takeovers::boot_time()? + ticks / 100)
}

/// Of all hooks the worst result counts (virHookCall), and execve(2) refuses what is neither a program nor begins with `#!`
/// and an interpreter that is there.
fn others(host: &Host) -> Vec<Finding> {
    [NETWORK, QEMU].into_iter().flat_map(|kind| others_of(host, kind)).collect()
}

fn others_of(host: &Host, kind: Kind) -> Vec<Finding> {
    let ours = links(host, kind);
    let runs = |path: &PathBuf| !ours.contains(path) && metadata(host, path).is_ok_and(|file| is_executable(&file));
    let why_not = |path: PathBuf| Some((why_not_run(host, &path)?, path));
    places(host, kind)
        .filter(runs)
        .filter_map(why_not)
        .map(|(why, path)| {
            let path = path.display().to_string();
            Finding::problem(format!("{path} {why}, so that {}", kind.kept), format!("chmod a-x {}", ShellWord(&path)))
        })
        .collect()
}

/// Why the kernel cannot run a file; of what cannot be read nobody knows.
fn why_not_run(host: &Host, path: &Path) -> Option<String> {
    let mut begin = Vec::new();
    fs::File::open(host.at(path)).and_then(|file| file.take(SHEBANG).read_to_end(&mut begin)).ok()?;
    if begin.starts_with(b"\x7fELF") {
        return None;
    }
    let Some(line) = begin.strip_prefix(b"#!") else {
        return Some("is no program and does not begin with #!".into());
    };
    let line = String::from_utf8_lossy(line.split(|byte| *byte == b'\n').next().unwrap_or_default()).into_owned();
    let interpreter = line.split_whitespace().next().unwrap_or_default();
    let is_there = metadata(host, Path::new(interpreter)).is_ok_and(|file| is_executable(&file));
    (!is_there).then(|| format!("asks for {interpreter}, which is not there"))
}

/// Whatever is executable in these directories runs, names such as `x.dpkg-old` and `x~` included (virHookCall).
fn leftovers(host: &Host) -> Vec<Finding> {
    let entries = [NETWORK, QEMU].into_iter().flat_map(|kind| entries(host, &kind.directory()));
    let is_leftover = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_copy = [".dpkg-", ".ucf-", ".rpm"].iter().any(|part| name.contains(part));
        is_copy || name.starts_with('.') || [".bak", ".orig", ".old", "~"].iter().any(|end| name.ends_with(end))
    };
    let runs = |path: &PathBuf| metadata(host, path).is_ok_and(|file| is_executable(&file));
    entries
        .filter(|path| is_leftover(path) && runs(path))
        .map(|path| {
            let path = path.display();
            Finding::warning(
                format!("{path} looks like a backup copy, and libvirt runs it as well"),
                format!("chmod a-x {}", ShellWord(&path.to_string())),
            )
        })
        .collect()
}
