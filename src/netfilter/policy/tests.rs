//! The policy as a table.

use super::*;

fn config(policy: Policy) -> Config {
    let mut config = Config::default();
    config.netfilter.policy = policy;
    config
}

fn bridge(iptables: Option<bool>) -> config::Bridge {
    config::Bridge { nf_call_iptables: iptables, ..Default::default() }
}

const OFF: NetfilterCalls = NetfilterCalls { iptables: Some(false), ip6tables: Some(false), arptables: Some(false) };
const ON: NetfilterCalls = NetfilterCalls { iptables: Some(true), ip6tables: Some(true), arptables: Some(true) };

#[test]
fn each_policy_decides_for_all_for_guests_and_for_containers() {
    let nothing = NetfilterCalls::default();
    for (policy, all, guests, containers) in [
        (Policy::Containers, OFF, OFF, ON),
        (Policy::Off, OFF, OFF, OFF),
        (Policy::On, ON, ON, ON),
        (Policy::Leave, nothing, nothing, nothing),
    ] {
        let config = config(policy);
        assert_eq!(for_all(&config).calls, all, "{policy:?}");
        assert_eq!(for_bridge(&config, "br0", |_| false).calls, guests, "{policy:?}");
        assert_eq!(for_bridge(&config, "docker0", |_| false).calls, containers, "{policy:?}");
    }
}

#[test]
fn a_bridge_of_ours_or_of_libvirt_is_no_container_engines() {
    let mut config = config(Policy::Containers);
    let wanted = for_bridge(&config, "cni0", |name| name == "cni0");
    assert_eq!((wanted.calls, wanted.rule), (OFF, Rule::LibvirtNetwork));
    config.bridges.insert("cni0".into(), config::Bridge { stp: Some(false), ..Default::default() });
    let wanted = for_bridge(&config, "cni0", |_| false);
    assert_eq!((wanted.calls, wanted.rule), (OFF, Rule::Ours));
}

#[test]
fn a_key_of_one_bridge_wins_over_every_policy() {
    for policy in [Policy::Containers, Policy::Off, Policy::On, Policy::Leave] {
        for own in [true, false] {
            for name in ["br0", "docker0"] {
                let mut config = config(policy);
                let before = for_bridge(&config, name, |_| false).calls;
                config.bridges.insert(name.into(), bridge(Some(own)));
                let wanted = for_bridge(&config, name, |_| false);
                assert_eq!(wanted.calls, NetfilterCalls { iptables: Some(own), ..before }, "{policy:?} {name}");
                let libvirts = for_bridge(&config, name, |_| true).calls;
                assert_eq!(for_libvirts_bridge(&config, name), libvirts, "{policy:?} {name}");
                assert_eq!(wanted.configured, NetfilterCalls { iptables: Some(own), ..Default::default() });
            }
        }
    }
}

#[test]
fn with_policy_on_a_bridge_can_stay_out_because_the_sysctl_gives_way() {
    let mut config = config(Policy::On);
    config.bridges.insert("br0".into(), bridge(Some(false)));
    config.bridges.insert("br1".into(), bridge(Some(true)));
    let all = for_all(&config);
    assert_eq!(all.calls, NetfilterCalls { iptables: Some(false), ..ON });
    assert_eq!(all.rule, Rule::OptedOut { bridge: "br0".into() });
    assert_eq!(for_bridge(&config, "br2", |_| false).calls, ON);
    assert_eq!(for_bridge(&config, "br0", |_| false).calls.iptables, Some(false));
}
