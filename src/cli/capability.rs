//! What the kernel lets this process do.

use std::fs::File;
use std::io::{ErrorKind, Write, stderr};
use std::path::Path;

use super::exit::Failure;

/// `CAP_NET_ADMIN` of linux/capability.h.
const NET_ADMIN: u32 = 12;

/// `CAP_SYS_ADMIN` of linux/capability.h.
const SYS_ADMIN: u32 = 21;

/// Refuses a verb that changes the network where the kernel would refuse its messages.
///
/// # Errors
/// When the capability is missing.
pub fn require(verb: &str) -> Result<(), Failure> {
    if has(NET_ADMIN) {
        return Ok(());
    }
    Err(Failure::unchanged(format!("{verb} changes the network, and this process lacks the capability CAP_NET_ADMIN"))
        .hint("run it as root; status, plan, check, receipt and netfilter show work without"))
}

/// Refuses a rehearsal where the kernel would refuse its namespaces.
///
/// # Errors
/// When a capability is missing.
pub fn require_for_rehearsal() -> Result<(), Failure> {
    let missing = [(NET_ADMIN, "CAP_NET_ADMIN"), (SYS_ADMIN, "CAP_SYS_ADMIN")].into_iter().find(|(bit, _)| !has(*bit));
    missing.map_or(Ok(()), |(_, name)| {
        Err(Failure::unchanged(format!(
            "--rehearse makes network namespaces, and this process lacks the capability {name}"
        ))
        .hint("run it as root; plan works without it, if without --rehearse"))
    })
}

/// What only root may read of libvirt and of us (mode 0700), and the kernel's log.
const PRIVATE: [&str; 4] = ["/etc/libvirt/qemu", "/run/libvirt/qemu", "/run/virt-bridge", "/dev/kmsg"];

/// Says what this process may not read, so that nobody takes what is not seen for what is not there.
pub fn warn_of_unreadable() {
    let is_denied = |path: &Path| File::open(path).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
    // Where a directory may be read, what is in it need not.
    let has_denied = |path: &Path| {
        path.read_dir().is_ok_and(|mut entries| entries.any(|it| it.is_ok_and(|it| is_denied(&it.path()))))
    };
    let is_private = |path: &&str| is_denied(Path::new(path)) || has_denied(Path::new(path));
    let unread: Vec<&str> = PRIVATE.into_iter().filter(is_private).collect();
    if !unread.is_empty() {
        let what = unread.join(", ");
        let _ = writeln!(
            stderr(),
            "warning: without the capability CAP_DAC_READ_SEARCH {what} cannot be read, and what is there is not seen: run it as root"
        );
    }
}

fn has(capability: u32) -> bool {
    is_effective(&std::fs::read_to_string("/proc/self/status").unwrap_or_default(), capability)
}

/// Whether the process of this /proc/PID/status has it; where it says nothing the kernel will tell.
fn is_effective(status: &str, capability: u32) -> bool {
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    effective.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).is_none_or(|set| set >> capability & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_effective_capability_counts() {
        assert!(is_effective("Name:\tx\nCapPrm:\t0\nCapEff:\t0000000000001000\n", NET_ADMIN));
        assert!(!is_effective("CapPrm:\t000001ffffffffff\nCapEff:\t000001ffffffefff\n", NET_ADMIN));
        assert!(is_effective("", NET_ADMIN));
    }
}
