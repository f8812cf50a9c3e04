//! Who is where, as the host's bridges have learnt it; and so, who else has the guest's MAC address.

use std::collections::HashMap;
use std::path::Path;

use super::Facts;
use crate::bridge::Snapshot;
use crate::libvirt::guest;
use crate::netlink::{Error, Neighbour, Socket, mac_text, neighbour};

/// The MAC addresses that are learnt behind each port, by its index.
pub(super) struct Learnt(HashMap<u32, Vec<String>>);

impl Learnt {
    /// All that bridges have learnt; a port's own are permanent.
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    pub fn read(socket: &mut Socket) -> Result<Self, Error> {
        let entries: Vec<Neighbour> = socket.dump(neighbour::learnt_by_bridges())?;
        let mut learnt: HashMap<u32, Vec<String>> = HashMap::new();
        for entry in entries.iter().filter(|entry| !entry.is_permanent()) {
            let macs = learnt.entry(entry.index).or_default();
            let mac = entry.mac().map(mac_text).unwrap_or_default();
            // Once for each VLAN.
            if !macs.contains(&mac) {
                macs.push(mac);
            }
        }
        Ok(Learnt(learnt))
    }

    /// Adds who is behind the tap and the uplink, and the guest's namesakes.
    pub fn add_to(&self, facts: &mut Facts, snapshot: &Snapshot) {
        let behind = |name: &str| snapshot.link(name).and_then(|link| self.0.get(&link.index)).cloned();
        for port in [&mut facts.tap, &mut facts.uplink].into_iter().flatten() {
            port.learnt = behind(&port.name).unwrap_or_default();
        }
        facts.namesakes = namesakes(facts, snapshot);
    }
}

/// Whoever else has the guest's MAC address.
fn namesakes(facts: &Facts, snapshot: &Snapshot) -> Vec<String> {
    let Some(mac) = facts.interface.mac.as_deref() else { return Vec::new() };
    let is_same = |other: &str| other.eq_ignore_ascii_case(mac);
    let links = snapshot.links.iter().filter(|link| facts.interface.link.as_deref() != Some(&link.name()));
    let links = links
        .filter(|link| link.mac().is_some_and(|mac| is_same(&mac_text(mac))))
        .map(|link| format!("{} of this host", link.name()));
    let others = guest::running(Path::new("/"))
        .into_iter()
        .flat_map(|guest| guest.interfaces.into_iter().map(move |interface| (guest.name.clone(), interface)));
    let twins = others
        .filter(|(_, other)| other.mac.as_deref().is_some_and(is_same) && other.link != facts.interface.link)
        .map(|(guest, _)| format!("guest {guest}"));
    // Behind the uplink it is a machine of the LAN, or a loop brings the guest's own frames back.
    let uplink = facts.uplink.iter().filter(|uplink| uplink.learnt.iter().any(|other| is_same(other)));
    let machine = uplink.map(|uplink| format!("a machine behind {}", uplink.name));
    links.chain(twins).chain(machine).collect()
}
