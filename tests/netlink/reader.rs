//! What the kernel tells, as we read it and as netlink-packet-route does.

use std::process::Command;

use netlink_packet_core::{NetlinkDeserializable, NetlinkHeader};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::AddressAttribute;
use netlink_packet_route::link::LinkAttribute;
use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute};
use netlink_packet_route::route::{RouteAddress, RouteAttribute};
use netlink_packet_route::rule::RuleAttribute;
use virt_bridge::netlink::{Address, Link, Neighbour, Payload, Route, Rule, address, link, neighbour, route, rule};

use crate::{IPV4, IPV6, host, zoo};

#[test]
fn links_are_read_as_an_independent_reader_reads_them() {
    let mut socket =
        host("link add br0 type bridge\nlink set eth1 master br0 mtu 1400\nlink add m0 link eth0 type macvlan");
    let links = socket.dump::<Link>(link::all()).unwrap();
    assert_eq!(links.len(), 7);
    for ours in links {
        let RouteNetlinkMessage::NewLink(theirs) = read(&ours) else { unreachable!() };
        assert_eq!((theirs.header.index, theirs.header.flags.bits()), (ours.index, ours.flags));
        assert_eq!(u16::from(theirs.header.link_layer_type), ours.device_type);
        let found = |pick: &dyn Fn(&LinkAttribute) -> bool| theirs.attributes.iter().any(pick);
        assert!(found(&|attribute| *attribute == LinkAttribute::IfName(ours.name())), "{ours}");
        assert!(found(&|attribute| *attribute == LinkAttribute::Mtu(ours.mtu().unwrap())), "{ours}");
        assert!(found(&|attribute| *attribute == LinkAttribute::Address(ours.mac().unwrap().to_vec())), "{ours}");
        let master = theirs.attributes.iter().find_map(|attribute| match attribute {
            LinkAttribute::Controller(master) => Some(*master),
            _ => None,
        });
        assert_eq!(ours.master(), master, "{ours}");
    }
}

#[test]
fn addresses_are_read_as_an_independent_reader_reads_them() {
    let mut socket = host(&zoo());
    let addresses = socket.dump::<Address>(address::of_link(0)).unwrap();
    assert!(addresses.len() > 40);
    for ours in addresses {
        let RouteNetlinkMessage::NewAddress(theirs) = read(&ours) else { unreachable!() };
        assert_eq!((theirs.header.index, theirs.header.prefix_len), (ours.index, ours.prefix));
        assert_eq!(u8::from(theirs.header.scope), ours.scope);
        let (mut local, mut peer, mut flags, mut priority) = (None, None, 0, 0);
        for attribute in &theirs.attributes {
            match attribute {
                AddressAttribute::Local(ip) => local = Some(*ip),
                AddressAttribute::Address(ip) => peer = Some(*ip),
                AddressAttribute::Flags(bits) => flags = bits.bits(),
                AddressAttribute::RoutePriority(metric) => priority = *metric,
                _ => {}
            }
        }
        assert_eq!((ours.local(), ours.peer()), (local.or(peer), peer), "{ours}");
        assert_eq!((ours.flags(), ours.route_priority()), (flags, priority), "{ours}");
    }
}

/// What the independent reader makes of the message that tells of `ours`.
fn read<T: Payload>(ours: &T) -> RouteNetlinkMessage {
    let mut header = NetlinkHeader::default();
    header.message_type = T::NEW;
    RouteNetlinkMessage::deserialize(&header, &ours.encode()).unwrap()
}

fn ip_of(address: &RouteAddress) -> Option<std::net::IpAddr> {
    match address {
        RouteAddress::Inet(v4) => Some((*v4).into()),
        RouteAddress::Inet6(v6) => Some((*v6).into()),
        _ => None,
    }
}

#[test]
fn routes_are_read_as_an_independent_reader_reads_them() {
    let mut socket = host(&zoo());
    for (family, option) in [(IPV4, "-4"), (IPV6, "-6")] {
        let routes = socket.dump::<Route>(route::all(family)).unwrap();
        let shown = Command::new("ip").args(["-o", option, "route", "show", "table", "all"]).output().unwrap().stdout;
        assert_eq!(routes.len(), shown.iter().filter(|byte| **byte == b'\n').count());
        assert!(routes.len() > 40, "the zoo is empty");
        for ours in routes {
            let RouteNetlinkMessage::NewRoute(theirs) = read(&ours) else { unreachable!() };
            assert_eq!(theirs.header.destination_prefix_length, ours.destination_length);
            assert_eq!(u8::from(theirs.header.kind), ours.route_type);
            assert_eq!(u8::from(theirs.header.protocol), ours.protocol);
            assert_eq!(u8::from(theirs.header.scope), ours.scope);
            let (mut destination, mut source, mut table, mut metric) = (None, None, 0, 0);
            let (mut links, mut hops) = (Vec::new(), 0);
            for attribute in &theirs.attributes {
                match attribute {
                    RouteAttribute::Destination(address) => destination = ip_of(address),
                    RouteAttribute::PrefSource(address) => source = ip_of(address),
                    RouteAttribute::Table(number) => table = *number,
                    RouteAttribute::Priority(number) => metric = *number,
                    RouteAttribute::Oif(index) => links.push(*index),
                    RouteAttribute::MultiPath(list) => {
                        hops = list.len();
                        links.extend(list.iter().map(|hop| hop.interface_index));
                    }
                    _ => {}
                }
            }
            assert_eq!((ours.destination(), ours.preferred_source()), (destination, source), "{ours}");
            assert_eq!((ours.table(), ours.priority(), ours.hops().len()), (table, metric, hops), "{ours}");
            assert!(links.iter().all(|index| ours.uses(*index)), "{ours}");
        }
    }
}

#[test]
fn rules_and_neighbours_are_read_as_an_independent_reader_reads_them() {
    let mut socket = host(&format!("{}rule add iif eth0 lookup 100\nrule add oif eth1 lookup 100\n", zoo()));
    let mut named = 0;
    for ours in socket.dump::<Rule>(rule::all(IPV4)).unwrap() {
        let RouteNetlinkMessage::NewRule(theirs) = read(&ours) else { unreachable!() };
        let priority = theirs.attributes.iter().find_map(|attribute| match attribute {
            RuleAttribute::Priority(priority) => Some(*priority),
            _ => None,
        });
        assert_eq!(ours.priority(), priority.unwrap_or(0));
        for (link, says, attribute) in [
            ("eth0", "iif", RuleAttribute::Iifname("eth0".into())),
            ("eth1", "oif", RuleAttribute::Oifname("eth1".into())),
        ] {
            let expected = theirs.attributes.contains(&attribute).then_some(says);
            named += usize::from(expected.is_some());
            assert_eq!(ours.names(link), expected);
        }
    }
    assert_eq!(named, 2);
    let entries = [false, true].map(|proxy| socket.dump::<Neighbour>(neighbour::all(proxy)).unwrap()).concat();
    assert!(entries.len() >= 5);
    for ours in entries {
        let RouteNetlinkMessage::NewNeighbour(theirs) = read(&ours) else { unreachable!() };
        assert_eq!(theirs.header.ifindex, ours.index);
        let (mut address, mut mac) = (None, None);
        for attribute in &theirs.attributes {
            match attribute {
                NeighbourAttribute::Destination(NeighbourAddress::Inet(v4)) => address = Some((*v4).into()),
                NeighbourAttribute::Destination(NeighbourAddress::Inet6(v6)) => address = Some((*v6).into()),
                NeighbourAttribute::LinkLayerAddress(bytes) => mac = Some(bytes.clone()),
                _ => {}
            }
        }
        assert_eq!((ours.address(), ours.mac().map(<[u8]>::to_vec)), (address, mac), "{ours}");
    }
}

#[test]
fn what_comes_from_the_kernel_goes_back_to_the_same_bytes() {
    let mut socket = host(&zoo());
    for family in [IPV4, IPV6] {
        for ours in socket.dump::<Route>(route::all(family)).unwrap() {
            assert_eq!(Route::parse(&ours.encode()).unwrap(), ours);
            // With the same links and no state to drop, a move changes the order of nothing.
            let RouteNetlinkMessage::NewRoute(theirs) = read(&ours.moved(2, 2)) else { unreachable!() };
            assert_eq!(theirs.header.destination_prefix_length, ours.destination_length);
        }
    }
}
