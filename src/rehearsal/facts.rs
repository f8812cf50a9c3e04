//! What is so on a host, fact by fact: to compare two states, and a state with what was predicted.

use std::collections::HashMap;
use std::net::IpAddr;

use nix::libc;

use crate::bridge::Snapshot;
use crate::netlink::address::Essence;
use crate::netlink::route::{Slot, Way};
use crate::netlink::{Address, Link, Neighbour, Payload, Route, mac_text};

/// What can be so of a link.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum What {
    Exists,
    Up(bool),
    Mtu(Option<u32>),
    Mac(Option<Vec<u8>>),
    Master(Option<String>),
    Address(Essence),
    Way(Way),
    Neighbour(Option<IpAddr>, Option<Vec<u8>>),
    /// Of several links' IPv4 routes to one place, this link's comes first.
    Leads(Slot),
    Rule(Vec<u8>),
}

/// Where facts are that belong to no link.
const NO_LINK: &str = "the host";

/// Facts about links, which they know by name, each in words.
#[derive(Clone, Debug, Default)]
pub struct Facts(HashMap<(String, What), String>);

impl Facts {
    /// The facts of a host.
    ///
    /// What the kernel makes by itself for every link is none, nor is what it learns in passing: neighbours that nobody
    /// has entered.
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut facts = Facts::default();
        let names: HashMap<u32, String> = snapshot.links.iter().map(|link| (link.index, link.name())).collect();
        let name = |index: u32| names.get(&index).map_or(NO_LINK, String::as_str);
        for link in &snapshot.links {
            let link_name = link.name();
            let master = link.master().map(|master| name(master).to_owned());
            let port = master.as_ref().map_or("being no port".into(), |master| format!("being a port of {master}"));
            facts.add(&link_name, What::Exists, "the link".into());
            facts.add(&link_name, What::Up(link.is_up()), if link.is_up() { "being up" } else { "being down" }.into());
            facts.add(&link_name, What::Master(master), port);
            facts.add_looks(&link_name, link);
        }
        snapshot.addresses.iter().for_each(|address| facts.add_address(name(address.index), address));
        for route in snapshot.routes.iter().filter(|route| !is_kernels_own(route)) {
            let ways = route.ways_and_links().into_iter();
            ways.for_each(|(way, link)| facts.add(name(link), What::Way(way), format!("route {route}")));
        }
        facts.add_leaders(&snapshot.routes, |index| name(index).to_owned());
        let rules = snapshot.rules.iter().map(|rule| (What::Rule(rule.copied().encode()), rule.to_string()));
        rules.for_each(|(what, text)| facts.add(NO_LINK, what, text));
        snapshot.neighbours.iter().for_each(|neighbour| facts.add_neighbour(name(neighbour.index), neighbour));
        facts
    }

    /// Adds which link's route comes first, where those of several stand at one place.
    pub fn add_leaders(&mut self, routes: &[Route], name: impl Fn(u32) -> String) {
        let mut places: HashMap<Slot, Vec<&Route>> = HashMap::new();
        for route in routes.iter().filter(|route| !route.is_ipv6() && !is_kernels_own(route)) {
            places.entry(route.slot()).or_default().push(route);
        }
        for (slot, routes) in places {
            let links: Vec<String> =
                routes.iter().flat_map(|route| route.ways_and_links()).map(|(_, link)| name(link)).collect();
            if links.iter().any(|link| *link != links[0]) {
                self.add(&links[0], What::Leads(slot), format!("being the first for {}", routes[0]));
            }
        }
    }

    /// Adds one.
    pub fn add(&mut self, link: &str, what: What, text: String) {
        self.0.insert((link.to_owned(), what), text);
    }

    /// Adds the MAC and MTU that a link has as those of another.
    pub fn add_looks(&mut self, of: &str, link: &Link) {
        let mac = link.mac().map(mac_text).unwrap_or_default();
        self.add(of, What::Mac(link.mac().map(<[u8]>::to_vec)), format!("MAC {mac}"));
        self.add(of, What::Mtu(link.mtu()), format!("MTU {}", link.mtu().unwrap_or(0)));
    }

    /// Whether it is so.
    pub fn has(&self, link: &str, what: &What) -> bool {
        self.0.contains_key(&(link.to_owned(), what.clone()))
    }

    /// Adds an address of a link.
    pub fn add_address(&mut self, link: &str, address: &Address) {
        self.add(link, What::Address(address.essence()), format!("address {address}"));
    }

    /// Adds a neighbour of a link, if somebody has entered it.
    pub fn add_neighbour(&mut self, link: &str, neighbour: &Neighbour) {
        if neighbour.is_permanent() || neighbour.is_proxy() {
            self.add(link, neighbour_fact(neighbour), format!("neighbour {neighbour}"));
        }
    }

    /// Keeps those of which this is true.
    pub fn retain(&mut self, keep: impl Fn(&str, &What) -> bool) {
        self.0.retain(|(link, what), _| keep(link, what));
    }

    /// Lets the facts of one link for which this is true be those of another.
    pub fn move_some(&mut self, from: &str, to: &str, moves: impl Fn(&What) -> bool) {
        let (moved, kept) =
            std::mem::take(&mut self.0).into_iter().partition(|((link, what), _)| link == from && moves(what));
        self.0 = kept;
        let moved: HashMap<(String, What), String> = moved;
        moved.into_iter().for_each(|((_, what), text)| self.add(to, what, text));
    }

    /// What is in one of both only, a line each: first what these facts say and `actual` does not.
    pub fn differences(&self, actual: &Facts) -> Vec<String> {
        let missing = self.0.iter().filter(|(fact, _)| !actual.0.contains_key(*fact));
        let unexpected = actual.0.iter().filter(|(fact, _)| !self.0.contains_key(*fact));
        let lines = |title: &'static str| {
            move |((link, _), text): (&(String, What), &String)| format!("{title} on {link}: {text}")
        };
        let mut missing: Vec<String> = missing.map(lines("missing")).collect();
        let mut unexpected: Vec<String> = unexpected.map(lines("unexpected")).collect();
        missing.sort();
        unexpected.sort();
        missing.into_iter().chain(unexpected).collect()
    }
}

/// The fact of a neighbour that somebody has entered.
pub fn neighbour_fact(neighbour: &Neighbour) -> What {
    What::Neighbour(neighbour.address(), neighbour.mac().map(<[u8]>::to_vec))
}

/// The routes to the host's own addresses, which come and go with them.
fn is_kernels_own(route: &Route) -> bool {
    route.protocol == libc::RTPROT_KERNEL && route.table() == u32::from(libc::RT_TABLE_LOCAL)
}
