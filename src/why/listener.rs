//! Listens to what guests ask their LAN for, at their taps and at the bridge's uplink.
//!
//! A packet socket sees a frame that comes in before any filter of the host does, and one that goes out behind all of them
//! (__netif_receive_skb_core and xmit_one in net/core/dev.c).

use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::libc::PACKET_OUTGOING;
use nix::sys::socket::{AddressFamily, LinkAddr, SockFlag, SockProtocol, SockType, recvfrom, socket};
use socket2::SockRef;

use super::facts::Subnet;
use super::filter;
use super::frame::{self, Mac, Request};
use super::trace::{Place, Trace};

/// As much of a frame as is read; the kind of a DHCP message stands among its first options.
const LENGTH: usize = 512;

/// How long an answer may take: a DHCP server looks first whether anybody has the address, dnsmasq for 3 s.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a filter's program has room for: its jumps are a byte long.
const MOST_LINKS: usize = 250;

/// Where a guest's frames pass, and what is known of its LAN.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub guest: Mac,
    pub tap: u32,
    pub uplink: u32,
    /// Those that should answer it.
    pub routers: Vec<IpAddr>,
    /// Whether one advertises itself to this host.
    pub is_advertised: bool,
    pub subnets: Vec<Subnet>,
}

/// A packet socket, and what it has heard on each way.
pub(super) struct Listener {
    socket: OwnedFd,
    heard: Vec<(Way, Vec<Trace>)>,
    last_question: Option<Instant>,
}

impl Listener {
    /// Nothing where there is nothing to listen to, or this process lacks the capability CAP_NET_RAW.
    pub fn on(ways: Vec<Way>) -> Option<Self> {
        let mut links: Vec<u32> = ways.iter().flat_map(|way| [way.tap, way.uplink]).collect();
        links.sort_unstable();
        links.dedup();
        if links.is_empty() || links.len() > MOST_LINKS {
            return None;
        }
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthAll).ok()?;
        SockRef::from(&socket).attach_filter(&filter::program(&links, LENGTH as u32)).ok()?;
        let heard = ways.into_iter().map(|way| (way, Vec::new())).collect();
        Some(Listener { socket, heard, last_question: None })
    }

    /// Takes in what has come until now.
    pub fn listen(&mut self) {
        let mut buffer = [0; LENGTH];
        while let Ok((length, Some(from))) = recvfrom::<LinkAddr>(self.socket.as_raw_fd(), &mut buffer) {
            // What was longer is told by its whole length.
            let Some(message) = frame::parse(&buffer[..length.min(LENGTH)]) else { continue };
            let link = from.ifindex() as u32;
            for (way, traces) in self.heard.iter_mut().filter(|(way, _)| message.is_of(way.guest)) {
                let place = match link {
                    link if link == way.tap => Place::Tap,
                    link if link == way.uplink => Place::Uplink,
                    _ => continue,
                };
                if Trace::follow(traces, &message, place, from.pkttype() == PACKET_OUTGOING) {
                    self.last_question = Some(Instant::now());
                }
            }
        }
    }

    /// Whether an answer may still come.
    pub fn waits(&self) -> bool {
        self.has_open_question() && !self.is_patience_over()
    }

    /// Whether a question was left without its answer, so that more cannot be learnt.
    pub fn has_found(&self) -> bool {
        self.has_open_question() && self.is_patience_over()
    }

    fn has_open_question(&self) -> bool {
        let matters = |way: &Way, trace: &Trace| match trace.request {
            Request::Neighbour(address) => way.routers.contains(&address) || trace.elsewhere(&way.subnets).is_some(),
            Request::Router => way.is_advertised,
            Request::Lease | Request::Lease6 => true,
        };
        self.heard.iter().any(|(way, traces)| traces.iter().any(|trace| !trace.is_answered && matters(way, trace)))
    }

    fn is_patience_over(&self) -> bool {
        self.last_question.is_some_and(|asked| asked.elapsed() > PATIENCE)
    }

    /// What was heard of the guest behind this tap.
    pub fn traces(&self, tap: u32) -> Vec<Trace> {
        self.heard.iter().filter(|(way, _)| way.tap == tap).flat_map(|(_, traces)| traces.clone()).collect()
    }
}
