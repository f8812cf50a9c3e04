//! Dumps are whole, batches answer for each request, and what is large or disturbed is no exception.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use virt_bridge::netlink::{Address, Attributes, Link, Payload, Request, Route, Socket, address, link, route};

use crate::{IPV4, host, index_of, ip, zoo};

const CREATE: u16 = 0x400;
const EXCLUSIVE: u16 = 0x200;

/// A route to the `number`th host address of 10.0.0.0/8 by the link with this index.
fn host_route(number: u32, index: u32) -> Request {
    let header = [IPV4, 32, 0, 0, 254, 3, 253, 1, 0, 0, 0, 0];
    let destination = (0x0a00_0000 + number).to_be_bytes();
    let attributes = Attributes::default().with(1, destination).with(4, index.to_ne_bytes());
    Request { kind: Route::NEW, flags: CREATE | EXCLUSIVE, payload: [header.to_vec(), attributes.encode()].concat() }
}

fn is_host_route(route: &Route) -> bool {
    matches!(route.destination(), Some(std::net::IpAddr::V4(v4)) if v4.octets()[0] == 10)
}

#[test]
fn a_dump_of_20000_routes_is_whole() {
    let mut socket = host("");
    let index = index_of(&mut socket, "eth0");
    let requests: Vec<_> = (1..=20_000).map(|number| host_route(number, index)).collect();
    assert!(socket.batch(&requests).unwrap().iter().all(Result::is_ok));
    let mut found: Vec<_> = socket.dump::<Route>(route::all(IPV4)).unwrap();
    found.retain(is_host_route);
    let mut destinations: Vec<_> = found.iter().map(Route::destination).collect();
    destinations.dedup();
    assert_eq!(destinations.len(), 20_000);
}

/// Adds the address 10.2.0.1 to, or removes it from, the link with this index.
fn wanderer(kind: u16, index: u32) -> Request {
    let header = [[IPV4, 32, 0, 0], index.to_ne_bytes()].concat();
    let attributes = Attributes::default().with(2, [10, 2, 0, 1]);
    Request { kind, flags: CREATE, payload: [header, attributes.encode()].concat() }
}

#[test]
fn a_dump_in_which_something_changed_is_asked_for_again() {
    let mut socket = host("");
    let batch: String = (0..3000).map(|n| format!("address add 10.1.{}.{}/32 dev eth1\n", n / 250, n % 250)).collect();
    ip(&batch);
    let (eth0, eth1) = (index_of(&mut socket, "eth0"), index_of(&mut socket, "eth1"));
    let mut walker = Socket::open().unwrap();
    walker.batch(&[wanderer(Address::NEW, eth0)]).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // There is always one link that has the address, but who reads eth0 first and eth1 later may miss it on both.
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for (to, from) in [(eth1, eth0), (eth0, eth1)] {
                    let moved = walker.batch(&[wanderer(Address::NEW, to), wanderer(Address::DELETE, from)]).unwrap();
                    assert_eq!(moved, [Ok(()), Ok(())]);
                    std::thread::sleep(Duration::from_millis(40));
                }
            }
        });
        let dumps: Vec<_> = (0..150).map(|_| socket.dump::<Address>(address::of_link(0))).collect();
        done.store(true, Ordering::Relaxed);
        for addresses in dumps {
            let addresses = addresses.unwrap();
            let is_wanderer = |address: &&Address| address.local() == Some([10, 2, 0, 1].into());
            assert!(addresses.iter().any(|address| is_wanderer(&address)), "missed");
            assert!(addresses.len() >= 3000 + 8, "{} addresses", addresses.len());
        }
    });
}

#[test]
fn in_a_batch_of_5000_each_error_finds_its_request() {
    let mut socket = host("");
    let index = index_of(&mut socket, "eth0");
    let is_double = |place: usize| place % 97 == 5;
    let leads_nowhere = |place: usize| place % 1000 == 7;
    let requests: Vec<_> = (0..5000usize)
        .map(|place| match place {
            place if is_double(place) => host_route(place as u32, index),
            place if leads_nowhere(place) => host_route(place as u32 + 1, 4711),
            place => host_route(place as u32 + 1, index),
        })
        .collect();
    let outcomes = socket.batch(&requests).unwrap();
    assert_eq!(outcomes.len(), 5000);
    for (place, outcome) in outcomes.iter().enumerate() {
        let expected = match place {
            place if is_double(place) => Some(Errno::EEXIST),
            place if leads_nowhere(place) => Some(Errno::ENODEV),
            _ => None,
        };
        assert_eq!(outcome.as_ref().err().map(|error| error.errno), expected, "request {place}");
    }
}

#[test]
fn the_kernel_s_own_words_come_with_its_error() {
    let mut socket = host("");
    let index = index_of(&mut socket, "eth0");
    let header = [IPV4, 32, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
    let attributes =
        Attributes::default().with(1, [10, 0, 0, 1]).with(4, index.to_ne_bytes()).with(5, [203, 0, 113, 9]);
    let unreachable =
        Request { kind: Route::NEW, flags: CREATE, payload: [header.to_vec(), attributes.encode()].concat() };
    let outcomes = socket.batch(&[host_route(1, index), unreachable, host_route(2, index)]).unwrap();
    let error = outcomes[1].as_ref().unwrap_err();
    assert_eq!(error.errno, Errno::ENETUNREACH);
    assert!(error.explanation.as_deref().is_some_and(|text| text.contains("gateway")), "{error}");
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok());
}

#[test]
fn a_filtered_dump_holds_only_what_was_asked_for() {
    let mut socket = host(&format!("{}link add br0 type bridge\nlink set lan master br0\n", zoo()));
    let (eth0, eth1) = (index_of(&mut socket, "eth0"), index_of(&mut socket, "eth1"));
    let routes = socket.dump::<Route>(route::by_link(IPV4, eth1)).unwrap();
    assert!(!routes.is_empty() && routes.iter().all(|route| route.uses(eth1)));
    let addresses = socket.dump::<Address>(address::of_link(eth0)).unwrap();
    assert!(!addresses.is_empty() && addresses.iter().all(|address| address.index == eth0));
    let bridge = index_of(&mut socket, "br0");
    let ports: Vec<_> = socket.dump::<Link>(link::ports_of(bridge)).unwrap().iter().map(Link::name).collect();
    assert_eq!(ports, ["lan"]);
    // An old header that the kernel, unless strict, would take for "everything".
    let error = socket.dump::<Route>(vec![IPV4]).unwrap_err();
    assert!(error.to_string().contains("Invalid"), "{error}");
}

#[test]
fn a_link_larger_than_the_usual_buffer_is_read_whole() {
    let mut socket = host("");
    let names: String = (0..200).map(|number| format!("link property add dev eth0 altname {number:0>127}\n")).collect();
    ip(&names);
    let link = socket.get::<Link>(link::by_name("eth0")).unwrap().unwrap();
    assert!(link.encode().len() > 25_000);
    // A socket that has not learned of it yet has to learn it in the middle of a dump.
    let links = Socket::open().unwrap().dump::<Link>(link::all()).unwrap();
    assert_eq!(links.len(), 5);
    // Its counters may have moved meanwhile, which changes no length.
    assert!(links.iter().any(|other| other.index == link.index && other.encode().len() == link.encode().len()));
}

#[test]
fn a_route_of_900_hops_is_read_whole() {
    let mut socket = host("");
    let index = index_of(&mut socket, "eth0");
    let mut hops = Vec::new();
    for number in 1..=900u16 {
        hops.extend(16u16.to_ne_bytes());
        hops.extend([4, 0]);
        hops.extend(index.to_ne_bytes());
        let [high, low] = number.to_be_bytes();
        hops.extend(Attributes::default().with(5, [10, 9, high, low]).encode());
    }
    let header = [IPV4, 32, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
    let attributes = Attributes::default().with(1, [10, 0, 0, 1]).with(9, hops);
    let wide = Request { kind: Route::NEW, flags: CREATE, payload: [header.to_vec(), attributes.encode()].concat() };
    assert_eq!(socket.batch(&[wide]).unwrap(), [Ok(())]);
    let routes = socket.dump::<Route>(route::all(IPV4)).unwrap();
    let wide = routes.iter().find(|route| is_host_route(route)).unwrap();
    assert_eq!(wide.hops().len(), 900);
}
