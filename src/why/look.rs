//! Reads what is known of a guest's interfaces and their ways, and lets them be asked.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use super::facts::{Answer, Bridge, Facts, Gateway, Port, Subnet};
use super::learnt::Learnt;
use super::listener::{Listener, Way};
use super::probe::{self, Question};
use crate::bridge::Snapshot;
use crate::config::{Config, Uplink};
use crate::libvirt::domain::Verdict;
use crate::libvirt::domains::{Domain, Files};
use crate::libvirt::guest::{Guest, Interface};
use crate::libvirt::networks::{self, Network};
use crate::netfilter::forward::Firewall;
use crate::netfilter::{self, writers};
use crate::netlink::{Counters, Error, Link, Neighbour, PortState, PortVlan, Socket, bridge_vlan};
use crate::owner;
use crate::picture;

/// A port's state follows its carrier a moment later (`LW_URGENT` and the second between others in net/core/link_watch.c).
const SETTLING: Duration = Duration::from_millis(1200);

/// Looks at the ways of all interfaces of a guest, for at least a second, and listens for as long as `patience` for what it
/// asks for.
///
/// # Errors
/// When the kernel cannot be asked.
pub fn look(socket: &mut Socket, config: &Config, guest: &Guest, patience: Duration) -> Result<Vec<Facts>, Error> {
    // What a rule would change is a hint; without it the rest is still true.
    let files = Files::read(Path::new("/")).map(|(files, _)| files).unwrap_or_default();
    let (host, mut all) = match read(socket, config, &files, guest)? {
        (_, facts) if facts.iter().any(is_settling) => {
            std::thread::sleep(SETTLING);
            read(socket, config, &files, guest)?
        }
        read => read,
    };
    let of_each: Vec<Vec<Question>> = all.iter().map(|facts| host.questions(facts)).collect();
    let mut questions = of_each.concat();
    let mut listener = Listener::on(all.iter().filter_map(|facts| host.way(facts)).collect());
    let before = probe::counters(socket)?;
    let watched = probe::ask(socket, &mut questions, listener.as_mut(), patience)?;
    let after = probe::counters(socket)?;
    // Last, because the guest's answers have just been learnt.
    let learnt = Learnt::read(socket)?;
    let mut answered = questions.into_iter();
    for (facts, asked) in all.iter_mut().zip(&of_each) {
        facts.signs.watched_ms = watched.as_millis() as u64;
        facts.add_traffic(&before, &after);
        facts.add_answers(answered.by_ref().take(asked.len()));
        learnt.add_to(facts, &host.snapshot);
        let heard = listener.as_ref().zip(host.way(facts));
        facts.signs.traces = heard.map(|(listener, way)| listener.traces(way.tap)).unwrap_or_default();
    }
    Ok(all)
}

fn read<'a>(
    socket: &mut Socket,
    config: &'a Config,
    files: &'a Files,
    guest: &Guest,
) -> Result<(Host<'a>, Vec<Facts>), Error> {
    let host = Host::read(socket, config, files)?;
    let facts =
        guest.interfaces.iter().map(|interface| host.facts(socket, guest, interface)).collect::<Result<_, _>>()?;
    Ok((host, facts))
}

fn is_settling(facts: &Facts) -> bool {
    let is_disabled = |port: &Port| port.settings.is_some_and(|settings| settings.state == PortState::Disabled);
    let mut ports = facts.tap.iter().chain(&facts.uplink);
    ports.any(|port| port.is_up && port.carrier == Some(true) && is_disabled(port))
}

impl Facts {
    fn add_traffic(&mut self, before: &HashMap<String, Counters>, after: &HashMap<String, Counters>) {
        let received = |port: &Option<Port>, counters: &HashMap<String, Counters>| {
            port.as_ref().and_then(|port| counters.get(&port.name)).map_or(0, |counters| counters.received_packets)
        };
        let meanwhile = |port| received(port, after).saturating_sub(received(port, before));
        self.signs.sent_ever = received(&self.tap, after);
        self.signs.sent = meanwhile(&self.tap);
        self.signs.came_in = meanwhile(&self.uplink);
    }

    fn add_answers(&mut self, questions: impl Iterator<Item = Question>) {
        for question in questions {
            match self.gateways.iter_mut().find(|gateway| gateway.address == question.address) {
                Some(gateway) => gateway.answer = question.answer,
                None if question.answer == Answer::Answers => self.signs.answers.push(question.address),
                None => {}
            }
        }
    }
}

struct Host<'a> {
    config: &'a Config,
    snapshot: Snapshot,
    networks: BTreeMap<String, Network>,
    domains: Vec<Domain<'a>>,
    vlans: HashMap<u32, Vec<PortVlan>>,
    netfilter_has_drifted: bool,
    firewall: Firewall,
}

impl<'a> Host<'a> {
    fn read(socket: &mut Socket, config: &'a Config, files: &'a Files) -> Result<Self, Error> {
        let root = Path::new("/");
        let (_, change) = netfilter::plan(socket, config)?;
        Ok(Host {
            config,
            snapshot: Snapshot::take(socket)?,
            networks: networks::read_all(root),
            domains: files.domains(&config.interfaces).0,
            vlans: bridge_vlan::of_ports(socket)?,
            netfilter_has_drifted: !change.is_empty(),
            firewall: Firewall::read(root)?,
        })
    }

    fn facts(&self, socket: &mut Socket, guest: &Guest, interface: &Interface) -> Result<Facts, Error> {
        let network = interface.network.as_ref().and_then(|name| self.networks.get(name)).cloned();
        let bridge_name = interface.bridge.clone().or_else(|| network.as_ref()?.bridge.clone());
        let mut facts = Facts {
            guest: guest.name.clone(),
            state: guest.state.clone(),
            interface: interface.clone(),
            rule: self.rule(&guest.name, interface),
            tap: interface.link.as_deref().and_then(|name| self.port(self.snapshot.link(name)?)),
            network,
            bridge_name,
            ..Facts::default()
        };
        if let Some(tap) = &facts.tap {
            let mac = interface.mac.as_deref().and_then(mac_bytes).unwrap_or_default();
            facts.obstacles = self.firewall.obstacles(&tap.name, &mac);
        }
        let Some(name) = facts.bridge_name.clone() else { return Ok(facts) };
        if let Some(Uplink::Name(uplink)) = self.config.bridges.get(&name).map(|bridge| &bridge.uplink) {
            facts.configured_uplink = Some(uplink.clone());
            facts.uplink_owners = self.owners(uplink);
        }
        let other = self.snapshot.link(&name).filter(|link| !link.is_bridge());
        facts.foreign_bridge = other.map(|link| link.kind().unwrap_or_else(|| "hardware".into()));
        let Some(seen) = picture::look(socket, Some(&name))?.pop() else { return Ok(facts) };
        facts.bridge = Some(self.bridge(&seen));
        let uplink = seen.uplink.filter(|name| facts.configured_uplink.as_ref().is_none_or(|wanted| wanted == name));
        if let Some(uplink) = uplink {
            facts.uplink = self.snapshot.link(&uplink).and_then(|link| self.port(link));
            facts.uplink_owners = self.owners(&uplink);
        }
        let unasked = |gateway: &picture::Gateway| Gateway { address: gateway.address, answer: Answer::Unasked };
        if let Some(link) = self.snapshot.link(&name) {
            (facts.subnets, facts.is_advertised) = (self.subnets(link.index), self.is_advertised(link.index));
        }
        facts.gateways = seen.gateways.iter().map(unasked).collect();
        Ok(facts)
    }

    /// Where the guest's frames pass, if it is on a bridge that leads to the LAN.
    fn way(&self, facts: &Facts) -> Option<Way> {
        let index = |port: &Option<Port>| Some(self.snapshot.link(&port.as_ref()?.name)?.index);
        let guest = mac_bytes(facts.interface.mac.as_deref()?)?.try_into().ok()?;
        let (tap, uplink) = (index(&facts.tap)?, index(&facts.uplink)?);
        let routers = facts.gateways.iter().map(|gateway| gateway.address).collect();
        let (is_advertised, subnets) = (facts.is_advertised, facts.subnets.clone());
        facts.leads_to_a_bridge().then_some(Way { guest, tap, uplink, routers, is_advertised, subnets })
    }

    /// Whether this host has its way out by the bridge from a router's advertisement.
    fn is_advertised(&self, bridge: u32) -> bool {
        self.snapshot.routes.iter().any(|route| route.is_default() && route.is_advertised() && route.uses(bridge))
    }

    fn subnets(&self, bridge: u32) -> Vec<Subnet> {
        let own = self.snapshot.addresses.iter().filter(|address| address.index == bridge);
        own.filter_map(|address| match address.local()? {
            IpAddr::V4(local) => Some(Subnet { address: local, length: address.prefix }),
            IpAddr::V6(_) => None,
        })
        .collect()
    }

    fn rule(&self, guest: &str, interface: &Interface) -> Option<String> {
        let domain = self.domains.iter().find(|domain| domain.name == guest)?;
        let mut interfaces = domain.defined.iter().chain(&domain.running).flat_map(|patched| &patched.interfaces);
        let interface = interfaces.find(|other| other.mac.as_deref() == interface.mac.as_deref())?;
        match &interface.verdict {
            Verdict::Changed(change) => Some(change.told_of(interface)),
            _ => None,
        }
    }

    fn port(&self, link: &Link) -> Option<Port> {
        Some(Port {
            name: link.name(),
            is_up: link.is_up(),
            carrier: link.carrier(),
            mtu: link.mtu(),
            master: link.master().and_then(|master| self.snapshot.link_by_index(master)).map(Link::name),
            settings: link.bridge_port(),
            vlans: self.vlans.get(&link.index).cloned().unwrap_or_default(),
            learnt: Vec::new(),
        })
    }

    fn bridge(&self, seen: &picture::Bridge) -> Bridge {
        let root = Path::new("/");
        let mut barriers = self.firewall.barriers(&seen.name);
        barriers.retain(|barrier| barrier.is_met(seen.filtered));
        Bridge {
            name: seen.name.clone(),
            is_up: seen.up,
            mtu: seen.mtu,
            stp: seen.stp == Some(true),
            forward_delay_ms: seen.forward_delay_ms.unwrap_or(0),
            filters_vlans: seen.vlan_filtering == Some(true),
            barriers,
            netfilter_writers: if self.netfilter_has_drifted {
                writers::likely(root, "iptables", true)
            } else {
                Vec::new()
            },
        }
    }

    fn owners(&self, link: &str) -> Vec<String> {
        let Some(index) = self.snapshot.link(link).map(|link| link.index) else { return Vec::new() };
        let claims = owner::claims(Path::new("/"), owner::Link { name: link, index }).unwrap_or_default();
        let mut owners: Vec<String> =
            claims.iter().map(|claim| format!("{} ({})", claim.owner, claim.evidence)).collect();
        owners.dedup();
        owners
    }

    /// The routers, where the way to them is open; and the guest, by the addresses that it may have.
    fn questions(&self, facts: &Facts) -> Vec<Question> {
        let Some(bridge) = self.snapshot.link(facts.bridge_name()).filter(|link| link.is_up()) else {
            return Vec::new();
        };
        let entries =
            || self.snapshot.neighbours.iter().filter(|entry| entry.index == bridge.index && !entry.is_proxy());
        let question = |address, mac: Option<Vec<u8>>, is_waited_for| Question {
            index: bridge.index,
            address,
            mac,
            is_waited_for,
            answer: Answer::Unasked,
        };
        let is_open = facts.uplink.as_ref().is_some_and(Port::forwards);
        let gateways = facts.gateways.iter().filter(|_| is_open).map(|gateway| {
            let entry = entries().find(|entry| entry.address() == Some(gateway.address));
            question(gateway.address, entry.and_then(Neighbour::mac).map(<[u8]>::to_vec), true)
        });
        let mut questions: Vec<Question> = gateways.collect();
        let mac = facts.interface.mac.as_deref().and_then(mac_bytes).filter(|_| facts.leads_to_a_bridge());
        if let Some(mac) = mac {
            let known = entries().filter(|entry| entry.mac() == Some(&mac)).filter_map(Neighbour::address);
            let speaks_ipv6 = |link: &Link| {
                self.snapshot.addresses.iter().any(|address| address.index == link.index && address.is_ipv6())
            };
            let own = probe::link_local(&mac).filter(|_| speaks_ipv6(bridge));
            let mut addresses: Vec<_> = known.chain(own).collect();
            addresses.sort();
            addresses.dedup();
            addresses.retain(|address| questions.iter().all(|question| question.address != *address));
            questions.extend(addresses.into_iter().map(|address| question(address, Some(mac.clone()), false)));
        }
        questions
    }
}

fn mac_bytes(text: &str) -> Option<Vec<u8>> {
    text.split(':').map(|byte| u8::from_str_radix(byte, 16).ok()).collect()
}
