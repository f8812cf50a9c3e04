use super::*;
use crate::libvirt::guest::Interface;
use crate::libvirt::networks::Network;
use crate::netfilter::forward::Barrier;
use crate::netlink::{BridgePort, PortState, PortVlan};

pub(super) const MAC: &str = "52:54:00:00:00:30";
const FORWARDS: BridgePort = BridgePort {
    state: PortState::Forwarding,
    is_isolated: false,
    learns: true,
    gets_unknown: true,
    gets_broadcasts: true,
};

fn port(name: &str, learnt: &str) -> Port {
    Port {
        name: name.into(),
        is_up: true,
        carrier: Some(true),
        mtu: Some(1500),
        master: Some("br0".into()),
        settings: Some(FORWARDS),
        vlans: vec![PortVlan { id: 1, is_native: true, is_untagged: true }],
        learnt: vec![learnt.into()],
    }
}

/// A guest that is online.
pub(super) fn online() -> Facts {
    Facts {
        guest: "web".into(),
        state: Some("running".into()),
        interface: Interface {
            kind: "network".into(),
            mac: Some(MAC.into()),
            network: Some("lan".into()),
            bridge: Some("br0".into()),
            link: Some("vnet0".into()),
            ..Interface::default()
        },
        network: Some(Network {
            forward: Some("bridge".into()),
            bridge: Some("br0".into()),
            is_active: true,
            ..Network::default()
        }),
        tap: Some(port("vnet0", MAC)),
        bridge_name: Some("br0".into()),
        bridge: Some(Bridge { name: "br0".into(), is_up: true, mtu: Some(1500), ..Bridge::default() }),
        uplink: Some(port("eth0", "52:54:00:00:00:01")),
        configured_uplink: Some("eth0".into()),
        uplink_owners: vec!["ifupdown (/etc/network/interfaces:3)".into()],
        gateways: vec![Gateway { address: [192, 0, 2, 1].into(), answer: Answer::Answers }],
        signs: Signs { watched_ms: 1000, sent_ever: 7, sent: 1, came_in: 3, ..Signs::default() },
        ..Facts::default()
    }
}

#[test]
fn nothing_is_wrong_with_a_guest_that_is_online() {
    let walk = walk(&online());
    assert_eq!(
        walk.hops.iter().map(|hop| hop.hop).collect::<Vec<_>>(),
        ["guest", "tap", "bridge", "uplink", "gateway"]
    );
    assert_eq!((walk.verdict(), walk.broken), (Verdict::Ok, None), "{walk:?}");
}

/// What is done to the facts; the hop that is broken, its sentence, its owner and its mend.
type Case = (fn(&mut Facts), &'static str, &'static str, &'static str, &'static str);

fn tap(facts: &mut Facts) -> &mut Port {
    facts.tap.as_mut().unwrap()
}

fn uplink(facts: &mut Facts) -> &mut Port {
    facts.uplink.as_mut().unwrap()
}

fn bridge(facts: &mut Facts) -> &mut Bridge {
    facts.bridge.as_mut().unwrap()
}

fn settings(port: &mut Port) -> &mut BridgePort {
    port.settings.as_mut().unwrap()
}

fn barrier() -> Barrier {
    Barrier {
        family: "ip",
        place: "chain FORWARD of table ip filter".into(),
        maker: "Docker".into(),
        has_exceptions: false,
        exception: "iptables -I FORWARD -i br0 -o br0 -j ACCEPT".into(),
    }
}

const PROBLEMS: &[Case] = &[
    (|it| it.state = Some("paused".into()), "guest", "web is paused", "", "virsh resume web"),
    (|it| it.state = Some("crashed".into()), "guest", "web is crashed", "", "virsh domstate --reason web"),
    (|it| it.interface.is_unplugged = true, "guest", "pulled", "definition of web", "virsh domif-setlink web 52:"),
    (|it| it.network = None, "guest", "there is no network lan", "definition of web", "virsh edit web"),
    (
        |it| it.network.as_mut().unwrap().forward = None,
        "guest",
        "leads to this host only",
        "definition",
        "virsh edit web",
    ),
    (|it| it.namesakes = vec!["guest db".into()], "guest", "is the MAC of guest db as well", "definition", "<mac>"),
    (
        |it| (it.signs.sent_ever, it.signs.sent, tap(it).learnt) = (0, 0, Vec::new()),
        "guest",
        "web has not sent a single frame",
        "own system",
        "virsh console web",
    ),
    (|it| it.tap = None, "tap", "vnet0 is missing", "deleted", "virsh start web"),
    (|it| tap(it).is_up = false, "tap", "vnet0 is down", "administrator", "ip link set vnet0 up"),
    (|it| tap(it).carrier = Some(false), "tap", "QEMU does not have it open", "QEMU", "restart the guest"),
    (|it| (tap(it).master, tap(it).settings) = (None, None), "tap", "fallen off br0", "", "virt-bridge heal"),
    (|it| tap(it).master = Some("br1".into()), "tap", "is a port of br1", "", "ip link set vnet0 master br0"),
    (
        |it| settings(tap(it)).state = PortState::Blocking,
        "tap",
        "br0 keeps vnet0 blocking",
        "administrator",
        "bridge link set dev vnet0 state 3",
    ),
    (
        |it| {
            settings(tap(it)).state = PortState::Learning;
            (bridge(it).stp, bridge(it).forward_delay_ms) = (true, 15_000);
        },
        "tap",
        "br0 keeps vnet0 learning",
        "spanning tree",
        "wait 30 s, or: ip link set br0 type bridge stp_state 0",
    ),
    (|it| settings(tap(it)).gets_broadcasts = false, "tap", "no ARP question", "", "bcast_flood on"),
    (
        |it| {
            (*settings(tap(it)), tap(it).learnt) =
                (BridgePort { learns: false, gets_unknown: false, ..FORWARDS }, vec![])
        },
        "tap",
        "br0 does not know that 52:54:00:00:00:30 is behind vnet0",
        "macTableManager",
        "learning on flood on",
    ),
    (
        |it| (it.interface.filter, tap(it).learnt) = (Some("no-ip".into()), Vec::new()),
        "tap",
        "web has sent 7 frames, and the filter no-ip has let none into the bridge",
        "network filter no-ip",
        "virsh nwfilter-edit no-ip",
    ),
    (|it| it.bridge = None, "bridge", "br0 is missing", "deleted", "virt-bridge up br0"),
    (|it| bridge(it).is_up = false, "bridge", "br0 is down", "", "ip link set br0 up"),
    (
        |it| (bridge(it).filters_vlans, tap(it).vlans[0].id) = (true, 7),
        "bridge",
        "eth0 does not carry VLAN 7 of vnet0",
        "eth0 its VLANs",
        "bridge vlan add dev eth0 vid 7",
    ),
    (
        |it| (bridge(it).filters_vlans, tap(it).vlans) = (true, Vec::new()),
        "bridge",
        "belongs to none",
        "<vlan>",
        "pvid",
    ),
    (
        |it| (settings(tap(it)).is_isolated, settings(uplink(it)).is_isolated) = (true, true),
        "bridge",
        "vnet0 and eth0 are both isolated",
        "isolated eth0",
        "bridge link set dev eth0 isolated off",
    ),
    (
        |it| {
            bridge(it).barriers = vec![barrier()];
            bridge(it).netfilter_writers = vec!["kubelet".into()];
        },
        "bridge",
        "chain FORWARD of table ip filter drops what passes br0",
        "Docker; bridge netfilter was turned on by kubelet",
        "virt-bridge netfilter apply",
    ),
    (
        |it| bridge(it).barriers = vec![barrier()],
        "bridge",
        "drops what passes br0",
        "Docker",
        "iptables -I FORWARD -i br0",
    ),
    (|it| it.uplink = None, "uplink", "eth0 is not a port of br0", "ifupdown", "virt-bridge up br0"),
    (
        |it| (it.uplink, it.configured_uplink) = (None, None),
        "uplink",
        "br0 has no uplink",
        "[bridge.br0]",
        "virt-bridge up br0 --uplink NIC",
    ),
    (|it| uplink(it).is_up = false, "uplink", "eth0 is down", "/etc/network/interfaces:3", "ip link set eth0 up"),
    (|it| uplink(it).carrier = Some(false), "uplink", "eth0 has no carrier", "cable", "cable of eth0"),
    (|it| settings(uplink(it)).state = PortState::Disabled, "uplink", "keeps eth0 disabled", "", "dev eth0 state 3"),
    (|it| it.gateways[0].answer = Answer::Silent, "gateway", "192.0.2.1 does not answer by br0", "router", "router"),
];

#[test]
fn each_breakage_is_named_with_its_hop_its_owner_and_its_mend() {
    for (number, (breaks, hop, sentence, owner, mend)) in PROBLEMS.iter().enumerate() {
        let mut facts = online();
        breaks(&mut facts);
        let walk = walk(&facts);
        assert_eq!((walk.verdict(), walk.broken), (Verdict::Problem, Some(*hop)), "{number}, {sentence}: {walk:#?}");
        let findings: Vec<&Finding> = walk.hops.iter().flat_map(|hop| &hop.findings).collect();
        assert_eq!(findings.len(), 1, "{walk:#?}");
        let told = [(&findings[0].sentence, sentence), (&findings[0].owner, owner), (&findings[0].mend, mend)];
        told.iter().for_each(|(text, part)| assert!(text.contains(**part), "{number}: {part} in {:?}", findings[0]));
    }
}

const WARNINGS: &[Case] = &[
    (|it| tap(it).mtu = Some(1400), "tap", "vnet0 has MTU 1400 on br0 with 1500", "<mtu>", "mtu 1500"),
    (|it| tap(it).learnt = vec!["02::1".into()], "tap", "speaks as 02::1", "own system", "defined MAC"),
    (|it| uplink(it).mtu = Some(1400), "uplink", "eth0 has MTU 1400", "ifupdown", "mtu 1500"),
    (
        |it| it.interface.vlans.tags = vec![7],
        "bridge",
        "keeps no VLANs apart",
        "vlan-filtering",
        "vlan-filtering = true",
    ),
    (
        |it| bridge(it).barriers = vec![Barrier { has_exceptions: true, ..barrier() }],
        "bridge",
        "that none of its rules saves",
        "Docker",
        "ACCEPT",
    ),
    (
        |it| it.gateways.push(Gateway { address: [192, 0, 2, 2].into(), answer: Answer::Silent }),
        "gateway",
        "192.0.2.2 does not answer",
        "router",
        "router",
    ),
    (
        |it| it.network.as_mut().unwrap().forward = Some("nat".into()),
        "guest",
        "web is on network lan (nat), behind this host",
        "definition of web",
        "<forward mode='bridge'/>",
    ),
];

#[test]
fn what_may_get_lost_is_a_warning_and_breaks_no_hop() {
    for (breaks, hop, sentence, owner, mend) in WARNINGS {
        let mut facts = online();
        breaks(&mut facts);
        let walk = walk(&facts);
        assert_eq!((walk.verdict(), walk.broken), (Verdict::Warning, None), "{sentence}: {walk:#?}");
        let found = walk.hops.iter().find(|found| found.verdict == Verdict::Warning).unwrap();
        let finding = &found.findings[0];
        assert_eq!(found.hop, *hop);
        let told = [(&finding.sentence, sentence), (&finding.owner, owner), (&finding.mend, mend)];
        told.iter().for_each(|(text, part)| assert!(text.contains(**part), "{part} in {finding:?}"));
    }
}

#[test]
fn a_guest_that_is_shut_off_has_no_tap_and_the_rest_of_its_way_is_looked_at() {
    let facts = Facts { state: None, tap: None, ..online() };
    let walk = walk(&facts);
    assert_eq!(walk.broken, Some("guest"));
    let verdicts: Vec<Verdict> = walk.hops.iter().map(|hop| hop.verdict).collect();
    assert_eq!(verdicts, [Verdict::Problem, Verdict::Unknown, Verdict::Ok, Verdict::Ok, Verdict::Ok]);
    let mut idle = Facts { state: None, tap: None, ..online() };
    idle.network.as_mut().unwrap().is_active = false;
    let findings = &super::walk(&idle).hops[0].findings;
    assert_eq!(findings[1].mend, "virsh net-start lan");
}

#[test]
fn of_a_router_behind_a_broken_hop_nothing_is_said() {
    let mut facts = online();
    uplink(&mut facts).is_up = false;
    facts.gateways[0].answer = Answer::Unasked;
    let walk = walk(&facts);
    assert_eq!(walk.hops[4].sentence, "the way to it is broken");
    assert_eq!(walk.broken, Some("uplink"));
}

#[test]
fn a_rule_that_would_move_the_interface_is_told() {
    let mut facts = online();
    facts.network.as_mut().unwrap().forward = Some("nat".into());
    facts.rule = Some("source network default → lan".into());
    let finding = &walk(&facts).hops[0].findings[0];
    assert_eq!(finding.verdict, Verdict::Problem);
    assert_eq!(finding.mend, "a rule moves it (source network default → lan): virt-bridge-watch --once");
}

#[test]
fn a_switch_that_is_not_the_kernels_bridge_is_not_called_missing() {
    let facts = Facts { bridge: None, uplink: None, foreign_bridge: Some("openvswitch".into()), ..online() };
    let walk = walk(&facts);
    assert_eq!((walk.verdict(), walk.broken, walk.hops.len()), (Verdict::Unknown, None, 2));
    assert!(walk.hops[1].sentence.contains("of kind openvswitch"));
}
