//! What a guest's frames ask its LAN for, and what is answered: ARP and neighbour discovery, routers, DHCP and DHCPv6.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) const ARP: u16 = 0x0806;
pub(super) const IPV4: u16 = 0x0800;
pub(super) const IPV6: u16 = 0x86dd;
/// IEEE 802.1Q; the driver leaves the tag in the frame where the NIC does not know VLANs.
pub(super) const TAGGED: u16 = 0x8100;
pub(super) const TAG: usize = 4;
pub(super) const UDP: u8 = 17;
pub(super) const ICMPV6: u8 = 58;
/// RFC 4861, section 4: of routers, and of neighbours.
pub(super) const ROUTER_SOLICITATION: u8 = 133;
pub(super) const ROUTER_ADVERTISEMENT: u8 = 134;
pub(super) const NEIGHBOUR_SOLICITATION: u8 = 135;
pub(super) const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
/// An IPv4 header without options, which no DHCP client sends.
pub(super) const PLAIN: u8 = 0x45;

/// The ports of server and client.
pub(super) const DHCP: (u16, u16) = (67, 68);
pub(super) const DHCPV6: (u16, u16) = (547, 546);

const ETHERNET: usize = 14;
const IPV4_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;
const UDP_HEADER: usize = 8;

/// An Ethernet address.
pub type Mac = [u8; 6];

/// What a guest asks its LAN for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// The MAC address of whoever has this address.
    Neighbour(IpAddr),
    /// A router of IPv6, and the prefix of the LAN.
    Router,
    /// An address, by DHCP.
    Lease,
    /// An address, by DHCPv6.
    Lease6,
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Request::Neighbour(address) => address.fmt(f),
            Request::Router => f.write_str("a router of IPv6"),
            Request::Lease => f.write_str("an address by DHCP"),
            Request::Lease6 => f.write_str("an address by DHCPv6"),
        }
    }
}

/// A frame with which a guest asks, or is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// The guest; or the group of those who are answered.
    pub guest: Mac,
    /// What it asks for.
    pub request: Request,
    /// Whether this is the answer.
    pub is_answer: bool,
    /// The guest's own address, where the frame tells it.
    pub address: Option<IpAddr>,
}

impl Message {
    /// Whether this guest asks, or is answered. A router may advertise itself to all who ask at once (RFC 4861, section 6.2.6).
    pub fn is_of(&self, guest: Mac) -> bool {
        self.guest == guest || self.request == Request::Router && self.is_answer && is_for_many(self.guest)
    }
}

/// Reads a frame, which may have one VLAN tag; nothing where it neither asks everybody nor answers one.
pub fn parse(frame: &[u8]) -> Option<Message> {
    let (destination, source) = (array(frame, 0)?, array(frame, 6)?);
    let tag = if word(frame, 12)? == TAGGED { TAG } else { 0 };
    let packet = frame.get(ETHERNET + tag..)?;
    match word(frame, 12 + tag)? {
        ARP => arp(destination, source, packet),
        IPV4 => dhcp(packet),
        IPV6 => ipv6(destination, source, packet),
        _ => None,
    }
}

/// RFC 826; a question for the own address, or from none, looks for duplicates and wants no answer.
fn arp(destination: Mac, source: Mac, packet: &[u8]) -> Option<Message> {
    let (sender, target) = (Ipv4Addr::from(array(packet, 14)?), Ipv4Addr::from(array(packet, 24)?));
    match word(packet, 6)? {
        1 if is_for_many(destination) && sender != target && !sender.is_unspecified() => {
            Some(asks(source, Request::Neighbour(target.into()), Some(sender.into())))
        }
        2 => Some(answers(destination, Request::Neighbour(sender.into()), Some(target.into()))),
        _ => None,
    }
}

/// RFC 2131: whose lease it is says the client's hardware address, wherever the frame goes.
fn dhcp(packet: &[u8]) -> Option<Message> {
    let message = packet.get(IPV4_HEADER + UDP_HEADER..)?;
    let is_whole = word(packet, 6)? & 0x3fff == 0;
    if *packet.first()? != PLAIN || *packet.get(9)? != UDP || !is_whole {
        return None;
    }
    let (offered, guest) = (Ipv4Addr::from(array(message, 16)?), array(message, 28)?);
    match (word(packet, IPV4_HEADER)?, word(packet, IPV4_HEADER + 2)?) {
        (client, server) if (server, client) == DHCP && wants_lease(message) => Some(asks(guest, Request::Lease, None)),
        ports if ports == DHCP => {
            let offered = Some(offered.into()).filter(|_| !offered.is_unspecified());
            Some(answers(guest, Request::Lease, offered))
        }
        _ => None,
    }
}

/// Whether it is a DHCPDISCOVER or a DHCPREQUEST (option 53 of RFC 2132): all else may stay unanswered.
fn wants_lease(message: &[u8]) -> bool {
    let mut options = message.get(240..).unwrap_or_default();
    loop {
        options = match options {
            [53, 1, kind, ..] => return matches!(kind, 1 | 3),
            [0, rest @ ..] => rest,
            [1..=254, length, rest @ ..] => rest.get(usize::from(*length)..).unwrap_or_default(),
            _ => return false,
        }
    }
}

fn ipv6(destination: Mac, source: Mac, packet: &[u8]) -> Option<Message> {
    let sender = Ipv6Addr::from(array(packet, 8)?);
    let payload = packet.get(IPV6_HEADER..)?;
    match *packet.get(6)? {
        ICMPV6 => {
            let own = Some(sender.into()).filter(|_| !sender.is_unspecified());
            let neighbour = || Some(Request::Neighbour(Ipv6Addr::from(array(payload, 8)?).into()));
            match *payload.first()? {
                ROUTER_SOLICITATION => Some(asks(source, Request::Router, own)),
                ROUTER_ADVERTISEMENT => Some(answers(destination, Request::Router, None)),
                NEIGHBOUR_SOLICITATION if is_for_many(destination) && own.is_some() => {
                    Some(asks(source, neighbour()?, own))
                }
                NEIGHBOUR_ADVERTISEMENT => Some(answers(destination, neighbour()?, None)),
                _ => None,
            }
        }
        UDP => match (word(payload, 0)?, word(payload, 2)?) {
            (client, server) if (server, client) == DHCPV6 => Some(asks(source, Request::Lease6, Some(sender.into()))),
            ports if ports == DHCPV6 => Some(answers(destination, Request::Lease6, None)),
            _ => None,
        },
        _ => None,
    }
}

fn asks(guest: Mac, request: Request, address: Option<IpAddr>) -> Message {
    Message { guest, request, is_answer: false, address }
}

fn answers(guest: Mac, request: Request, address: Option<IpAddr>) -> Message {
    Message { guest, request, is_answer: true, address }
}

/// Broadcast or multicast.
fn is_for_many(mac: Mac) -> bool {
    mac[0] & 1 == 1
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUEST: Mac = [0x52, 0x54, 0, 0, 0, 0x30];
    const ROUTER: Mac = [0x52, 0x54, 0, 0, 0, 1];
    const ALL: Mac = [0xff; 6];

    fn frame(destination: Mac, source: Mac, kind: u16, packet: &[&[u8]]) -> Vec<u8> {
        [&destination[..], &source, &kind.to_be_bytes(), &packet.concat()].concat()
    }

    fn arp(operation: u8, source: Mac, sender: [u8; 4], destination: Mac, target: [u8; 4]) -> Vec<u8> {
        let head = [0, 1, 8, 0, 6, 4, 0, operation];
        frame(destination, source, ARP, &[&head, &source, &sender, &[0; 6], &target])
    }

    fn dhcp(ports: [u8; 4], offered: [u8; 4], options: &[u8]) -> Vec<u8> {
        let ip = [0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255];
        let bootp = [&[0; 16][..], &offered, &[0; 8], &GUEST, &[0; 202], &[99, 130, 83, 99]].concat();
        frame(ALL, GUEST, IPV4, &[&ip, &ports, &[0; 4], &bootp, options])
    }

    fn ipv6(source: Mac, next: u8, payload: &[u8]) -> Vec<u8> {
        let (head, sender) = ([0x60, 0, 0, 0, 0, 0, next, 255], "fe80::1".parse::<Ipv6Addr>().unwrap().octets());
        let destination = if source == GUEST { [0x33, 0x33, 0xff, 0, 0, 1] } else { GUEST };
        frame(destination, source, IPV6, &[&head, &sender, &[0xff; 16], payload])
    }

    #[test]
    fn a_question_and_its_answer_are_known_by_the_guest_and_what_it_wants() {
        let router = Request::Neighbour([192, 0, 2, 1].into());
        let own = Some(IpAddr::from([192, 0, 2, 50]));
        let question = arp(1, GUEST, [192, 0, 2, 50], ALL, [192, 0, 2, 1]);
        assert_eq!(parse(&question), Some(asks(GUEST, router, own)));
        let answer = arp(2, ROUTER, [192, 0, 2, 1], GUEST, [192, 0, 2, 50]);
        assert_eq!(parse(&answer), Some(answers(GUEST, router, own)));

        let discover = dhcp([0, 68, 0, 67], [0; 4], &[0, 61, 2, 1, 1, 53, 1, 1, 255]);
        assert_eq!(parse(&discover), Some(asks(GUEST, Request::Lease, None)));
        let offer = dhcp([0, 67, 0, 68], [192, 0, 2, 50], &[53, 1, 2, 255]);
        assert_eq!(parse(&offer), Some(answers(GUEST, Request::Lease, own)));
        let refusal = dhcp([0, 67, 0, 68], [0; 4], &[53, 1, 6, 255]);
        assert_eq!(parse(&refusal), Some(answers(GUEST, Request::Lease, None)));

        let (target, link_local): (Ipv6Addr, IpAddr) = ("2001:db8::1".parse().unwrap(), "fe80::1".parse().unwrap());
        let [question, answer] = [135, 136].map(|kind| [&[kind, 0, 0, 0, 0, 0, 0, 0][..], &target.octets()].concat());
        let router = Request::Neighbour(target.into());
        assert_eq!(parse(&ipv6(GUEST, 58, &question)), Some(asks(GUEST, router, Some(link_local))));
        assert_eq!(parse(&ipv6(ROUTER, 58, &answer)), Some(answers(GUEST, router, None)));
        assert_eq!(parse(&ipv6(GUEST, 58, &[133, 0])), Some(asks(GUEST, Request::Router, Some(link_local))));
        assert_eq!(parse(&ipv6(ROUTER, 58, &[134, 0])), Some(answers(GUEST, Request::Router, None)));
        let [solicit, reply] = [[2, 34, 2, 35], [2, 35, 2, 34]];
        assert_eq!(parse(&ipv6(GUEST, 17, &solicit)), Some(asks(GUEST, Request::Lease6, Some(link_local))));
        assert_eq!(parse(&ipv6(ROUTER, 17, &reply)), Some(answers(GUEST, Request::Lease6, None)));
    }

    #[test]
    fn a_router_that_answers_all_answers_each_guest() {
        let mut frame = ipv6(ROUTER, 58, &[134, 0]);
        frame[..6].copy_from_slice(&[0x33, 0x33, 0, 0, 0, 1]);
        assert!(parse(&frame).unwrap().is_of(GUEST));
        let gratuitous = parse(&arp(2, ROUTER, [192, 0, 2, 1], ALL, [192, 0, 2, 1])).unwrap();
        let other = parse(&ipv6(ROUTER, 58, &[134, 0])).unwrap();
        assert!(!gratuitous.is_of(GUEST) && !other.is_of(ROUTER) && other.is_of(GUEST));
    }

    #[test]
    fn a_vlan_tag_hides_nothing() {
        let mut question = arp(1, GUEST, [192, 0, 2, 50], ALL, [192, 0, 2, 1]);
        let plain = parse(&question);
        question.splice(12..12, [0x81, 0, 0, 30]);
        assert!(plain.is_some() && parse(&question) == plain);
    }

    #[test]
    fn what_wants_no_answer_is_no_question() {
        for frame in [
            arp(1, GUEST, [0; 4], ALL, [192, 0, 2, 50]),
            arp(1, GUEST, [192, 0, 2, 50], ALL, [192, 0, 2, 50]),
            arp(1, GUEST, [192, 0, 2, 50], ROUTER, [192, 0, 2, 1]),
            dhcp([0, 68, 0, 67], [0; 4], &[53, 1, 7, 255]),
            dhcp([0, 68, 0, 67], [0; 4], &[61, 200, 1]),
            dhcp([0, 53, 0, 68], [0; 4], &[53, 1, 1, 255]),
        ] {
            assert_eq!(parse(&frame), None, "{frame:?}");
        }
    }

    #[test]
    fn a_frame_that_is_cut_off_is_no_message() {
        let whole = dhcp([0, 68, 0, 67], [0; 4], &[53, 1, 1, 255]);
        let neighbour = ipv6(GUEST, 58, &[135; 24]);
        for (frame, needed) in [(&whole, whole.len() - 1), (&neighbour, neighbour.len())] {
            assert!((0..needed).all(|length| parse(&frame[..length]).is_none()));
            assert!(parse(&frame[..needed]).is_some());
        }
    }
}
