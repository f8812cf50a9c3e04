use super::legacy::parse;
use super::*;

/// The barriers of a firewall in iptables' own words, as it meets `br0`.
fn barriers(text: &str) -> Vec<Barrier> {
    parse(text, "ip", "br0").barriers("br0", "", |_| None)
}

#[test]
fn only_what_ends_every_packet_is_a_barrier() {
    let fork = "-N A\n-N B\n-A FORWARD -j A\n-A A -j RETURN\n-A A -j DROP\n-A FORWARD -j B";
    for (rules, is_barrier) in [
        ("-P FORWARD ACCEPT", false),
        ("-P FORWARD DROP", true),
        ("-P FORWARD DROP\n-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT", true),
        ("-P FORWARD DROP\n-A FORWARD -j ACCEPT", false),
        (
            "-P FORWARD ACCEPT\n-A FORWARD -i docker0 -j ACCEPT\n-A FORWARD -j REJECT --reject-with icmp-port-unreachable",
            true,
        ),
        ("-P INPUT DROP\n-P FORWARD ACCEPT", false),
        ("-P FORWARD DROP\n-A FORWARD -i br0 -o br0 -j ACCEPT", false),
        ("-P FORWARD DROP\n-A FORWARD -m physdev --physdev-is-bridged -j ACCEPT", false),
        ("-P FORWARD DROP\n-A FORWARD -i br0 -o br1 -j ACCEPT", true),
        ("-P FORWARD ACCEPT\n-A FORWARD -i br0 -j DROP", true),
        (&format!("-P FORWARD ACCEPT\n{fork}\n-A B -j DROP"), true),
        (&format!("-P FORWARD DROP\n{fork}\n-A B -j ACCEPT"), false),
        (&format!("-P FORWARD DROP\n{fork}\n-A B -j A"), true),
        ("-P FORWARD ACCEPT\n-N X\n-A FORWARD -g X\n-A FORWARD -j DROP", false),
        ("-P FORWARD DROP\n-N X\n-A FORWARD -g X\n-A FORWARD -j ACCEPT", true),
        ("-P FORWARD ACCEPT\n-N X\n-N Y\n-A FORWARD -j X\n-A X -g Y\n-A X -j ACCEPT\n-A FORWARD -j DROP", true),
        ("-P FORWARD ACCEPT\n-A FORWARD ! -i eth9 -j DROP", true),
        ("-P FORWARD ACCEPT\n-A FORWARD ! -i br0 -j DROP", false),
        ("-P FORWARD ACCEPT\n-A FORWARD ! -i br+ -j DROP", false),
        ("-P FORWARD ACCEPT\n-A FORWARD -j LOG --log-prefix x\n-A FORWARD -j DROP", true),
    ] {
        assert_eq!(!barriers(rules).is_empty(), is_barrier, "{rules}");
    }
}

#[test]
fn a_barrier_is_told_with_its_maker_and_the_rule_that_opens_it() {
    let found = barriers("-P FORWARD DROP\n-N DOCKER-USER\n-A FORWARD -j DOCKER-USER\n-A DOCKER-USER -j RETURN");
    let expected = Barrier {
        family: "ip",
        place: "chain FORWARD of table ip filter".into(),
        maker: "Docker".into(),
        has_exceptions: false,
        exception: "iptables -I FORWARD -i br0 -o br0 -j ACCEPT".into(),
    };
    assert_eq!(found, [expected]);
    assert!(barriers("-P FORWARD DROP\n-A FORWARD -i br0 -p tcp -j ACCEPT")[0].has_exceptions);
    assert!(barriers("-P FORWARD DROP\n-A FORWARD -m physdev --physdev-in vnet0 -j ACCEPT")[0].has_exceptions);
    // Only what its packets can come to.
    let elsewhere = "-P FORWARD DROP\n-P INPUT ACCEPT\n-N X\n-N Y\n-A INPUT -j X\n-A X -i br0 -p tcp -j ACCEPT";
    assert!(!barriers(elsewhere)[0].has_exceptions);
    assert!(barriers(&format!("{elsewhere}\n-A FORWARD -p tcp -j Y\n-A Y -j X"))[0].has_exceptions);
    assert_eq!(barriers("-P FORWARD DROP\n-N ufw-before-forward")[0].maker, "ufw");
    assert_eq!(barriers("-P FORWARD DROP")[0].maker, "an administrator");
}

#[test]
fn a_bridges_packets_meet_the_barriers_of_their_family() {
    let with = |family| Barrier { family, ..barriers("-P FORWARD DROP")[0].clone() };
    let filtered = |four, six| [Some(four), Some(six), None].into();
    for (family, calls, is_met) in [
        ("ip", filtered(true, false), true),
        ("ip", filtered(false, true), false),
        ("ip6", filtered(false, true), true),
        ("inet", filtered(false, true), true),
        ("inet", filtered(false, false), false),
        ("bridge", filtered(false, false), true),
    ] {
        assert_eq!(with(family).is_met(calls), is_met, "{family}");
    }
}
