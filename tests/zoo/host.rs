//! What `ip` shows of a host: kept word by word, expected elsewhere after a move, and compared.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use crate::support::Lab;

/// Seconds by which a lifetime may differ from the one in the first dump: they run down, and advertisements renew them.
const LIFETIME_TOLERANCE: u64 = 20;
const LIFETIMES: [&str; 3] = ["expires", "valid_life_time", "preferred_life_time"];

/// Everything that `ip` shows of a host's network: links, addresses, routes of all tables, rules, lasting neighbours.
#[derive(Clone, Debug, PartialEq)]
pub struct Host {
    /// Links with flags, MTU, MAC and all details.
    pub links: Vec<Value>,
    /// Addresses in the kernel's order, each with its link as `dev`.
    pub addresses: Vec<Value>,
    /// IPv4 routes in the kernel's order.
    pub ipv4_routes: Vec<Value>,
    /// IPv6 routes in the kernel's order.
    pub ipv6_routes: Vec<Value>,
    /// Rules of both families.
    pub rules: Vec<Value>,
    /// Permanent neighbours and proxies.
    pub neighbours: Vec<Value>,
}

impl Host {
    /// The host as it is.
    pub fn of(lab: &Lab) -> Self {
        Host {
            links: show(lab, "-details link show"),
            addresses: show(lab, "-details address show").iter().flat_map(addresses_of).collect(),
            ipv4_routes: show(lab, "-details -4 route show table all"),
            ipv6_routes: show(lab, "-details -6 route show table all").into_iter().map(with_sorted_hops).collect(),
            rules: [show(lab, "-4 rule show"), show(lab, "-6 rule show")].concat(),
            neighbours: [show(lab, "neighbour show nud permanent"), show(lab, "neighbour show proxy")].concat(),
        }
    }

    /// What must be there when `bridge` has everything that `uplink` had, by the name in every object and label.
    ///
    /// The multicast route of the uplink stays beside the bridge's: the kernel gives one to every link that is up.
    pub fn moved(&self, uplink: &str, bridge: &str) -> Self {
        let moved = |objects: &[Value]| -> Vec<Value> {
            let mut moved: Vec<Value> = Vec::new();
            for object in objects.iter().map(|object| renamed(object, uplink, bridge)) {
                // What both had, the bridge has once.
                if object["dev"] != bridge || !moved.contains(&object) {
                    moved.push(object);
                }
            }
            moved
        };
        let stays = |route: &&Value| route["dst"] == "ff00::/8" && route["dev"] == uplink;
        let multicast = self.ipv6_routes.iter().filter(stays).cloned();
        // The kernel sorts: IPv4 primaries by scope before secondaries, IPv6 by scope. Among equals a new IPv4 address
        // becomes the last, a new IPv6 one the first.
        let scope =
            |address: &Value| ["host", "link", "site", "global"].iter().position(|scope| address["scope"] == *scope);
        let mut addresses = self.addresses.clone();
        addresses.sort_by_key(|address| match (address["family"] == "inet6", address["dev"] == bridge) {
            (false, own) if address.get("secondary").is_some() => (1, None, !own),
            (false, own) => (0, scope(address), !own),
            (true, own) => (2, scope(address).map(|scope| 3 - scope), own),
        });
        Host {
            addresses: moved(&addresses),
            ipv4_routes: moved(&self.ipv4_routes),
            ipv6_routes: moved(&self.ipv6_routes).into_iter().chain(multicast).collect(),
            neighbours: moved(&self.neighbours),
            ..self.clone()
        }
    }

    /// The host without what the kernel lets nobody set, or does by itself:
    /// - Nobody can mark an address temporary: it is kept without the mark. Given an address that is the model of
    ///   temporary ones, the kernel makes a new one, which `first` did not have.
    /// - Nobody can mark a route advertised (RTF_ADDRCONF), which keeps the kernel's own from being joined with static
    ///   ones of equal metric: beside one of the same link, it comes back with the next advertisement.
    pub fn but_for_the_kernels_own(mut self, first: &Host) -> Self {
        let was_there = |address: &Value| first.addresses.iter().any(|other| other["local"] == address["local"]);
        let is_new = |address: &Value| address.get("temporary").is_some() && !was_there(address);
        let (new, kept) = self.addresses.into_iter().partition(|address| is_new(address));
        self.addresses = kept;
        self.ipv6_routes.retain(|route| !new.iter().any(|address: &Value| address["local"] == route["dst"]));
        for address in self.addresses.iter_mut().filter_map(Value::as_object_mut) {
            address.remove("temporary");
        }
        self.ipv6_routes.retain(|route| route["protocol"] != "ra" || route["dst"] != "default");
        self
    }

    /// The link of this name.
    pub fn link(&self, name: &str) -> &Value {
        self.links.iter().find(|link| link["ifname"] == name).unwrap_or_else(|| panic!("no link {name}"))
    }

    /// The differences to `expected` in everything but links, one line each.
    pub fn differences(&self, expected: &Host) -> Vec<String> {
        [
            listed("address", &expected.addresses, &self.addresses, by_link),
            listed("IPv4 route", &expected.ipv4_routes, &self.ipv4_routes, as_one),
            listed("IPv6 route", &expected.ipv6_routes, &self.ipv6_routes, by_destination_and_link),
            listed("rule", &expected.rules, &self.rules, as_one),
            listed("neighbour", &expected.neighbours, &self.neighbours, each),
        ]
        .concat()
    }

    /// As [`Host::differences`], links included.
    pub fn all_differences(&self, expected: &Host) -> Vec<String> {
        [changed_links(&expected.links, &self.links), self.differences(expected)].concat()
    }
}

fn changed_links(expected: &[Value], actual: &[Value]) -> Vec<String> {
    let names = |links: &[Value]| links.iter().map(|link| link["ifname"].clone()).collect::<Vec<_>>();
    if names(expected) != names(actual) {
        return vec![format!("links {:?} instead of {:?}", names(actual), names(expected))];
    }
    let pairs = expected.iter().zip(actual);
    pairs.flat_map(|(expected, actual)| changes(&expected["ifname"].to_string(), expected, actual)).collect()
}

/// Where two values differ, down to the innermost key.
fn changes(path: &str, expected: &Value, actual: &Value) -> Vec<String> {
    match (expected, actual) {
        (Value::Object(one), Value::Object(other)) => {
            let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            keys.iter().flat_map(|key| changes(&format!("{path} {key}"), &expected[*key], &actual[*key])).collect()
        }
        // The kernel's timers of bridges and ports run.
        _ if expected == actual || path.ends_with("_timer") => Vec::new(),
        _ => vec![format!("{path}: {actual} instead of {expected}")],
    }
}

fn show(lab: &Lab, what: &str) -> Vec<Value> {
    let text = lab.host(["ip", "-json"].into_iter().chain(what.split(' ')));
    if text.trim().is_empty() {
        return Vec::new();
    }
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("ip {what}: {error}\n{text}"))
}

fn addresses_of(link: &Value) -> Vec<Value> {
    let with_dev = |address: &Value| {
        let mut address = address.clone();
        address["dev"] = link["ifname"].clone();
        address
    };
    link["addr_info"].as_array().into_iter().flatten().map(with_dev).collect()
}

fn renamed(value: &Value, from: &str, to: &str) -> Value {
    let follows = |key: &str| key == "dev" || key == "label";
    match value {
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| match value.as_str().and_then(|text| text.strip_prefix(from)) {
                Some(rest) if follows(key) && (rest.is_empty() || rest.starts_with(':')) => {
                    (key.clone(), json!(format!("{to}{rest}")))
                }
                _ => (key.clone(), renamed(value, from, to)),
            })
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(values) => values.iter().map(|value| renamed(value, from, to)).collect(),
        other => other.clone(),
    }
}

/// The hops of an IPv6 multipath route in an order of our own: a new one always becomes the last (fib6_add_rt2node in
/// net/ipv6/ip6_fib.c), so that nobody can put it back to where it was among other links' hops.
fn with_sorted_hops(mut route: Value) -> Value {
    if let Some(hops) = route.get_mut("nexthops").and_then(Value::as_array_mut) {
        hops.sort_by_key(|hop| hop["dev"].to_string());
    }
    route
}

/// Order counts among all objects.
fn as_one(_: &Value) -> String {
    String::new()
}

/// Order counts nowhere: the objects come from a hash table.
fn each(object: &Value) -> String {
    object.to_string()
}

/// Order counts within one family of one link; `ip` prints one link after the other.
fn by_link(address: &Value) -> String {
    format!("{} {}", address["dev"], address["family"])
}

/// Order counts among the routes of one link to one destination. Among those of several links it can't be kept: a new
/// IPv6 route always becomes the last of its metric (fib6_add_rt2node again).
fn by_destination_and_link(route: &Value) -> String {
    format!("{} {} {} {}", route["table"], route["dst"], route["from"], route["dev"])
}

/// Compares two lists object by object, and the order of those of the same group.
fn listed(what: &str, expected: &[Value], actual: &[Value], group: impl Fn(&Value) -> String) -> Vec<String> {
    let mut differences = Vec::new();
    let mut rest: Vec<(usize, &Value)> = actual.iter().enumerate().collect();
    let mut groups: HashMap<String, (usize, &Value)> = HashMap::new();
    for object in expected {
        let Some(found) = rest.iter().position(|(_, other)| is_same(object, other)) else {
            differences.push(format!("missing {what} {object}"));
            continue;
        };
        let (place, _) = rest.remove(found);
        match groups.insert(group(object), (place, object)) {
            Some((before, other)) if before > place => {
                differences.push(format!("{what} {object} stands before {other}"));
            }
            _ => {}
        }
    }
    differences.extend(rest.iter().map(|(_, object)| format!("unexpected {what} {object}")));
    differences
}

/// Whether two objects are the same but for the running down of lifetimes.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| {
                    other.get(key).is_some_and(|found| match (value.as_u64(), found.as_u64()) {
                        (Some(value), Some(found)) if LIFETIMES.contains(&key.as_str()) => {
                            value.abs_diff(found) <= LIFETIME_TOLERANCE
                        }
                        _ => is_same(value, found),
                    })
                })
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        _ => one == other,
    }
}
