//! What will be so when a plan has been carried out.

use std::collections::HashSet;

use super::facts::{Facts, What, neighbour_fact};
use crate::bridge::{End, Plan, Snapshot};
use crate::netlink::address::Essence;
use crate::netlink::route::Way;
use crate::netlink::{Address, Link};

/// Compares the state after a takeover with what its plan promises of the state before.
pub fn differences(before: &Snapshot, plan: &Plan, after: &Snapshot) -> Vec<String> {
    let mut expected = predicted(before, plan);
    let mut actual = Facts::of(after);
    if !plan.creates_bridge {
        // An adopted bridge may take these from its ports, and nobody promises which.
        let may_change =
            |link: &str, what: &What| link == plan.bridge.name && matches!(what, What::Mac(_) | What::Mtu(_));
        expected.retain(|link, what| !may_change(link, what));
        actual.retain(|link, what| !may_change(link, what));
    }
    // A link that comes up gets an address and routes from the kernel, beside those that it is given.
    let come_up = come_up(before, plan);
    actual.retain(|link, what| expected.has(link, what) || !come_up.contains(&link) || !is_kernels(what));
    expected.differences(&actual)
}

fn predicted(before: &Snapshot, plan: &Plan) -> Facts {
    let mut facts = Facts::of(before);
    let bridge = &plan.bridge.name;
    facts.retain(|link, what| link != bridge || !matches!(what, What::Up(_)));
    facts.add(bridge, What::Up(true), "being up".into());
    if let Some(uplink) = plan.uplink.as_ref().filter(|_| !plan.before.uplink_was_port) {
        move_belongings(&mut facts, before, plan, uplink);
    }
    if let Some(uplink) = &plan.uplink {
        facts.retain(|link, what| link != uplink.name || !matches!(what, What::Up(_) | What::Master(_)));
        facts.add(&uplink.name, What::Up(true), "being up".into());
        facts.add(&uplink.name, What::Master(Some(bridge.clone())), format!("being a port of {bridge}"));
    }
    if plan.creates_bridge {
        add_new_bridge(&mut facts, before, plan);
    }
    facts
}

fn move_belongings(facts: &mut Facts, before: &Snapshot, plan: &Plan, uplink: &End) {
    let (bridge, moved) = (&plan.bridge.name, &plan.moved);
    let addresses: HashSet<Essence> = moved.addresses.iter().map(Address::essence).collect();
    let neighbours: HashSet<What> = moved.neighbours.iter().map(neighbour_fact).collect();
    facts.move_some(&uplink.name, bridge, |what| match what {
        What::Address(essence) => addresses.contains(essence),
        neighbour => neighbours.contains(neighbour),
    });
    // Where routes go is for the plan to say: some are placed apart, some cannot be moved.
    let routes = moved.prefix_routes.iter().chain(&moved.routes);
    let ways: HashSet<Way> = routes.flat_map(|route| route.ways_by(uplink.index)).collect();
    facts.retain(|link, what| link != uplink.name || !matches!(what, What::Way(way) if ways.contains(way)));
    for route in &plan.placed {
        let ways = route.ways_by(plan.bridge.index).into_iter().map(What::Way);
        ways.for_each(|way| facts.add(bridge, way, format!("route {route}")));
    }
    facts.retain(|_, what| !matches!(what, What::Leads(_)));
    facts.add_leaders(&before.routes, |index| match before.link_by_index(index) {
        Some(_) if index == uplink.index => bridge.clone(),
        link => link.map(Link::name).unwrap_or_default(),
    });
}

/// A new bridge looks like its uplink; without one, as the kernel likes.
fn add_new_bridge(facts: &mut Facts, before: &Snapshot, plan: &Plan) {
    let bridge = &plan.bridge.name;
    facts.add(bridge, What::Exists, "the link".into());
    facts.add(bridge, What::Master(None), "being no port".into());
    if let Some(uplink) = plan.uplink.as_ref().and_then(|end| before.link_by_index(end.index)) {
        facts.add_looks(bridge, uplink);
    }
}

fn come_up<'a>(before: &Snapshot, plan: &'a Plan) -> Vec<&'a str> {
    let was_up = |name: &str| before.link(name).is_some_and(Link::is_up);
    let ends = plan.uplink.iter().chain([&plan.bridge]).map(|end| end.name.as_str());
    ends.filter(|name| !was_up(name)).collect()
}

fn is_kernels(what: &What) -> bool {
    match what {
        What::Address(essence) => essence.is_for_link(),
        What::Way(way) => way.is_kernels(),
        _ => false,
    }
}
