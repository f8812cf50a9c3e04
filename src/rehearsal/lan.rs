//! The LAN of a host's copy: a switch, and stand-ins for the routers, whose kernel answers ARP and NDP by itself.

use std::net::IpAddr;

use super::Error;
use super::links::Links;
use super::stage::Stage;
use crate::bridge::{Plan, Snapshot};
use crate::netlink::link_copy::{create_switch, create_veth};
use crate::netlink::{Address, Link, Payload, Request, Socket, link};
use crate::sysctl;

/// An address of a stand-in, and the index of its link on the LAN.
pub type Router = (IpAddr, u32);

const SWITCH: &str = "lan";

/// A router answers for its own addresses only, with its own MAC, and from the first moment on.
const SETTINGS: [(&[&str], &str); 6] = [
    (&["net", "ipv4", "conf", "all", "arp_ignore"], "1"),
    (&["net", "ipv4", "conf", "all", "rp_filter"], "0"),
    (&["net", "ipv4", "conf", "default", "rp_filter"], "0"),
    (&["net", "ipv6", "conf", "all", "disable_ipv6"], "0"),
    (&["net", "ipv6", "conf", "default", "addr_gen_mode"], "1"),
    (&["net", "ipv6", "conf", "default", "accept_ra"], "0"),
];

/// Prepares the LAN for links. Where there is no IPv6 its settings are missing, and so are its routers.
///
/// # Errors
/// When the way there is barred.
pub fn prepare(stage: &Stage) -> Result<(), Error> {
    let write = || SETTINGS.iter().for_each(|(name, value)| drop(sysctl::write(name, value)));
    stage.on_lan(|| {
        write();
        Ok(())
    })?;
    Ok(())
}

/// Connects the uplink's copy with stand-ins for the plan's routers, each with the MAC by which the host knows it; answers
/// with the link that each router's address is on.
///
/// # Errors
/// When the kernel refuses a part of it.
pub fn connect(stage: &mut Stage, host: &Snapshot, links: &Links, plan: &Plan) -> Result<Vec<Router>, Error> {
    let mut placed = Vec::new();
    let Some(uplink) = plan.uplink.as_ref().and_then(|end| host.link_by_index(end.index)) else { return Ok(placed) };
    let lan = &mut stage.lan_socket;
    must(lan, create_switch(SWITCH))?;
    let switch = index_of(lan, SWITCH)?;
    must(lan, link::set_up(switch, true))?;
    for cable in links.cables_of(host, uplink) {
        let cable = index_of(lan, cable)?;
        must(lan, link::set_master(cable, switch))?;
    }
    for (number, (mac, addresses)) in routers(host, uplink.index, &plan.gateways).into_iter().enumerate() {
        let (port, router) = (format!("port{number}"), format!("router{number}"));
        must(lan, create_veth(&router, &mac, &port))?;
        let (port, router) = (index_of(lan, &port)?, index_of(lan, &router)?);
        must(lan, link::set_master(port, switch))?;
        must(lan, link::set_up(port, true))?;
        must(lan, link::set_up(router, true))?;
        for address in addresses {
            let payload = Address::single(address, router).encode();
            must(lan, Request { kind: Address::NEW, flags: CREATE, payload })?;
            placed.push((address, router));
        }
    }
    Ok(placed)
}

const CREATE: u16 = nix::libc::NLM_F_CREATE as u16;

/// The addresses of the routers by their MACs; one that the host does not know gets one of our own.
fn routers(host: &Snapshot, uplink: u32, gateways: &[IpAddr]) -> Vec<(Vec<u8>, Vec<IpAddr>)> {
    let mut routers: Vec<(Vec<u8>, Vec<IpAddr>)> = Vec::new();
    for (number, gateway) in (1u8..).zip(gateways) {
        let is_it = |index: u32, address: Option<IpAddr>| index == uplink && address == Some(*gateway);
        let known = host.neighbours.iter().find(|neighbour| is_it(neighbour.index, neighbour.address()));
        let mac = known.and_then(|neighbour| neighbour.mac()).map_or(vec![2, 0, 0, 0, 0, number], <[u8]>::to_vec);
        match routers.iter_mut().find(|(other, _)| *other == mac) {
            Some((_, addresses)) => addresses.push(*gateway),
            None => routers.push((mac, vec![*gateway])),
        }
    }
    routers
}

fn index_of(lan: &mut Socket, name: &str) -> Result<u32, Error> {
    let link = lan.get::<Link>(link::by_name(name))?;
    link.map(|link| link.index).ok_or_else(|| Error(format!("the stand-in {name} is gone")))
}

fn must(lan: &mut Socket, request: Request) -> Result<(), Error> {
    match lan.batch(&[request])?.pop() {
        Some(Err(error)) => Err(Error(format!("cannot make a LAN to rehearse on: {error}"))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routers_that_nobody_knows_have_different_macs() {
        let gateways = ["192.0.2.1", "fe80::1"].map(|text| text.parse().unwrap());
        let routers = routers(&Snapshot::default(), 2, &gateways);
        assert_eq!(routers.len(), 2);
        assert_ne!(routers[0].0, routers[1].0);
    }
}
