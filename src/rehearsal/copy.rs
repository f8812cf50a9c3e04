//! The copy of a host: links, addresses, routes of all tables, rules and neighbours, as on the host.

use nix::libc;

use super::lan::Router;
use super::links::{BridgeMacs, Links};
use super::settings::{self, Settings};
use super::stage::Stage;
use super::{Error, advertisement, lan, routes};
use crate::bridge::{Plan, Snapshot};
use crate::netlink::address::IFA_F_DADFAILED;
use crate::netlink::{Link, Neighbour, Nexthop, Request, Route, Rule, Socket, link};

const ADD: i32 = libc::NLM_F_CREATE | libc::NLM_F_EXCL;
const REPLACE: i32 = libc::NLM_F_CREATE | libc::NLM_F_REPLACE;

/// What is read of the host beside its snapshot, before it is left.
pub struct Host<'a> {
    /// The host's network state.
    pub snapshot: &'a Snapshot,
    /// What is to be rehearsed.
    pub plan: &'a Plan,
    settings: Settings,
    macs: BridgeMacs,
    neighbours: usize,
}

impl<'a> Host<'a> {
    /// Reads the rest of the host of this snapshot.
    pub fn of(snapshot: &'a Snapshot, plan: &'a Plan) -> Self {
        Host {
            snapshot,
            plan,
            settings: Settings::read(),
            macs: BridgeMacs::of(snapshot),
            neighbours: settings::room_for_neighbours(),
        }
    }

    /// Makes the host again on the stage, with stand-ins for its routers. What could not be made is told in the notes of the links, or seen by comparison.
    ///
    /// # Errors
    /// When the kernel cannot be asked, or a link cannot even be stood in for.
    pub fn copy(&self, stage: &mut Stage) -> Result<(Links, Vec<Router>), Error> {
        let host = self.snapshot;
        let mut refused = self.settings.write_before_links();
        let mut links = Links::make(stage, host, self.uplink(), &self.macs)?;
        links.join(&mut stage.socket, host)?;
        for (original, copy) in pairs(stage, host, &links)? {
            refused.extend(settings::write_of_link(&mut stage.socket, original, &copy)?);
        }
        let routers = lan::connect(stage, host, &links, self.plan)?;
        links.bring_up(stage, host)?;
        // Later it would let links make addresses of their own.
        links.settle(&mut stage.socket, host)?;
        self.fill(stage, &mut links, &routers)?;
        for (original, copy) in pairs(stage, host, &links)? {
            refused.extend(settings::write_rest_of_link(&mut stage.socket, original, &copy)?);
        }
        links.give_spanning_trees(&mut stage.socket, host)?;
        refused.extend(self.settings.write_behind_all());
        links.notes.extend(refused.into_iter().map(|why| format!("setting {why}")));
        Ok((links, routers))
    }

    /// Gives the links their addresses, neighbours and routes.
    fn fill(&self, stage: &mut Stage, links: &mut Links, routers: &[Router]) -> Result<(), Error> {
        let (host, socket) = (self.snapshot, &mut stage.socket);
        links.notes.extend(self.neighbours_left_out());
        // The kernel has given lo an address, which systemd gives other flags (loopback-setup.c).
        socket.batch(&addresses(host, links, REPLACE))?;
        let neighbours = self.neighbours();
        socket.batch(&neighbours.iter().map(|neighbour| copied(neighbour, links)).collect::<Vec<_>>())?;
        restore_rules(socket, host)?;
        socket.batch(&nexthops(host, links))?;
        let (advertised, others) = self.routes(links);
        routes::restore(socket, &others)?;
        if !advertised.is_empty() {
            let uplink = links.index(self.uplink());
            advertisement::receive(stage, uplink, routers, &advertised, &[&others[..], &advertised[..]].concat())?;
        }
        links.bring_down(&mut stage.socket, host)?;
        // A link that goes down has lost those of IPv6.
        stage.socket.batch(&addresses(host, links, ADD))?;
        Ok(())
    }

    /// The kernel has one table of neighbours for all namespaces, and throws the host's out when it gets full. So of a host
    /// that knows many, only those are copied that somebody has entered, and the routers.
    fn neighbours(&self) -> Vec<&Neighbour> {
        let has_room = self.learned().count() <= self.neighbours;
        let is_router = |neighbour: &Neighbour| neighbour.address().is_some_and(|ip| self.plan.gateways.contains(&ip));
        let neighbours = self.snapshot.neighbours.iter().filter(|neighbour| neighbour.is_worth_moving());
        neighbours.filter(|neighbour| has_room || !is_learned(neighbour) || is_router(neighbour)).collect()
    }

    fn neighbours_left_out(&self) -> Option<String> {
        let learned = self.learned().count();
        (learned > self.neighbours).then(|| {
            format!("{learned} neighbours: the kernel has one table for the host and its copy, and little room in it")
        })
    }

    fn learned(&self) -> impl Iterator<Item = &Neighbour> {
        self.snapshot.neighbours.iter().filter(|neighbour| neighbour.is_worth_moving() && is_learned(neighbour))
    }

    fn uplink(&self) -> u32 {
        self.plan.uplink.as_ref().map_or(0, |uplink| uplink.index)
    }

    /// The routes by the copy's links: those that a stand-in advertises, and the others.
    fn routes(&self, links: &Links) -> (Vec<Route>, Vec<Route>) {
        let is_advertised = |route: &&Route| advertisement::can_bring(route, self.uplink());
        let (advertised, others): (Vec<&Route>, Vec<&Route>) = self.snapshot.routes.iter().partition(is_advertised);
        let copied = |routes: Vec<&Route>| {
            routes.into_iter().map(|route| route.clone().with_links(|index| links.index(index))).collect()
        };
        (copied(advertised), copied(others))
    }
}

/// Each link of the host and its copy as it is.
fn pairs<'a>(stage: &mut Stage, host: &'a Snapshot, links: &Links) -> Result<Vec<(&'a Link, Link)>, Error> {
    let copies = stage.socket.dump::<Link>(link::all())?;
    let copy_of = |link: &Link| copies.iter().find(|copy| copy.index == links.index(link.index)).cloned();
    Ok(host.links.iter().filter_map(|link| Some((link, copy_of(link)?))).collect())
}

/// IPv6 addresses go backwards, since the kernel puts each in front of the others of its scope. One that somebody else has
/// is of no use.
fn addresses(host: &Snapshot, links: &Links, flags: i32) -> Vec<Request> {
    let usable = host.addresses.iter().filter(|address| address.flags() & IFA_F_DADFAILED == 0);
    let (ipv6, ipv4): (Vec<_>, Vec<_>) = usable.partition(|address| address.is_ipv6());
    let copies = ipv4.into_iter().chain(ipv6.into_iter().rev()).map(|address| {
        let name = host.link_by_index(address.index).map(Link::name).unwrap_or_default();
        address.moved(links.index(address.index), &name, &name)
    });
    copies.map(|copy| Request::add(&copy, flags)).collect()
}

fn copied(neighbour: &Neighbour, links: &Links) -> Request {
    Request::add(&neighbour.moved(links.index(neighbour.index)), REPLACE)
}

fn is_learned(neighbour: &Neighbour) -> bool {
    !neighbour.is_permanent() && !neighbour.is_proxy()
}

/// Groups are made of others, which come first.
fn nexthops(host: &Snapshot, links: &Links) -> Vec<Request> {
    let (single, groups): (Vec<&Nexthop>, Vec<&Nexthop>) =
        host.nexthops.iter().partition(|nexthop| nexthop.index().is_some());
    single
        .into_iter()
        .chain(groups)
        .map(|nexthop| Request::add(&nexthop.copied(|index| links.index(index)), ADD))
        .collect()
}

/// A new namespace has the rules for the tables local, main and default, which the host may have taken away.
fn restore_rules(socket: &mut Socket, host: &Snapshot) -> Result<(), Error> {
    let present = Snapshot::take(socket)?.rules;
    let copies: Vec<Rule> = host.rules.iter().map(Rule::copied).collect();
    let missing = copies.iter().filter(|rule| !present.contains(rule)).map(|rule| Request::add(rule, ADD));
    let unwanted = present.iter().filter(|rule| !copies.contains(rule));
    let unwanted = unwanted.map(Request::remove);
    socket.batch(&missing.chain(unwanted).collect::<Vec<_>>())?;
    Ok(())
}
