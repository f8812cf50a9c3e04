//! The state of the host's network, as one value.

use nix::libc;
use serde::Serialize;

use crate::netlink::{
    Address, Error, Link, Neighbour, Nexthop, Route, Rule, Socket, address, link, neighbour, nexthop, record, route,
    rule,
};

const FAMILIES: [u8; 2] = [libc::AF_INET as u8, libc::AF_INET6 as u8];

/// Links, addresses, routes of all tables, rules and neighbours of one network namespace.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Snapshot {
    /// Every network device.
    #[serde(with = "record")]
    pub links: Vec<Link>,
    /// The addresses of all links, in the kernel's order (IPv4: primaries before their secondaries).
    #[serde(with = "record")]
    pub addresses: Vec<Address>,
    /// The routes of all tables, in the kernel's order.
    #[serde(with = "record")]
    pub routes: Vec<Route>,
    /// Nexthop objects.
    #[serde(with = "record")]
    pub nexthops: Vec<Nexthop>,
    /// The routing policy.
    #[serde(with = "record")]
    pub rules: Vec<Rule>,
    /// Neighbours, and addresses that the host answers for.
    #[serde(with = "record")]
    pub neighbours: Vec<Neighbour>,
}

impl Snapshot {
    /// Reads the state.
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    pub fn take(socket: &mut Socket) -> Result<Self, Error> {
        let mut snapshot = Snapshot {
            links: socket.dump(link::all())?,
            addresses: socket.dump(address::of_link(0))?,
            nexthops: nexthop::all(socket)?,
            ..Snapshot::default()
        };
        for family in FAMILIES {
            snapshot.routes.extend(socket.dump::<Route>(route::all(family))?);
            snapshot.rules.extend(socket.dump::<Rule>(rule::all(family))?);
        }
        for proxy in [false, true] {
            snapshot.neighbours.extend(socket.dump::<Neighbour>(neighbour::all(proxy))?);
        }
        Ok(snapshot)
    }

    /// The link of this name.
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name() == name)
    }

    /// The link with this index.
    pub fn link_by_index(&self, index: u32) -> Option<&Link> {
        self.links.iter().find(|link| link.index == index)
    }

    /// Whether a link has an address; a link-local one alone reaches nobody beyond the link, and does not count.
    pub fn has_address(&self, link: &Link) -> bool {
        self.addresses.iter().any(|address| address.index == link.index && !address.is_for_link())
    }

    /// The ports of a bridge, or of another master.
    pub fn ports_of(&self, master: u32) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(move |link| link.master() == Some(master))
    }

    /// An index that no link has, so that a link can be made with it and named before it exists. It lies beyond those
    /// that the kernel gives out next, so that no link that somebody else makes meanwhile has it.
    pub fn free_index(&self) -> u32 {
        const HEADROOM: u32 = 1000;
        self.links.iter().map(|link| link.index).max().unwrap_or(0).saturating_add(HEADROOM)
    }
}

/// The routes of all tables that leave by one link.
///
/// # Errors
/// When the kernel cannot be asked.
pub fn routes_by(socket: &mut Socket, index: u32) -> Result<Vec<Route>, Error> {
    let mut routes = Vec::new();
    for family in FAMILIES {
        routes.extend(socket.dump::<Route>(route::by_link(family, index))?);
    }
    Ok(routes)
}
