//! What the kernel lets this process do.

use super::exit::Failure;

/// `CAP_NET_ADMIN` of linux/capability.h.
const NET_ADMIN: u32 = 12;

/// Refuses a verb that changes the network where the kernel would refuse its messages.
///
/// # Errors
/// When the capability is missing.
pub fn require(verb: &str) -> Result<(), Failure> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if may_administer(&status) {
        return Ok(());
    }
    Err(Failure::unchanged(format!("{verb} changes the network, and this process lacks the capability CAP_NET_ADMIN"))
        .hint("run it as root; status, plan and netfilter show work without"))
}

/// Whether the process of this /proc/PID/status may; where it says nothing the kernel will tell.
fn may_administer(status: &str) -> bool {
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    effective.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).is_none_or(|set| set >> NET_ADMIN & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_effective_capability_counts() {
        assert!(may_administer("Name:\tx\nCapPrm:\t0\nCapEff:\t0000000000001000\n"));
        assert!(!may_administer("CapPrm:\t000001ffffffffff\nCapEff:\t000001ffffffefff\n"));
        assert!(may_administer(""));
    }
}
