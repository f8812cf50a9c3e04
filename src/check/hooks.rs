//! libvirt's network hook: there, able to run, seen by the daemon, and alone.

use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{Check, Finding, Host};

/// Where our hook may be: among libvirt's own programs, from where AppArmor lets libvirtd run it (`@libexecdir@` in
/// src/security/apparmor/usr.sbin.libvirtd.in).
const PROGRAMS: [&str; 2] = ["/usr/lib/libvirt/virt-bridge-network", "/usr/libexec/virt-bridge-network"];
const MAIN: &str = "/etc/libvirt/hooks/network";
const DIRECTORIES: [&str; 2] = ["/etc/libvirt/hooks/network.d", "/etc/libvirt/hooks/qemu.d"];

pub const INSTALLED: Check =
    Check { name: "hook-installed", about: "libvirt's network hook leads to virt-bridge", look: installed };
pub const EXECUTABLE: Check = Check { name: "hook-executable", about: "libvirt can run the hook", look: executable };
pub const SEEN: Check =
    Check { name: "hook-seen", about: "libvirt's daemon started after the hook was installed", look: seen };
pub const OTHERS: Check =
    Check { name: "hook-others", about: "no other hook keeps networks from starting", look: others };
pub const LEFTOVERS: Check =
    Check { name: "hook-leftovers", about: "no backup copy among the hooks runs as well", look: leftovers };

/// Our program where it is, or else where it should be.
fn our_program(host: &Host) -> &'static str {
    PROGRAMS.into_iter().find(|program| host.at(program).exists()).unwrap_or(PROGRAMS[0])
}

/// The links that lead to our program, whether it is there or not.
fn links(host: &Host) -> Vec<PathBuf> {
    let is_ours = |path: &PathBuf| {
        let target = fs::read_link(host.at(path)).unwrap_or_else(|_| path.clone());
        target.file_name().is_some_and(|name| name == "virt-bridge-network")
    };
    std::iter::once(PathBuf::from(MAIN)).chain(entries(host, DIRECTORIES[0])).filter(is_ours).collect()
}

/// What is in a directory.
fn entries(host: &Host, directory: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(host.at(directory)).into_iter().flatten().flatten();
    entries.map(|entry| Path::new(directory).join(entry.file_name())).collect()
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
        links(host).iter().filter_map(|link| fs::canonicalize(host.at(link)).ok()).collect();
    programs.sort();
    programs.dedup();
    programs
}

fn is_executable(file: &Metadata) -> bool {
    file.is_file() && file.permissions().mode() & 0o111 != 0
}

fn installed(host: &Host) -> Vec<Finding> {
    if host.bridged_networks().next().is_none() || !links(host).is_empty() {
        return Vec::new();
    }
    let places = [MAIN.to_owned(), format!("{}/50-virt-bridge", DIRECTORIES[0])];
    // As the package's README says how to switch a hook off.
    if let Some(place) = places.iter().find(|place| leads_to_nowhere(host, place)) {
        return vec![Finding::warning(
            format!(
                "the hook of virt-bridge is switched off, {place} is a link to /dev/null, and nobody makes a bridge when its network starts"
            ),
            format!("ln -sfn {} {place} && systemctl restart libvirtd", our_program(host)),
        )];
    }
    let is_free = |place: &&String| fs::symlink_metadata(host.at(place)).is_err();
    // Whatever its name, libvirt runs what is in the directory.
    let place = places.iter().find(is_free).cloned().unwrap_or_else(|| format!("{}/51-virt-bridge", DIRECTORIES[0]));
    let directory = Path::new(&place).parent().unwrap_or(Path::new("/")).display().to_string();
    vec![Finding::problem(
        "libvirt has no hook of virt-bridge, so that nobody makes a bridge when its network starts",
        format!("mkdir -p {directory} && ln -s {} {place} && systemctl restart libvirtd", our_program(host)),
    )]
}

fn leads_to_nowhere(host: &Host, place: &str) -> bool {
    fs::read_link(host.at(place)).is_ok_and(|target| target == Path::new("/dev/null"))
}

fn executable(host: &Host) -> Vec<Finding> {
    let problem = |link: PathBuf| match metadata(host, &link) {
        Err(_) => Some(Finding::problem(
            format!("{} leads to nothing, and libvirt skips it in silence", link.display()),
            "install virt-bridge again",
        )),
        Ok(program) if !is_executable(&program) => Some(Finding::problem(
            format!("{} cannot be executed, and libvirt skips it in silence", link.display()),
            format!("chmod 755 {}", our_program(host)),
        )),
        Ok(_) => None,
    };
    links(host).into_iter().filter_map(problem).collect()
}

/// libvirt looks for hooks when it starts and at SIGHUP (virHookInitialize in src/util/virhook.c).
fn seen(host: &Host) -> Vec<Finding> {
    let installed =
        links(host).iter().filter_map(|link| fs::symlink_metadata(host.at(link)).ok()).map(|link| link.ctime()).max();
    let Some(installed) = installed else { return Vec::new() };
    let daemons = ["libvirtd", "virtnetworkd"].into_iter().filter_map(|name| Some((name, started(name)?)));
    // Both clocks count whole seconds.
    let blind = daemons.filter(|(_, started)| *started + 1 < installed);
    blind
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

/// Of all hooks the worst result counts (virHookCall), and execve(2) refuses what is neither a program nor begins with `#!`.
fn others(host: &Host) -> Vec<Finding> {
    let all = std::iter::once(PathBuf::from(MAIN)).chain(entries(host, DIRECTORIES[0]));
    let ours = links(host);
    let runs = |path: &PathBuf| !ours.contains(path) && metadata(host, path).is_ok_and(|file| is_executable(&file));
    all.filter(runs)
        .filter(|path| !is_program(&host.at(path)))
        .map(|path| {
            let path = path.display();
            Finding::problem(
                format!("{path} is no program and does not begin with #!, so that libvirt starts no network"),
                format!("chmod a-x '{path}'"),
            )
        })
        .collect()
}

/// Whether the kernel can tell what it is; of what cannot be read nobody knows.
fn is_program(path: &Path) -> bool {
    let mut begin = [0; 4];
    match fs::File::open(path).and_then(|mut file| file.read(&mut begin)) {
        Ok(length) => begin[..length].starts_with(b"#!") || begin == *b"\x7fELF",
        Err(_) => true,
    }
}

/// Whatever is executable in these directories runs, names such as `x.dpkg-old` and `x~` included (virHookCall).
fn leftovers(host: &Host) -> Vec<Finding> {
    let entries = DIRECTORIES.iter().flat_map(|directory| entries(host, directory));
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
                format!("chmod a-x '{path}'"),
            )
        })
        .collect()
}
