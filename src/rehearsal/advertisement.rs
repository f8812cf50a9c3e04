//! Default routes that a router has advertised. The kernel marks those that it makes itself (RTF_ADDRCONF) and treats them
//! differently beside others of equal metric, and nobody else can set that mark: so a stand-in advertises them anew.

use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv6Addr, SocketAddrV6};
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::sys::socket::sockopt::Ipv6MulticastHops;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn6, bind, sendmsg, setsockopt, socket,
};

use super::lan::Router;
use super::stage::Stage;
use super::{Error, routes};
use crate::deadline::Deadline;
use crate::netlink::Route;

/// An advertisement crosses the LAN within a millisecond, on a machine with no processor to spare in some hundred.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(1);

/// `ND_ROUTER_ADVERT` of netinet/icmp6.h, and the hop limit that proves a neighbour (RFC 4861, 6.1.2).
const ROUTER_ADVERTISEMENT: u8 = 134;
const HOP_LIMIT: i32 = 255;
/// `ND_OPT_MTU` of netinet/icmp6.h.
const OPTION_MTU: u8 = 5;
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// Whether an advertisement can bring this route: a default one by the link with this index. The kernel makes no nexthop
/// objects of them; networkd does.
pub fn can_bring(route: &Route, index: u32) -> bool {
    let is_kernels = route.is_advertised() && route.nexthop_object().is_none();
    is_kernels && route.is_ipv6() && route.is_default() && router(route, index).is_some()
}

/// Lets the stand-ins advertise these routes of the copy's link with this index, and waits for them; where one does not
/// come (the host may have stopped to accept them), `wanted` are restored without that mark.
///
/// # Errors
/// When the kernel cannot be asked, or the LAN be entered.
pub fn receive(
    stage: &mut Stage,
    index: u32,
    routers: &[Router],
    advertised: &[Route],
    wanted: &[Route],
) -> Result<(), Error> {
    for route in advertised {
        let stand_in = router(route, index).and_then(|router| {
            routers.iter().find(|(address, _)| *address == IpAddr::V6(router)).map(|(_, link)| (router, *link))
        });
        if let Some((router, link)) = stand_in {
            stage.on_lan(|| send(router, link, &message(route)))?;
        }
    }
    let deadline = Deadline::after(PATIENCE);
    let has_come = |present: &[Route], route: &Route| present.iter().any(|other| other.place() == route.place());
    loop {
        let present = routes::by_link(&mut stage.socket, index)?;
        if advertised.iter().all(|route| has_come(&present, route)) {
            return Ok(());
        }
        if deadline.has_passed() {
            return routes::restore(&mut stage.socket, wanted).map_err(Error::from);
        }
        std::thread::sleep(PAUSE);
    }
}

fn router(route: &Route, index: u32) -> Option<Ipv6Addr> {
    match route.gateways_on(index).as_slice() {
        [IpAddr::V6(router)] if router.is_unicast_link_local() => Some(*router),
        _ => None,
    }
}

/// RFC 4861, 4.2 and 4.6.4: type, code, checksum (the kernel's to fill in), hop limit, flags with the preference (RFC 4191,
/// 2.2), lifetime of the route in seconds, and two times that say nothing; then perhaps an MTU.
fn message(route: &Route) -> Vec<u8> {
    let [l0, l1] = u16::try_from(route.seconds_left().unwrap_or(0)).unwrap_or(u16::MAX).to_be_bytes();
    let hop_limit = route.hop_limit().and_then(|limit| u8::try_from(limit).ok()).unwrap_or(0);
    let mut message = vec![ROUTER_ADVERTISEMENT, 0, 0, 0, hop_limit, route.preference() << 3, l0, l1];
    message.extend([0; 8]);
    if let Some(mtu) = route.mtu() {
        message.extend([OPTION_MTU, 1, 0, 0]);
        message.extend(mtu.to_be_bytes());
    }
    message
}

fn send(router: Ipv6Addr, link: u32, message: &[u8]) -> io::Result<()> {
    let raw = socket(AddressFamily::Inet6, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::IcmpV6)?;
    setsockopt(&raw, Ipv6MulticastHops, &HOP_LIMIT)?;
    let address = |address| SockaddrIn6::from(SocketAddrV6::new(address, 0, 0, link));
    bind(raw.as_raw_fd(), &address(router))?;
    sendmsg(raw.as_raw_fd(), &[IoSlice::new(message)], &[], MsgFlags::empty(), Some(&address(ALL_NODES)))?;
    Ok(())
}
