//! How far a guest's questions come, and their answers: where nothing that is known of the host explains why it is offline,
//! its own frames tell where they end.

use std::net::{IpAddr, Ipv4Addr};

use super::facts::Subnet;
use super::frame::{Message, Request};
use super::{Answer, Facts, Finding, Port};
use crate::printable::Printable;
use crate::shell_word::ShellWord;

/// Where a frame was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the guest's tap.
    Tap,
    /// At the bridge's uplink.
    Uplink,
}

/// What a guest asks for, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// What it asks for.
    pub request: Request,
    /// The address that it asks from, or was offered.
    pub address: Option<IpAddr>,
    /// Whether the question has left by the uplink.
    pub is_out: bool,
    /// Whether an answer has come in by the uplink.
    pub is_back: bool,
    /// Whether an answer has reached the tap.
    pub is_answered: bool,
}

impl Trace {
    /// Adds what was seen; whether it is a question that was not seen before.
    pub fn follow(traces: &mut Vec<Trace>, message: &Message, place: Place, is_outgoing: bool) -> bool {
        let Message { request, address, .. } = *message;
        let known = traces.iter_mut().find(|trace| trace.request == request);
        match (known, place, message.is_answer, is_outgoing) {
            (None, Place::Tap, false, false) => {
                traces.push(Trace { request, address, is_out: false, is_back: false, is_answered: false });
                return true;
            }
            (Some(trace), Place::Uplink, false, true) => trace.is_out = true,
            (Some(trace), Place::Uplink, true, false) => trace.is_back = true,
            (Some(trace), Place::Tap, true, true) => {
                trace.is_answered = true;
                trace.address = address.or(trace.address);
            }
            _ => {}
        }
        false
    }

    /// The guest's own address and the one that it asks for, where both are of other networks than these.
    pub fn elsewhere(&self, subnets: &[Subnet]) -> Option<(Ipv4Addr, Ipv4Addr)> {
        let (IpAddr::V4(own), Request::Neighbour(IpAddr::V4(wanted))) = (self.address?, self.request) else {
            return None;
        };
        let is_here = |address| subnets.iter().any(|subnet| subnet.contains(address));
        (!subnets.is_empty() && !is_here(own) && !is_here(wanted)).then_some((own, wanted))
    }
}

/// The hop at which the guest's own frames end, and why.
pub(super) fn judge(facts: &Facts) -> Option<(&'static str, Finding)> {
    let (tap, uplink) = (facts.tap.as_ref()?, facts.uplink.as_ref()?);
    let mut unanswered: Vec<&Trace> = facts.signs.traces.iter().filter(|trace| !trace.is_answered).collect();
    // It is what a guest asks for first, and misses least.
    unanswered.sort_by_key(|trace| trace.request == Request::Router);
    unanswered.into_iter().find_map(|trace| match trace.request {
        Request::Neighbour(address) if !facts.is_router(address) => stranger(facts, trace),
        Request::Router if !facts.is_advertised => None,
        _ if !trace.is_out => Some(("bridge", lost(facts, "the question of", &tap.name, &uplink.name))),
        _ if trace.is_back => Some(("bridge", lost(facts, "the answer to", &uplink.name, &tap.name))),
        Request::Neighbour(router) => Some(("gateway", shut_out(facts, uplink, router))),
        Request::Router => Some(("gateway", unadvertised(facts, uplink))),
        Request::Lease | Request::Lease6 => Some(("gateway", no_server(facts, uplink, trace))),
    })
}

impl Facts {
    /// Whether it is a router that answers this host, so that it should answer the guest.
    fn is_router(&self, address: IpAddr) -> bool {
        self.gateways.iter().any(|gateway| gateway.address == address && gateway.answer == Answer::Answers)
    }

    /// Whether the guest has an address of the LAN in this family, as far as it was heard.
    fn has_address(&self, is_ipv4: bool) -> bool {
        let used = self.signs.traces.iter().filter(|trace| !matches!(trace.request, Request::Lease | Request::Lease6));
        let mut addresses = used.filter_map(|trace| trace.address).chain(self.signs.answers.iter().copied());
        addresses.any(|address| address.is_ipv4() == is_ipv4)
    }
}

/// A guest that has brought the address of another network along; a LAN may have more networks than this host has of it.
fn stranger(facts: &Facts, trace: &Trace) -> Option<(&'static str, Finding)> {
    let (own, wanted) = trace.elsewhere(&facts.subnets)?;
    let guest = ShellWord(&facts.guest);
    let here = facts.subnets.iter().map(Subnet::to_string).collect::<Vec<_>>().join(" and ");
    let finding = Finding::warning(
        format!("{guest} uses {own} and looks in vain for {wanted}, while {} is in {here}", facts.bridge_name()),
        "the guest's own system: its lease is of the network that it was on before, or somebody has set the address",
        format!("virsh console {guest}: let it ask for a new lease, or give it an address of {here}"),
    );
    Some(("guest", finding))
}

/// What is between two links of this host, and nothing that is looked at explains it.
fn lost(facts: &Facts, what: &str, from: &str, to: &str) -> Finding {
    let (guest, bridge) = (Printable(&facts.guest), facts.bridge_name());
    Finding::problem(
        format!("{what} {guest} comes into {bridge} by {from}, but not out of it by {to}"),
        "a filter of this host that is not looked at: of tc, XDP or eBPF, or one that looks at more than who speaks",
        format!(
            "find what drops it: nft list ruleset; tc filter show dev {0} ingress; tc filter show dev {1} egress",
            ShellWord(from),
            ShellWord(to)
        ),
    )
}

fn shut_out(facts: &Facts, uplink: &Port, router: IpAddr) -> Finding {
    let (guest, mac) = (Printable(&facts.guest), facts.mac());
    match vlan_of_its_own(facts, uplink) {
        Some(vlan) => Finding::problem(
            format!("{router} does not answer {guest}, which asks in VLAN {vlan}"),
            format!("the switch at {}, or a router that is not in VLAN {vlan}", uplink.name),
            format!("let the switch's port carry VLAN {vlan}, and give it a router"),
        ),
        None => Finding::problem(
            format!("{router} answers this host, but not {guest}: its question leaves by {}", uplink.name),
            format!("the switch or hypervisor at {}, which lets only MAC addresses pass that it knows", uplink.name),
            format!(
                "let {mac} pass there: port security of a switch; on VMware forged transmits and promiscuous mode; on Hyper-V MAC address spoofing"
            ),
        ),
    }
}

fn unadvertised(facts: &Facts, uplink: &Port) -> Finding {
    let (guest, mac) = (Printable(&facts.guest), facts.mac());
    let sentence = match vlan_of_its_own(facts, uplink) {
        Some(vlan) => format!("{guest} asks for a router of IPv6 in VLAN {vlan}, and none answers"),
        None => format!("a router advertises itself to this host, but does not answer {guest}"),
    };
    let owner = format!("the switch or hypervisor at {}, or the router", uplink.name);
    let mend =
        format!("let the multicast of IPv6 pass there (MLD snooping, RA guard), and {mac} where only known ones pass");
    // It does without IPv6.
    if facts.has_address(true) {
        Finding::warning(sentence, owner, mend)
    } else {
        Finding::problem(sentence, owner, mend)
    }
}

fn no_server(facts: &Facts, uplink: &Port, trace: &Trace) -> Finding {
    let guest = Printable(&facts.guest);
    let place = match vlan_of_its_own(facts, uplink) {
        Some(vlan) => format!(" in VLAN {vlan}"),
        None => String::new(),
    };
    let sentence = format!("{guest} asks for {}, and no server answers{place}", trace.request);
    let owner = format!("the LAN's DHCP server, or the switch or hypervisor at {}", uplink.name);
    let mac = facts.mac();
    let mend = format!(
        "look after the DHCP server, and whether a switch or hypervisor lets only known MAC addresses pass: {mac} is a new one"
    );
    // Its lease may last for a while, and without DHCPv6 a router may give it all that it needs.
    match trace.request {
        Request::Lease if !facts.has_address(true) => Finding::problem(sentence, owner, mend),
        _ => Finding::warning(sentence, owner, mend),
    }
}

/// The guest's VLAN, where it is not that in which this host asks.
fn vlan_of_its_own(facts: &Facts, uplink: &Port) -> Option<u16> {
    let vlan = facts.tap.as_ref()?.native_vlan()?;
    let is_filtered = facts.bridge.as_ref().is_some_and(|bridge| bridge.filters_vlans);
    (is_filtered && uplink.native_vlan() != Some(vlan)).then_some(vlan)
}

#[cfg(test)]
mod tests {
    use super::super::tests::online;
    use super::super::{Verdict, walk};
    use super::*;

    const ROUTER: Request = Request::Neighbour(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
    const OUT: (Place, bool, bool) = (Place::Uplink, false, true);
    const BACK: (Place, bool, bool) = (Place::Uplink, true, false);
    const ANSWERED: (Place, bool, bool) = (Place::Tap, true, true);

    fn own(address: [u8; 4]) -> Option<IpAddr> {
        Some(address.into())
    }

    /// A guest that asks from this address, and what is seen of it then.
    fn asking(request: Request, address: Option<IpAddr>, seen: &[(Place, bool, bool)]) -> Facts {
        let mut facts = online();
        let first = (Place::Tap, false, false);
        for (place, is_answer, is_outgoing) in [first].iter().chain(seen).copied() {
            let message = Message { guest: [0; 6], request, is_answer, address };
            Trace::follow(&mut facts.signs.traces, &message, place, is_outgoing);
        }
        facts.subnets = vec![Subnet { address: [192, 0, 2, 10].into(), length: 24 }];
        facts
    }

    #[test]
    fn a_question_that_is_answered_is_nothing_to_tell_of() {
        for request in [ROUTER, Request::Lease, Request::Lease6] {
            let facts = asking(request, own([192, 0, 2, 50]), &[OUT, BACK, ANSWERED]);
            assert_eq!(walk(&facts).verdict(), Verdict::Ok);
        }
        // Nor what nobody need answer: a machine of the LAN that is off.
        let other = Request::Neighbour([192, 0, 2, 77].into());
        assert_eq!(walk(&asking(other, own([192, 0, 2, 50]), &[OUT])).verdict(), Verdict::Ok);
    }

    #[test]
    fn the_hop_at_which_a_question_or_its_answer_ends_is_named() {
        let address = own([192, 0, 2, 50]);
        for (request, seen, hop, sentence) in [
            (ROUTER, &[][..], "bridge", "the question of web comes into br0 by vnet0, but not out of it by eth0"),
            (
                Request::Lease,
                &[OUT, BACK],
                "bridge",
                "the answer to web comes into br0 by eth0, but not out of it by vnet0",
            ),
            (ROUTER, &[OUT], "gateway", "192.0.2.1 answers this host, but not web: its question leaves by eth0"),
        ] {
            let walk = walk(&asking(request, address, seen));
            assert_eq!(walk.broken, Some(hop), "{walk:?}");
            let findings: Vec<&Finding> = walk.hops.iter().flat_map(|hop| &hop.findings).collect();
            assert_eq!(findings.iter().map(|finding| &finding.sentence).collect::<Vec<_>>(), [sentence]);
        }
    }

    #[test]
    fn a_server_that_does_not_answer_matters_as_long_as_the_guest_has_no_address() {
        let verdict = |facts: &Facts| walk(facts).verdict();
        let mut facts = asking(Request::Lease, None, &[OUT]);
        let finding = judge(&facts).unwrap().1;
        assert_eq!(finding.sentence, "web asks for an address by DHCP, and no server answers");
        assert!(finding.mend.contains(super::super::tests::MAC), "{finding:?}");
        assert_eq!(verdict(&facts), Verdict::Problem);
        facts.signs.answers = vec!["fe80::1".parse().unwrap()];
        assert_eq!(verdict(&facts), Verdict::Problem);
        facts.signs.answers.push([192, 0, 2, 50].into());
        assert_eq!(verdict(&facts), Verdict::Warning);
        assert_eq!(verdict(&asking(Request::Lease6, None, &[OUT])), Verdict::Warning);
    }

    #[test]
    fn a_vlan_of_its_own_is_where_the_guest_is_not_answered() {
        for (request, sentence) in [
            (ROUTER, "192.0.2.1 does not answer web, which asks in VLAN 30"),
            (Request::Lease, "web asks for an address by DHCP, and no server answers in VLAN 30"),
        ] {
            let mut facts = asking(request, None, &[OUT]);
            facts.bridge.as_mut().unwrap().filters_vlans = true;
            facts.tap.as_mut().unwrap().vlans[0].id = 30;
            assert_eq!(judge(&facts).unwrap().1.sentence, sentence);
        }
    }

    #[test]
    fn an_address_of_another_network_is_named() {
        let nat = Request::Neighbour([192, 168, 122, 1].into());
        let facts = asking(nat, own([192, 168, 122, 45]), &[OUT]);
        let (hop, finding) = judge(&facts).unwrap();
        assert_eq!((hop, finding.verdict), ("guest", Verdict::Warning));
        assert_eq!(
            finding.sentence,
            "web uses 192.168.122.45 and looks in vain for 192.168.122.1, while br0 is in 192.0.2.0/24"
        );
        assert!(walk(&facts).hops[0].sentence.contains("asks from 192.168.122.45"));
    }

    #[test]
    fn a_router_that_advertises_itself_to_the_host_alone_is_told_of() {
        let mut facts = asking(Request::Router, None, &[OUT]);
        assert_eq!(walk(&facts).verdict(), Verdict::Ok, "a LAN without IPv6");
        facts.is_advertised = true;
        let (hop, finding) = judge(&facts).unwrap();
        assert_eq!((hop, finding.verdict), ("gateway", Verdict::Problem));
        assert_eq!(finding.sentence, "a router advertises itself to this host, but does not answer web");
        facts.signs.answers = vec![[192, 0, 2, 50].into()];
        assert_eq!(walk(&facts).verdict(), Verdict::Warning);
        // What IPv4 lacks comes first.
        let lease = Trace { request: Request::Lease, ..facts.signs.traces[0] };
        facts.signs.traces.push(lease);
        assert!(judge(&facts).unwrap().1.sentence.contains("DHCP"));
    }

    #[test]
    fn what_is_known_of_the_host_comes_before_what_was_heard() {
        let mut facts = asking(ROUTER, None, &[]);
        facts.uplink.as_mut().unwrap().is_up = false;
        let walk = walk(&facts);
        assert_eq!((walk.broken, walk.hops[2].findings.len()), (Some("uplink"), 0), "{walk:?}");
    }
}
