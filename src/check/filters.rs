//! Bridge netfilter, which filters guests' frames with the host's rules.

use super::{Check, Finding, Host};

pub const POLICY: Check =
    Check { name: "bridge-netfilter", about: "bridge netfilter is as the policy wants it", look: policy };

fn policy(host: &Host) -> Vec<Finding> {
    if host.filters.is_empty() {
        return Vec::new();
    }
    vec![Finding::problem(
        "somebody has changed bridge netfilter, so that the host's rules meet guests' frames otherwise than configured; \
         who, says virt-bridge netfilter show",
        "virt-bridge netfilter apply",
    )]
}
