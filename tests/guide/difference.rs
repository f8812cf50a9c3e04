//! Where two hosts differ, and why that is so.

use virt_bridge::glob;

use crate::end_state::EndState;

/// Why ours is not what the guide makes, for values with such names (patterns as in the shell).
const REASONS: &[(&str, &[&str])] = &[
    (
        "the bridge has its uplink's MAC, so that the LAN knows the host again; by hand systemd-udevd makes one up",
        &[
            "link br0 address",
            "bridge br0 bridge_id",
            "bridge br0 root_id",
            "port * bridge_id",
            "port * root_id",
            "address br0 inet6 fe80::*",
            "route -6 local fe80::* dev br0",
        ],
    ),
    (
        "IPv6 moves, too; by hand it stays on eth0, where nobody can find it any more",
        &[
            "address eth0 inet6 *",
            "address br0 inet6 2001:db8:0:1::10/64",
            "route -6 * dev eth0",
            "route -6 2001:db8:0:1::/64 dev br0",
            "route -6 default via 2001:db8:0:1::1 dev br0",
            "route -6 local 2001:db8:0:1::10 dev br0",
            "packets IPv6 from the host",
            "packets IPv6 to the host",
        ],
    ),
    (
        "neighbours move, too, so that no packet waits for an answer to ARP",
        &["neighbours br0 knew before it sent anything"],
    ),
    (
        "containers' own bridges stay filtered, as their engine expects; sysctls of 0 alone give their isolation away",
        &["bridge docker0 nf_call_*", "packets between containers"],
    ),
    ("the bridge forwards at once; by hand only from the next boot on (bridge_fd 0)", &["bridge br0 forward_delay"]),
    (
        "what lasts is in one file of ours; at boot the network's autostart makes the bridge",
        &["file /etc/network/interfaces", "file /etc/sysctl.*", "file /etc/virt-bridge.toml"],
    ),
];

/// A value that is not the same on both hosts.
pub struct Difference<'a> {
    /// Its name.
    pub name: &'a str,
    /// As the guide makes it; nothing where it is not there.
    pub by_hand: Option<&'a str>,
    /// As virt-bridge makes it.
    pub by_us: Option<&'a str>,
}

/// All differences, by name.
pub fn between<'a>(by_hand: &'a EndState, by_us: &'a EndState) -> Vec<Difference<'a>> {
    let mut names: Vec<&String> = by_hand.keys().chain(by_us.keys()).collect();
    names.sort();
    names.dedup();
    let difference = |name: &'a String| Difference {
        name,
        by_hand: by_hand.get(name).map(String::as_str),
        by_us: by_us.get(name).map(String::as_str),
    };
    names.into_iter().map(difference).filter(|difference| difference.by_hand != difference.by_us).collect()
}

/// The reasons, each with the patterns of the names that it is for.
pub fn reasons() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    REASONS.iter().copied()
}

/// Whether the difference's name is among the patterns.
pub fn is_among(difference: &Difference, patterns: &[&str]) -> bool {
    patterns.iter().any(|pattern| glob::matches(pattern, difference.name))
}
