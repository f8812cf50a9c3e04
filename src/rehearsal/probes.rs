//! Probes between the host's copy and its routers' stand-ins, in both directions, while the engine is at work.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::sockopt::{RcvBufForce, ReceiveTimestampns};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};

use super::Error;
use super::lan::Router;
use super::outage::{Outage, Probe};
use super::stage::Stage;
use crate::bridge::{Plan, Snapshot};
use crate::netlink::{Request, Route};

const INTERVAL: Duration = Duration::from_micros(250);
/// How long a first probe may take: neighbours are asked for on the way.
const GREETING: Duration = Duration::from_millis(100);
/// What was sent last is on its way this long at most.
const LAST: Duration = Duration::from_millis(2);
/// Some seconds of probes, which nobody reads before the end; the kernel counts 768 bytes for each.
const BUFFER: usize = 16 << 20;

/// One direction of one family.
struct Way {
    sender: UdpSocket,
    target: SocketAddr,
    receiver: UdpSocket,
}

/// The ways between a copy and its routers that let probes through.
pub struct Probes(Vec<Way>);

impl Probes {
    /// Finds the ways: to and from the first router of each family.
    ///
    /// # Errors
    /// When the kernel cannot be asked, or the LAN be entered.
    pub fn between(stage: &mut Stage, host: &Snapshot, plan: &Plan, routers: &[Router]) -> Result<Self, Error> {
        let mut ways = Vec::new();
        for is_ipv6 in [false, true] {
            let uplink = plan.uplink.as_ref().map_or(0, |uplink| uplink.index);
            let own = host.addresses.iter().filter(|address| address.index == uplink && !address.is_for_link());
            let own = own.filter_map(|address| address.local()).find(|address| address.is_ipv6() == is_ipv6);
            let router = routers.iter().find(|(address, _)| address.is_ipv6() == is_ipv6);
            if let (Some(own), Some((router, link))) = (own, router) {
                let route = Route::to_prefix(own, if is_ipv6 { 128 } else { 32 }, *link);
                stage.lan_socket.batch(&[Request::add(&route, nix::libc::NLM_F_CREATE)])?;
                // A way that cannot be made is one that is not measured.
                ways.extend(there_and_back(stage, own, *router, *link).into_iter().flatten());
            }
        }
        ways.retain(Way::is_open);
        Ok(Probes(ways))
    }

    /// Sends probes on every way while `work` goes on; nothing where there is no way.
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> (T, Option<Outage>) {
        self.0.iter().for_each(|way| drop(way.arrivals()));
        let senders = self.0.iter().map(|way| Some((way.sender.try_clone().ok()?, way.target)));
        let Some(sending) = senders.collect::<Option<Vec<_>>>().map(Sending::start) else { return (work(), None) };
        let done = work();
        let sent = sending.end();
        std::thread::sleep(LAST);
        let outages = self.0.iter().map(|way| Outage::of(&way.probes(&sent)));
        (done, outages.reduce(Outage::and))
    }
}

fn there_and_back(stage: &Stage, own: IpAddr, router: IpAddr, link: u32) -> io::Result<Vec<Way>> {
    let at_router = || bound(router, link);
    let (sender, receiver) = (stage.on_lan(at_router)?, bound(own, 0)?);
    let mut ways = vec![Way { target: receiver.local_addr()?, sender, receiver }];
    // An address for the link alone can only be sent to by naming the link, which is another one afterwards.
    if !matches!(router, IpAddr::V6(v6) if v6.is_unicast_link_local()) {
        let (sender, receiver) = (bound(own, 0)?, stage.on_lan(at_router)?);
        ways.push(Way { target: receiver.local_addr()?, sender, receiver });
    }
    Ok(ways)
}

/// A socket of the calling thread's namespace, bound to an address as a service's would be.
fn bound(address: IpAddr, link: u32) -> io::Result<UdpSocket> {
    let socket = match address {
        IpAddr::V6(v6) => {
            UdpSocket::bind(SocketAddrV6::new(v6, 0, 0, if v6.is_unicast_link_local() { link } else { 0 }))
        }
        v4 => UdpSocket::bind((v4, 0)),
    }?;
    setsockopt(&socket, RcvBufForce, &BUFFER)?;
    setsockopt(&socket, ReceiveTimestampns, &true)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

impl Way {
    /// Whether a probe gets through, now that nothing happens.
    fn is_open(&self) -> bool {
        let deadline = crate::deadline::Deadline::after(GREETING);
        while !deadline.has_passed() {
            let _ = self.sender.send_to(&u64::MAX.to_ne_bytes(), self.target);
            std::thread::sleep(LAST);
            if !self.arrivals().is_empty() {
                return true;
            }
        }
        false
    }

    /// Each probe that was sent, and when it arrived.
    fn probes(&self, sent: &[u64]) -> Vec<Probe> {
        let mut probes: Vec<Probe> = sent.iter().map(|sent| Probe { sent: *sent, arrived: None }).collect();
        for (number, time) in self.arrivals() {
            let probe = usize::try_from(number).ok().and_then(|number| probes.get_mut(number));
            probe.into_iter().for_each(|probe| probe.arrived = Some(time));
        }
        probes
    }

    /// The numbers of the probes that have arrived, and when the kernel received them.
    fn arrivals(&self) -> Vec<(u64, u64)> {
        let mut arrivals = Vec::new();
        let mut number = [0; 8];
        let mut control = cmsg_space!(TimeSpec);
        loop {
            let mut slices = [IoSliceMut::new(&mut number)];
            let received = recvmsg::<()>(self.receiver.as_raw_fd(), &mut slices, Some(&mut control), MsgFlags::empty());
            let time = match received {
                Ok(received) => received.cmsgs().ok().and_then(|mut messages| {
                    messages.find_map(|message| match message {
                        ControlMessageOwned::ScmTimestampns(time) => Some(nanoseconds(time)),
                        _ => None,
                    })
                }),
                // What came back in words (port unreachable) is no probe.
                Err(Errno::EINTR | Errno::ECONNREFUSED | Errno::EHOSTUNREACH) => continue,
                Err(_) => return arrivals,
            };
            arrivals.extend(time.map(|time| (u64::from_ne_bytes(number), time)));
        }
    }
}

/// A thread that sends.
struct Sending {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Vec<u64>>,
}

impl Sending {
    /// Starts the thread, and waits for its first probes: on a busy machine the engine would be done before it runs.
    fn start(ways: Vec<(UdpSocket, SocketAddr)>) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let (runs, is_running) = mpsc::sync_channel(1);
        let thread = std::thread::spawn(move || {
            let mut sent = Vec::new();
            loop {
                // The last ones go when all is over.
                let is_last = over.load(Ordering::Relaxed);
                let number = sent.len() as u64;
                sent.push(now());
                // One that the kernel refuses to send has not arrived.
                ways.iter().for_each(|(sender, target)| drop(sender.send_to(&number.to_ne_bytes(), target)));
                if is_last {
                    return sent;
                }
                let _ = runs.try_send(());
                std::thread::sleep(INTERVAL);
            }
        });
        let _ = is_running.recv();
        Sending { is_over, thread }
    }

    /// When each probe was sent.
    fn end(self) -> Vec<u64> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

fn now() -> u64 {
    clock_gettime(ClockId::CLOCK_REALTIME).map_or(0, nanoseconds)
}

fn nanoseconds(time: TimeSpec) -> u64 {
    Duration::from(time).as_nanos() as u64
}
