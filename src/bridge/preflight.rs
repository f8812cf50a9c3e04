//! Every reason not to make a link the uplink of a bridge, all at once, each with what to do about it.

use nix::libc;
use serde::Serialize;

use super::snapshot::Snapshot;
use crate::netlink::{FirewallRule, Link, Nexthop, Route};
use crate::owner::Claim;

/// A reason why a takeover is not begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// What is in the way.
    pub reason: String,
    /// What to do about it.
    pub hint: String,
}

impl Refusal {
    pub(super) fn new(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Refusal { reason: reason.into(), hint: hint.into() }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.reason, self.hint)
    }
}

/// What is known of an uplink beside the kernel's network state.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Whether the link is a radio.
    pub is_wireless: bool,
    /// Who says that the link is theirs to configure.
    pub claims: Vec<Claim>,
    /// nftables' rules.
    pub firewall: Vec<FirewallRule>,
    /// The uplink that the bridge received in an earlier takeover.
    pub earlier_uplink: Option<String>,
}

/// The reasons against making `uplink` a port of the bridge of this name; none means that nothing is known to be in
/// the way.
pub fn refusals(snapshot: &Snapshot, bridge: &str, uplink: &Link, surroundings: &Surroundings) -> Vec<Refusal> {
    let name = uplink.name();
    let mut refusals = Vec::new();
    refusals.extend(kind_of_link(&name, uplink, surroundings));
    refusals.extend(other_master(snapshot, bridge, &name, uplink));
    refusals.extend(second_uplink(snapshot, bridge, surroundings));
    refusals.extend(links_above(snapshot, &name, uplink));
    refusals.extend(nexthop_objects(snapshot, &name, uplink));
    refusals.extend(owners(&name, surroundings));
    refusals
}

/// What is not in the way but will not be as it was.
pub fn warnings(snapshot: &Snapshot, bridge: Option<&Link>, uplink: &Link, surroundings: &Surroundings) -> Vec<String> {
    let name = uplink.name();
    let rules = snapshot.rules.iter().filter_map(|rule| {
        let direction = rule.names(&name)?;
        Some(format!("{rule} asks for {direction} {name} and is not moved: its packets now come and go by the bridge"))
    });
    let owners = surroundings.claims.iter().filter(|claim| !claim.live).map(|claim| {
        format!(
            "{}: {name} is configured by {} at boot, so the bridge lasts until the next one",
            claim.evidence, claim.owner
        )
    });
    let firewall = surroundings.firewall.iter().filter(|rule| rule.names(&name)).map(|rule| {
        format!("{rule} names {name} and is not moved: the host's own packets now come and go by the bridge")
    });
    rules.chain(firewall).chain(owners).chain(no_address(snapshot, bridge, uplink)).collect()
}

/// A link-local address alone reaches nobody beyond the link. A bridge whose port fell off has the uplink's already.
fn no_address(snapshot: &Snapshot, bridge: Option<&Link>, uplink: &Link) -> Option<String> {
    let has = bridge.into_iter().chain([uplink]).any(|link| snapshot.has_address(link));
    (!has).then(|| format!("{} has no address, so there is none to move", uplink.name()))
}

/// A name that is taken by something else than a bridge.
pub fn name_taken(bridge: &str, link: &Link) -> Option<Refusal> {
    (!link.is_bridge()).then(|| {
        Refusal::new(
            format!("{bridge} exists but is no bridge: {}", link.kind().unwrap_or_else(|| "a hardware link".into())),
            "give the bridge another name, or rename or delete that link",
        )
    })
}

fn kind_of_link(name: &str, uplink: &Link, surroundings: &Surroundings) -> Option<Refusal> {
    if uplink.flags & libc::IFF_LOOPBACK as u32 != 0 {
        return Some(Refusal::new(format!("{name} is the loopback link"), "name the NIC that leads to the LAN"));
    }
    if uplink.is_bridge() {
        return Some(Refusal::new(
            format!("{name} is a bridge, and a bridge cannot be a port of another"),
            format!("let the libvirt network use {name} itself: <bridge name='{name}'/>"),
        ));
    }
    if surroundings.is_wireless {
        return Some(Refusal::new(
            format!("{name} is a Wi-Fi link, whose access point accepts no frames from guests' addresses"),
            "use a wired NIC, or a libvirt network with <forward mode='nat'/> or 'route'",
        ));
    }
    if uplink.device_type != libc::ARPHRD_ETHER {
        return Some(Refusal::new(
            format!("{name} carries no Ethernet frames (ARPHRD type {})", uplink.device_type),
            "name an Ethernet NIC, a bond or a VLAN interface",
        ));
    }
    None
}

fn other_master(snapshot: &Snapshot, bridge: &str, name: &str, uplink: &Link) -> Option<Refusal> {
    let master = snapshot.link_by_index(uplink.master()?)?;
    if master.name() == bridge {
        return None;
    }
    let kind = master.kind().unwrap_or_else(|| "master".into());
    let hint = match kind.as_str() {
        "bridge" => format!("let the libvirt network use {0}: <bridge name='{0}'/>", master.name()),
        "bond" | "team" => format!("name {} as the uplink", master.name()),
        "openvswitch" => "use a libvirt network with <virtualport type='openvswitch'/>".into(),
        _ => format!("release it first: ip link set {name} nomaster"),
    };
    Some(Refusal::new(format!("{name} is a port of {} ({kind})", master.name()), hint))
}

/// Two ways to the same LAN make a loop, in which frames go round for ever where no spanning tree cuts it.
fn second_uplink(snapshot: &Snapshot, bridge: &str, surroundings: &Surroundings) -> Option<Refusal> {
    let leads_out = |port: &&Link| port.leads_out() || surroundings.earlier_uplink == Some(port.name());
    let present = snapshot.ports_of(snapshot.link(bridge)?.index).find(leads_out)?.name();
    Some(Refusal::new(
        format!("{bridge} has the uplink {present} already, and a second one can make a loop"),
        format!("release the first: virt-bridge undo {bridge}, or ip link set {present} nomaster"),
    ))
}

/// VLAN, macvlan and macvtap interfaces, tunnels and the like see none of the frames that the bridge takes first. A
/// veth names its peer the same way but does not stand on it.
fn links_above<'a>(snapshot: &'a Snapshot, name: &'a str, uplink: &'a Link) -> impl Iterator<Item = Refusal> + 'a {
    let above = snapshot.links.iter().filter(|link| link.lower() == Some(uplink.index) && link.index != uplink.index);
    above.filter(|link| link.kind().as_deref() != Some("veth")).map(move |link| {
        let kind = link.kind().unwrap_or_else(|| "link".into());
        let hint = match kind.as_str() {
            "vlan" => format!("name {} as the uplink, or make it anew on the bridge", link.name()),
            _ => format!("delete {} or make it anew on the bridge", link.name()),
        };
        Refusal::new(format!("{} ({kind}) stands on {name} and would lose its traffic", link.name()), hint)
    })
}

/// What was made of a router's word is made anew on whichever link hears the router next: its routes go to the bridge without
/// it. Any other object somebody counts on by its number.
fn nexthop_objects<'a>(snapshot: &'a Snapshot, name: &'a str, uplink: &'a Link) -> impl Iterator<Item = Refusal> + 'a {
    let bound = snapshot.nexthops.iter().filter(|nexthop| nexthop.index() == Some(uplink.index));
    bound.filter(|nexthop| !(nexthop.is_of_a_router() && is_only_a_way(snapshot, nexthop))).map(move |nexthop| {
        Refusal::new(
            format!("{nexthop} is bound to {name}"),
            "delete it, and replace the routes that use it by routes with via and dev",
        )
    })
}

/// Whether each route by this object can do without it.
fn is_only_a_way(snapshot: &Snapshot, nexthop: &Nexthop) -> bool {
    let named = |route: &&Route| route.nexthop_object() == Some(nexthop.id());
    snapshot.routes.iter().filter(named).all(Route::tells_its_ways)
        && !snapshot.nexthops.iter().any(|group| group.has_member(nexthop.id()))
}

fn owners<'a>(name: &'a str, surroundings: &'a Surroundings) -> impl Iterator<Item = Refusal> + 'a {
    surroundings.claims.iter().filter(|claim| claim.live).map(move |claim| {
        Refusal::new(format!("{name} belongs to {}: {}", claim.owner, claim.evidence), claim.hint.clone())
    })
}
