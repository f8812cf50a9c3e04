//! What must hold between keys once all files are applied.

use std::collections::BTreeMap;
use std::time::Duration;

use super::entry::{Place, shown_key};
use super::error::Error;
use super::{Bridge, Config, Uplink};

/// Where each key that was given stands; the last file that gives it counts.
pub(super) type Places<'s> = BTreeMap<String, Place<'s>>;

/// Checks the whole of `config`; an error points at the key that would have to change.
pub(super) fn check(config: &Config, places: &Places<'_>) -> Result<(), Error> {
    one_bridge_for_an_uplink(config, places)?;
    for (name, bridge) in &config.bridges {
        let place = |key| place_of(places, name, key);
        if let Some(place) = place("uplink") {
            not_its_own_uplink(name, bridge, place)?;
        }
        if let Some(place) = place("forward-delay") {
            forward_delay_suits_stp(bridge, place)?;
        }
        if let Some(place) = place("gateway-check") {
            gateway_check_ends_in_time(config, bridge, place)?;
        }
    }
    Ok(())
}

fn place_of<'p, 's>(places: &'p Places<'s>, bridge: &str, key: &str) -> Option<&'p Place<'s>> {
    places.get(&format!("bridge.{}.{key}", shown_key(bridge)))
}

fn one_bridge_for_an_uplink(config: &Config, places: &Places<'_>) -> Result<(), Error> {
    let mut taken: BTreeMap<&Uplink, &str> = BTreeMap::new();
    for (name, bridge) in config.bridges.iter().filter(|(_, bridge)| bridge.uplink != Uplink::None) {
        let other = taken.insert(&bridge.uplink, name);
        if let (Some(other), Some(place)) = (other, place_of(places, name, "uplink")) {
            return Err(place.error(format!("{other} has the same uplink; an uplink can be a port of one bridge only")));
        }
    }
    Ok(())
}

fn not_its_own_uplink(name: &str, bridge: &Bridge, place: &Place<'_>) -> Result<(), Error> {
    match &bridge.uplink {
        Uplink::Name(uplink) if uplink == name => Err(place.error("a bridge cannot be its own uplink")),
        _ => Ok(()),
    }
}

/// With STP on the kernel takes 2 s to 30 s only (br_set_forward_delay in net/bridge/br_stp.c).
fn forward_delay_suits_stp(bridge: &Bridge, place: &Place<'_>) -> Result<(), Error> {
    match bridge.forward_delay {
        Some(delay) if bridge.stp == Some(true) && delay < Duration::from_secs(2) => {
            Err(place.error("not possible with stp = true; allowed: 2s to 30s"))
        }
        _ => Ok(()),
    }
}

/// A check that outlasts the hook's deadline would never be the one to give the verdict.
fn gateway_check_ends_in_time(config: &Config, bridge: &Bridge, place: &Place<'_>) -> Result<(), Error> {
    let deadline = config.hook.deadline;
    match bridge.gateway_check {
        Some(check) if check >= deadline => Err(place.error(format!(
            "not possible with hook.deadline = {deadline:?}; allowed: 0 (off), or less than the deadline"
        ))),
        _ => Ok(()),
    }
}
