//! What the policy wants of the sysctls and of a bridge, and why. Pure.

use std::fmt::{self, Display, Formatter};

use crate::config::{self, Config, Policy};
use crate::netlink::NetfilterCalls;

/// What is wanted, and the rule that decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The values; nothing is what stays as it is.
    pub calls: NetfilterCalls,
    /// Why.
    pub rule: Rule,
    /// Those of the values that the configuration sets one by one, whatever the rule says.
    pub configured: NetfilterCalls,
}

/// Why a value is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The policy says the same of everything.
    Policy(Policy),
    /// A bridge is to pass no packets although the others do: possible only while the sysctl is 0 and each of the
    /// others has its own flag.
    OptedOut {
        /// The bridge.
        bridge: String,
    },
    /// `containers`, and a container engine's bridge by its name.
    ContainerEngine {
        /// The pattern that the name matched.
        pattern: String,
    },
    /// `containers`, and the name of a container engine's bridge; but it is configured as ours.
    Ours,
    /// `containers`, and the name of a container engine's bridge; but a libvirt network uses it.
    LibvirtNetwork,
    /// `containers`, and no container engine's bridge.
    NoContainers,
}

/// What is wanted of the sysctls, which speak for all bridges.
pub fn for_all(config: &Config) -> Wanted {
    let policy = config.netfilter.policy;
    let calls = sysctls(config);
    let is_off = |bridge: &config::Bridge| <[_; 3]>::from(configured(bridge)).contains(&Some(false));
    let opted_out = config.bridges.iter().filter(|_| policy == Policy::On).find(|(_, bridge)| is_off(bridge));
    let rule = match opted_out {
        Some((bridge, _)) => Rule::OptedOut { bridge: bridge.clone() },
        None => Rule::Policy(policy),
    };
    Wanted { calls, rule, configured: NetfilterCalls::default() }
}

/// The values alone.
pub(super) fn sysctls(config: &Config) -> NetfilterCalls {
    let all = of_all_but_containers(config.netfilter.policy);
    if config.netfilter.policy != Policy::On {
        return all;
    }
    let without = |calls: NetfilterCalls, bridge| {
        calls.zip(configured(bridge), |all, own| if own == Some(false) { own } else { all })
    };
    config.bridges.values().fold(all, without)
}

/// What is wanted of one bridge's own flags.
pub fn for_bridge(config: &Config, name: &str, is_libvirts: impl Fn(&str) -> bool) -> Wanted {
    let section = config.bridges.get(name);
    let configured = section.map(configured).unwrap_or_default();
    let rule = match config.netfilter.policy {
        Policy::Containers => rule_for_name(config, name, is_libvirts),
        policy => Rule::Policy(policy),
    };
    let calls = match rule {
        Rule::ContainerEngine { .. } => NetfilterCalls::all(true),
        _ => of_all_but_containers(config.netfilter.policy),
    };
    Wanted { calls: configured.or(calls), rule, configured }
}

/// The values alone, for the bridge of a network of libvirt or of a guest, which is no container engine's.
pub(super) fn for_libvirts_bridge(config: &Config, name: &str) -> NetfilterCalls {
    let configured = config.bridges.get(name).map(configured).unwrap_or_default();
    configured.or(of_all_but_containers(config.netfilter.policy))
}

fn of_all_but_containers(policy: Policy) -> NetfilterCalls {
    match policy {
        Policy::Containers | Policy::Off => NetfilterCalls::all(false),
        Policy::On => NetfilterCalls::all(true),
        Policy::Leave => NetfilterCalls::default(),
    }
}

fn rule_for_name(config: &Config, name: &str, is_libvirts: impl Fn(&str) -> bool) -> Rule {
    match config.netfilter.container_pattern(name) {
        None => Rule::NoContainers,
        Some(_) if config.bridges.get(name).is_some_and(config::Bridge::is_ours) => Rule::Ours,
        Some(_) if is_libvirts(name) => Rule::LibvirtNetwork,
        Some(pattern) => Rule::ContainerEngine { pattern: pattern.to_owned() },
    }
}

fn configured(bridge: &config::Bridge) -> NetfilterCalls {
    [bridge.nf_call_iptables, bridge.nf_call_ip6tables, bridge.nf_call_arptables].into()
}

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Policy(policy) => write!(f, "policy \"{}\"", policy.name()),
            Rule::OptedOut { bridge } => write!(
                f,
                "policy \"on\", but [bridge.{bridge}] says false: where the sysctl is 0, the other bridges have flags of their own"
            ),
            Rule::ContainerEngine { pattern } => {
                write!(f, "policy \"containers\": a container engine's bridge by its name ({pattern})")
            }
            Rule::Ours => write!(f, "policy \"containers\": a bridge of virt-bridge's own"),
            Rule::LibvirtNetwork => write!(f, "policy \"containers\": the bridge of a libvirt network"),
            Rule::NoContainers => write!(f, "policy \"containers\": no container engine's bridge"),
        }
    }
}

#[cfg(test)]
mod tests;
