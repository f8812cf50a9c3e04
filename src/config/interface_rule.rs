//! `[[interface]]`: which network a guest's interface belongs on.

use domain::{Destination, InterfaceMatch, InterfaceRule, MetadataMatch, parse_uuid};

use super::entry::Entry;
use super::error::{Error, quoted};
use crate::glob::Glob;
use crate::interface_name;

const KEYS: [&str; 7] = ["domain", "uuid", "title", "metadata", "from", "to", "live"];
const FROM_KEYS: [&str; 7] = ["type", "network", "bridge", "device", "mac", "model", "target"];
const TO: &str =
    "{ network = \"NAME\" }, { network = \"NAME\", portgroup = \"NAME\" }, { bridge = \"NAME\" }, \"keep\"";
const PATTERN: &str = "a name or pattern, such as \"web-*\"";

/// Reads one table of the array `[[interface]]`.
pub(super) fn read(table: &Entry) -> Result<InterfaceRule, Error> {
    let mut rule = InterfaceRule { place: Some(table.place.rule_place()), ..InterfaceRule::default() };
    let mut to = None;
    for setting in table.entries()? {
        match setting.name {
            "domain" => rule.domain = Some(glob(&setting)?),
            "uuid" => rule.uuid = Some(uuid(&setting)?),
            "title" => rule.title = Some(glob(&setting)?),
            "metadata" => rule.metadata = Some(metadata(&setting)?),
            "from" => rule.from = interface_match(&setting)?,
            "to" => to = Some(destination(&setting)?),
            "live" => rule.live = setting.bool()?,
            _ => return Err(setting.unknown_key(&KEYS)),
        }
    }
    rule.to = to.ok_or_else(|| table.error(format!("the rule has no \"to\"; allowed: {TO}")))?;
    Ok(rule)
}

fn interface_match(table: &Entry) -> Result<InterfaceMatch, Error> {
    let mut from = InterfaceMatch::default();
    for setting in table.entries()? {
        match setting.name {
            "type" => from.kind = Some(glob(&setting)?),
            "network" => from.network = Some(glob(&setting)?),
            "bridge" => from.bridge = Some(glob(&setting)?),
            "device" => from.device = Some(glob(&setting)?),
            "mac" => from.mac = Some(mac_prefix(setting.text(MAC)?).map_err(|why| setting.error(why))?),
            "model" => from.model = Some(glob(&setting)?),
            "target" => from.target = Some(glob(&setting)?),
            _ => return Err(setting.unknown_key(&FROM_KEYS)),
        }
    }
    Ok(from)
}

fn destination(setting: &Entry) -> Result<Destination, Error> {
    if !setting.is_table() {
        return match setting.text(TO)? {
            "keep" => Ok(Destination::Keep),
            _ => Err(setting.not_known(TO)),
        };
    }
    let (mut network, mut portgroup, mut bridge) = (None, None, None);
    for part in setting.entries()? {
        let name = || destination_name(part.text("a name")?).map_err(|why| part.error(why));
        match part.name {
            "network" => network = Some(name()?),
            "portgroup" => portgroup = Some(name()?),
            "bridge" => bridge = Some(bridge_name(part.text("a name")?).map_err(|why| part.error(why))?),
            _ => return Err(part.unknown_key(&["network", "portgroup", "bridge"])),
        }
    }
    match (network, portgroup, bridge) {
        (Some(network), portgroup, None) => Ok(Destination::Network { network, portgroup }),
        (None, None, Some(bridge)) => Ok(Destination::Bridge(bridge)),
        _ => Err(setting.error(format!("neither one network nor one bridge; allowed: {TO}"))),
    }
}

/// Reads the name of a network or portgroup.
///
/// # Errors
/// In words, when XML 1.0 has no way to write it.
pub fn destination_name(text: &str) -> Result<String, String> {
    match text {
        "" => Err("a name is empty".into()),
        _ if text.contains(|c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')) => {
            Err(format!("{} contains a control character", quoted(text)))
        }
        _ => Ok(text.to_owned()),
    }
}

/// Reads the name of a bridge.
///
/// # Errors
/// In words, when the kernel can have no such bridge.
pub fn bridge_name(text: &str) -> Result<String, String> {
    let impossible = |why| format!("{} is not possible as the name of a bridge: {why}", quoted(text));
    interface_name::check(text).map(|()| text.to_owned()).map_err(impossible)
}

const MAC: &str = "a MAC address or its first bytes, such as \"52:54:00\"";

/// Reads the first bytes of a MAC address, or all six.
///
/// # Errors
/// In words, when it is none.
pub fn mac_prefix(text: &str) -> Result<Vec<u8>, String> {
    let byte = |part: &str| (part.len() == 2).then(|| u8::from_str_radix(part, 16).ok()).flatten();
    let bytes: Option<Vec<u8>> = text.split(':').map(byte).collect();
    bytes
        .filter(|bytes| bytes.len() <= 6 && !text.contains('+'))
        .ok_or_else(|| format!("{} is no MAC address; allowed: {MAC}", quoted(text)))
}

fn glob(setting: &Entry) -> Result<Glob, Error> {
    setting.text(PATTERN)?.parse().map_err(|why| setting.error(why))
}

fn metadata(setting: &Entry) -> Result<MetadataMatch, Error> {
    if !setting.is_table() {
        return Ok(MetadataMatch { namespace: glob(setting)?, value: None });
    }
    let (mut namespace, mut value) = (None, None);
    for part in setting.entries()? {
        match part.name {
            "namespace" => namespace = Some(glob(&part)?),
            "value" => value = Some(glob(&part)?),
            _ => return Err(part.unknown_key(&["namespace", "value"])),
        }
    }
    let namespace = namespace.ok_or_else(|| setting.error("no \"namespace\" is given"))?;
    Ok(MetadataMatch { namespace, value })
}

fn uuid(setting: &Entry) -> Result<[u8; 16], Error> {
    const UUID: &str = "a UUID, such as \"c7a5fdbd-edaf-9455-926a-d65c16db1809\"";
    let text = setting.text(UUID)?;
    parse_uuid(text).ok_or_else(|| setting.error(format!("{} is no UUID; allowed: {UUID}", quoted(text))))
}
