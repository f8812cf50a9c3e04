//! The links of the host, made again: of the same kind where a message can make it, else a veth in its place.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::Error;
use super::stage::Stage;
use crate::bridge::Snapshot;
use crate::netlink::link_copy::{LinkCopy, set_mtu};
use crate::netlink::{Link, Request, Socket, link};
use crate::sysfs;

/// Which link of the copy stands for which of the host.
#[derive(Default)]
pub struct Links {
    /// The host's index of the uplink.
    uplink: u32,
    indices: HashMap<u32, u32>,
    /// The other ends, on the LAN, of the veths that stand for links, by the host's indices.
    pub cables: HashMap<u32, String>,
    /// What the copies of links lack.
    pub notes: Vec<String>,
    /// The links that a veth stands in for, by what they are.
    stand_ins: BTreeMap<String, Vec<String>>,
}

impl Links {
    /// What the copies are not.
    pub fn shortcomings(&self) -> Vec<String> {
        let stand_in = |(what, names): (&String, &Vec<String>)| match names.as_slice() {
            [one] => format!("{one}, {what}: a veth stands in"),
            [first, .., last] => format!("{first} to {last}, {} links, {what}: veths stand in", names.len()),
            [] => String::new(),
        };
        self.stand_ins.iter().map(stand_in).chain(self.notes.iter().cloned()).collect()
    }

    /// The copy's index of a link of the host; 0, which no link has, where there is no copy.
    pub fn index(&self, original: u32) -> u32 {
        self.indices.get(&original).copied().unwrap_or(0)
    }

    /// Makes all links, still down, alone, and without addresses.
    ///
    /// Each gets the index that it has on the host, so that the plan's messages are the same to the byte; only where a new
    /// namespace has a link of its own there (tunl0 and the like, which come with their modules) the kernel chooses.
    pub fn make(stage: &mut Stage, host: &Snapshot, uplink: u32, macs: &BridgeMacs) -> Result<Self, Error> {
        let present = stage.socket.dump::<Link>(link::all())?;
        let mut taken: Vec<u32> = present.iter().map(|link| link.index).collect();
        let mut links = Links { uplink, ..Links::default() };
        let mut waiting: Vec<&Link> = Vec::new();
        for original in &host.links {
            match present.iter().find(|link| link.name() == original.name()) {
                Some(copy) => drop(links.indices.insert(original.index, copy.index)),
                None => waiting.push(original),
            }
        }
        while !waiting.is_empty() {
            let is_ready = |original: &&Link| match lower(host, original) {
                Some(lower) => links.indices.contains_key(&lower) || is_peer(host, original, lower),
                None => true,
            };
            let (ready, rest): (Vec<&Link>, Vec<&Link>) = waiting.iter().copied().partition(is_ready);
            // Where each waits for another none can be made as it is.
            let (ready, rest) = if ready.is_empty() { (waiting, Vec::new()) } else { (ready, rest) };
            for original in ready {
                if !links.indices.contains_key(&original.index) {
                    links.make_one(stage, host, original, macs, &mut taken)?;
                }
            }
            waiting = rest;
        }
        Ok(links)
    }

    fn make_one<'a>(
        &mut self,
        stage: &mut Stage,
        host: &'a Snapshot,
        original: &'a Link,
        macs: &BridgeMacs,
        taken: &mut Vec<u32>,
    ) -> Result<(), Error> {
        let mut copy = |link: &'a Link| LinkCopy {
            link,
            index: own_index(link, taken),
            with_mac: macs.is_given(link),
            // A bridge keeps what it is given later.
            with_mtu: !link.is_bridge(),
        };
        let this = copy(original);
        let peer = host.link_by_index(original.lower().unwrap_or(0)).filter(|peer| is_peer(host, original, peer.index));
        if let Some(peer) = peer {
            let other = copy(peer);
            self.send(stage, original, this.as_pair_with(&other))?;
            self.find(stage, peer)?;
        } else {
            self.make_alone(stage, host, &this)?;
        }
        self.find(stage, original)
    }

    /// Of the same kind if the kernel makes one, with or without the original's parameters; else a veth.
    fn make_alone(&mut self, stage: &mut Stage, host: &Snapshot, copy: &LinkCopy) -> Result<(), Error> {
        let (name, kind) = (copy.link.name(), copy.link.kind());
        let lower = lower(host, copy.link).map(|lower| self.index(lower));
        let mut why = None;
        if !is_stood_in_for(kind.as_deref(), copy.link.index == self.uplink) {
            for with_parameters in [true, false] {
                let Some(request) = copy.of_same_kind(lower, with_parameters) else { break };
                match outcome(&mut stage.socket, request)? {
                    None => {
                        let lost = why.iter().filter(|_| !with_parameters);
                        self.notes.extend(lost.map(|why| format!("the parameters of {name}: {why}")));
                        return Ok(());
                    }
                    Some(error) => why = Some(error),
                }
            }
        }
        let cable = format!("p{}", copy.link.index);
        // There are MACs and MTUs that a veth does not take.
        let bare = LinkCopy { with_mac: false, with_mtu: false, ..*copy };
        let [full, bare] = [copy, &bare].map(|copy| copy.as_veth(&cable, stage.lan()));
        if outcome(&mut stage.socket, full)?.is_some() {
            self.send(stage, copy.link, bare)?;
        }
        self.cables.insert(copy.link.index, cable);
        if kind.as_deref() != Some("veth") {
            let what = kind.map_or("hardware and its driver".into(), |kind| format!("kind {kind}"));
            let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
            self.stand_ins.entry(format!("{what}{why}")).or_default().push(name);
        }
        Ok(())
    }

    fn send(&mut self, stage: &mut Stage, original: &Link, request: Request) -> Result<(), Error> {
        match outcome(&mut stage.socket, request)? {
            None => Ok(()),
            Some(error) => Err(Error(format!("cannot make {} again: {error}", original.name()))),
        }
    }

    fn find(&mut self, stage: &mut Stage, original: &Link) -> Result<(), Error> {
        let copy = stage.socket.get::<Link>(link::by_name(&original.name()))?;
        let copy = copy.ok_or_else(|| Error(format!("the copy of {} is gone", original.name())))?;
        self.indices.insert(original.index, copy.index);
        Ok(())
    }

    /// Makes ports of those that are ports, and then gives an MTU where it is not that of the ports by now: it is one that
    /// somebody set, and a bridge will keep it whatever ports come (br_mtu_auto_adjust in net/bridge/br_if.c).
    pub fn join(&mut self, socket: &mut Socket, host: &Snapshot) -> Result<(), Error> {
        for port in &host.links {
            // What stands in for a bond has no ports.
            let Some(master) = port.master().filter(|master| !self.cables.contains_key(master)) else { continue };
            let outcome = outcome(socket, link::set_master(self.index(port.index), self.index(master)))?;
            self.notes.extend(outcome.map(|why| format!("{} as a port: {why}", port.name())));
        }
        let copies = socket.dump::<Link>(link::all())?;
        for original in &host.links {
            let Some(mtu) = original.mtu() else { continue };
            let copy = copies.iter().find(|copy| copy.index == self.index(original.index));
            if copy.is_some_and(|copy| copy.mtu() != Some(mtu)) {
                outcome(socket, set_mtu(self.index(original.index), mtu))?;
            }
        }
        Ok(())
    }

    /// The cables by which a link reaches the LAN: its own, or those of the links below it.
    pub fn cables_of(&self, host: &Snapshot, original: &Link) -> Vec<&String> {
        if let Some(cable) = self.cables.get(&original.index) {
            return vec![cable];
        }
        let lower = lower(host, original).and_then(|lower| host.link_by_index(lower));
        let below = host.ports_of(original.index).chain(lower).filter(|link| link.lower() != Some(original.index));
        below.flat_map(|link| self.cables_of(host, link)).collect()
    }
}

/// Which bridges were given a MAC; one that was not has that of a port, or a random one. sysfs alone tells.
pub struct BridgeMacs(Vec<u32>);

impl BridgeMacs {
    /// Asks for the bridges of the host.
    pub fn of(host: &Snapshot) -> Self {
        let follows_ports = |bridge: &&Link| sysfs::has_own_mac(Path::new("/"), &bridge.name()) == Some(false);
        BridgeMacs(
            host.links
                .iter()
                .filter(|link| link.is_bridge())
                .filter(follows_ports)
                .map(|bridge| bridge.index)
                .collect(),
        )
    }

    fn is_given(&self, link: &Link) -> bool {
        !self.0.contains(&link.index)
    }
}

/// Hardware has no kind, a veth's other end is elsewhere, and taps are made by whoever opens them (tun_validate in
/// drivers/net/tun.c). The uplink has to lead to the LAN at once, without a partner that aggregates links or tags frames.
fn is_stood_in_for(kind: Option<&str>, is_uplink: bool) -> bool {
    matches!(kind, None | Some("veth" | "tun")) || (is_uplink && kind != Some("macvlan"))
}

/// The link below, where it is one of the host.
pub fn lower(host: &Snapshot, link: &Link) -> Option<u32> {
    link.lower().filter(|lower| *lower != link.index && host.link_by_index(*lower).is_some())
}

/// Whether these are the two ends of a veth.
fn is_peer(host: &Snapshot, link: &Link, other: u32) -> bool {
    let is_veth = |link: &Link| link.is_of_kind("veth");
    is_veth(link) && host.link_by_index(other).is_some_and(|other| is_veth(other) && other.lower() == Some(link.index))
}

/// The link's index on the host where it is free, and taken from now on.
fn own_index(link: &Link, taken: &mut Vec<u32>) -> u32 {
    if taken.contains(&link.index) {
        return 0;
    }
    taken.push(link.index);
    link.index
}

/// The kernel's refusal of one request, in its words.
pub fn outcome(socket: &mut Socket, request: Request) -> Result<Option<String>, Error> {
    let outcome = socket.batch(&[request])?.pop().unwrap_or(Ok(()));
    Ok(outcome.err().map(|error| error.to_string()))
}
