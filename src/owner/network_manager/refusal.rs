//! Why a profile cannot become a bridge's.

use super::profiles::Profile;
use super::render::is_of_bridge;
use crate::owner::persist::Bridge;

/// The links that a bridge can have as a port and that NetworkManager configures by one profile.
const KINDS: [&str; 3] = ["ethernet", "vlan", "bond"];

/// Everything that stands against the bridge, with the file and what to do about it.
pub fn reasons(profiles: &[Profile], profile: &Profile, bridge: &Bridge) -> Vec<String> {
    let (uplink, at) = (&bridge.uplink, |profile: &Profile| profile.path.display().to_string());
    let mut reasons = Vec::new();
    if let Some(other) = profiles.iter().find(|profile| is_of_bridge(profile, &bridge.name)) {
        reasons.push(format!("{}: {} is there already, without the port {uplink}", at(other), bridge.name));
    }
    if !KINDS.contains(&profile.kind()) {
        reasons.push(format!("{}: a profile of type {} cannot be a bridge's port", at(profile), profile.kind()));
    }
    if let Some(controller) = profile.controller() {
        reasons.push(format!("{}: {uplink} is a port of {controller}", at(profile)));
    }
    if profile.connection("permissions").is_some() {
        reasons.push(format!(
            "{}: the profile is for one user: nmcli connection modify {} connection.permissions ''",
            at(profile),
            profile.uuid()
        ));
    }
    if profile.file.groups().any(|group| group.is("802-1x")) {
        reasons.push(format!(
            "{}: {uplink} logs in by 802.1X, which a bridge's port has not been tried with: make the bridge with nmcli",
            at(profile)
        ));
    }
    reasons.extend(profiles.iter().filter(|other| stands_on(other, profile, uplink)).map(|other| {
        let hint = match other.controller() {
            Some(_) => format!("nmcli connection modify {} connection.master {uplink}", other.uuid()),
            None => format!("make it anew on {}, or name it as the uplink", bridge.name),
        };
        format!("{}: {} stands on {uplink}'s profile and would lose it: {hint}", at(other), other.id())
    }));
    reasons
}

/// Whether the other profile's link stands on this one: a VLAN and the like, or a bond's port that names the bond by
/// the UUID of its profile.
fn stands_on(other: &Profile, profile: &Profile, uplink: &str) -> bool {
    let parent = ["vlan", "macvlan", "vxlan", "pppoe", "macsec", "ipvlan"]
        .iter()
        .find_map(|group| other.file.value(group, "parent"));
    let is_uplinks_profile = |name: &str| name == profile.uuid() || name == profile.id();
    parent.is_some_and(|parent| parent == uplink || is_uplinks_profile(parent))
        || other.controller().is_some_and(|name| name != uplink && is_uplinks_profile(name))
}
