//! What AppArmor has kept our programs from, as the kernel's log has it, and what it will.

mod question;

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::time::{ClockId, clock_gettime};

use super::{Check, Finding, Host, hooks};
use crate::printable::Printable;

pub const DENIED: Check =
    Check { name: "apparmor-denial", about: "AppArmor has denied virt-bridge nothing in the last hour", look: denied };

pub const ALLOWED: Check =
    Check { name: "hook-allowed", about: "AppArmor lets libvirt's daemon run the hook", look: allowed };

/// The daemons that run network hooks; their profiles are named after them, or after their path.
const DAEMONS: [&str; 2] = ["libvirtd", "virtnetworkd"];

/// The profiles that are loaded, a line each: `libvirtd (enforce)`.
const LOADED: &str = "/sys/kernel/security/apparmor/profiles";

/// One record with each read (Documentation/ABI/testing/dev-kmsg).
const KERNEL_LOG: &str = "/dev/kmsg";

/// Longer ago it may have been mended.
const RECENT: Duration = Duration::from_secs(60 * 60);

fn denied(_: &Host) -> Vec<Finding> {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from).unwrap_or_default();
    let text = kernel_log();
    let last = text.lines().rev().find_map(|line| denial(line, now.saturating_sub(RECENT)));
    let finding = last.map(|denial| {
        Finding::warning(
            format!("AppArmor has denied {}", Printable(&denial)),
            "allow it in the profile's file in /etc/apparmor.d/local, or take away what changed the profile",
        )
    });
    finding.into_iter().collect()
}

/// AppArmor judges what a link leads to.
fn allowed(host: &Host) -> Vec<Finding> {
    let loaded = fs::read_to_string(LOADED).unwrap_or_default();
    let programs: Vec<String> = hooks::programs(host).into_iter().map(|it| it.display().to_string()).collect();
    let mut findings = Vec::new();
    for daemon in DAEMONS {
        let is_enforced = |profile: &String| loaded.lines().any(|line| line == format!("{profile} (enforce)"));
        let Some(profile) = [daemon.to_owned(), format!("/usr/sbin/{daemon}")].into_iter().find(is_enforced) else {
            continue;
        };
        // Who may not ask sees nothing.
        let denied = programs.iter().filter(|program| question::may_execute(&profile, program).is_ok_and(|may| !may));
        findings.extend(denied.map(|program| {
            let file = format!("usr.sbin.{daemon}");
            Finding::problem(
                format!("AppArmor's profile {profile} does not let {daemon} run {program}, so that no network starts"),
                format!(
                    "echo '{program} PUx,' >>/etc/apparmor.d/local/{file} && apparmor_parser --replace /etc/apparmor.d/{file}"
                ),
            )
        }));
    }
    findings
}

/// All that is there now; who may not read it sees nothing.
fn kernel_log() -> String {
    let mut log = Vec::new();
    let Ok(mut file) = File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(KERNEL_LOG) else {
        return String::new();
    };
    let mut record = [0; 8192];
    loop {
        match file.read(&mut record) {
            Ok(length @ 1..) => log.extend(&record[..length]),
            // It was written over while it was read.
            Err(error) if error.raw_os_error() == Some(nix::libc::EPIPE) => {}
            _ => return String::from_utf8_lossy(&log).into_owned(),
        }
    }
}

/// What a line such as `5,1,60000000,-;audit: … apparmor="DENIED" operation="exec" profile="libvirtd" name="…"` denies our
/// programs since then; the third number counts microseconds.
fn denial(line: &str, since: Duration) -> Option<String> {
    let (head, message) = line.split_once(';')?;
    let time = Duration::from_micros(head.split(',').nth(2)?.parse().ok()?);
    let is_ours = message.contains("apparmor=\"DENIED\"") && message.contains("virt-bridge");
    if !is_ours || time < since {
        return None;
    }
    let value = |key: &str| {
        let (_, rest) = message.split_once(&format!(" {key}=\""))?;
        rest.split('"').next()
    };
    Some(format!("{} of {} by the profile {}", value("operation")?, value("name")?, value("profile")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "5,1081,60000000,-;audit: type=1400 audit(1795.1:42): apparmor=\"DENIED\" operation=\"exec\" \
        profile=\"libvirtd\" name=\"/opt/virt-bridge-network\" pid=7 comm=\"rpc-worker\" requested_mask=\"x\"";

    #[test]
    fn a_recent_denial_is_told_with_what_by_which_profile() {
        let minute = Duration::from_secs(60);
        let told = "exec of /opt/virt-bridge-network by the profile libvirtd";
        assert_eq!(denial(LINE, minute).as_deref(), Some(told));
        assert_eq!(denial(LINE, 2 * minute), None);
        for other in ["", "5,1,x,-;", &LINE.replace("DENIED", "ALLOWED"), &LINE.replace("virt-bridge", "dnsmasq")] {
            assert_eq!(denial(other, minute), None, "{other}");
        }
    }
}
