//! What must hold between keys once all files are applied.

use std::collections::BTreeMap;
use std::time::Duration;

use super::entry::{Place, shown_key};
use super::error::Error;
use super::{Bridge, Config, Uplink};

/// Where the keys stand that were given, in the order of the files; the last one that gives a key counts.
pub(super) type Places<'s> = Vec<Place<'s>>;

/// A key of a bridge, and what is wrong with its value.
type Broken = (&'static str, String);

/// Checks the whole of `config`; an error points at the key that would have to change.
pub(super) fn check(config: &Config, places: &Places<'_>) -> Result<(), Error> {
    one_bridge_for_an_uplink(config, places)?;
    for (name, bridge) in &config.bridges {
        let broken = not_its_own_uplink(name, bridge)
            .or_else(|| forward_delay_suits_stp(bridge))
            .or_else(|| gateway_check_ends_in_time(config, bridge));
        let error = |(key, why)| place_of(places, name, key).map(|place| place.error(why));
        if let Some(error) = broken.and_then(error) {
            return Err(error);
        }
    }
    Ok(())
}

fn place_of<'p, 's>(places: &'p Places<'s>, bridge: &str, key: &str) -> Option<&'p Place<'s>> {
    let key = format!("bridge.{}.{key}", shown_key(bridge));
    places.iter().rfind(|place| place.key == key)
}

fn one_bridge_for_an_uplink(config: &Config, places: &Places<'_>) -> Result<(), Error> {
    let mut taken: BTreeMap<&Uplink, &str> = BTreeMap::new();
    for (name, bridge) in config.bridges.iter().filter(|(_, bridge)| bridge.uplink != Uplink::None) {
        let error = |other| {
            let place = place_of(places, name, "uplink")?;
            Some(place.error(format!("{other} has the same uplink; an uplink can be a port of one bridge only")))
        };
        if let Some(error) = taken.insert(&bridge.uplink, name).and_then(error) {
            return Err(error);
        }
    }
    Ok(())
}

fn not_its_own_uplink(name: &str, bridge: &Bridge) -> Option<Broken> {
    let is_its_own = matches!(&bridge.uplink, Uplink::Name(uplink) if uplink == name);
    is_its_own.then(|| ("uplink", "a bridge cannot be its own uplink".into()))
}

/// With STP on the kernel takes 2 s to 30 s only (br_set_forward_delay in net/bridge/br_stp.c).
fn forward_delay_suits_stp(bridge: &Bridge) -> Option<Broken> {
    let is_short = bridge.stp == Some(true) && bridge.forward_delay? < Duration::from_secs(2);
    is_short.then(|| ("forward-delay", "not possible with stp = true; allowed: 2s to 30s".into()))
}

/// A check that outlasts the hook's deadline would never be the one to give the verdict.
fn gateway_check_ends_in_time(config: &Config, bridge: &Bridge) -> Option<Broken> {
    let deadline = config.hook.deadline;
    let is_long = bridge.gateway_check? >= deadline;
    is_long.then(|| {
        let allowed = "allowed: 0 (off), or less than the deadline";
        ("gateway-check", format!("not possible with hook.deadline = {deadline:?}; {allowed}"))
    })
}
