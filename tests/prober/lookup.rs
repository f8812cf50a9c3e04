//! Asks the kernel again and again for the way to some addresses.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket},
    path::Path,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use crate::{
    clock::{Pauses, Ticker, wall_ns},
    namespace,
    udp::errno_name,
};

/// Between two rounds, so that the loop leaves the other processor to the command under test.
const INTERVAL: Duration = Duration::from_micros(50);

/// The answers for one address.
pub struct Answers {
    /// The source address that the kernel chose at first, and must go on to choose.
    source: IpAddr,
    pub lookups: u64,
    /// Lookups that failed, by errno.
    pub failed: BTreeMap<String, u64>,
    pub other_source: u64,
    /// From the last good answer before a bad one to the next good one.
    pub longest_without_ns: u64,
    good_ns: u64,
    failing: bool,
}

/// Looks up every address, by turns, until `stop`, in the namespace at `path`.
///
/// connect(2) on a datagram socket is a route lookup and a choice of source address as any program gets them. Unlike
/// RTM_GETROUTE (IPv4: under the RTNL lock, net/ipv4/route.c) it can see the states *inside* a netlink request.
pub fn watch(path: &Path, addresses: &[IpAddr], stop: &AtomicBool) -> io::Result<(Vec<Answers>, Pauses)> {
    namespace::inside(path, || {
        let mut answers = addresses.iter().map(|&address| Answers::begin(address)).collect::<io::Result<Vec<_>>>()?;
        let mut ticker = Ticker::every(INTERVAL)?;
        while !stop.load(Relaxed) {
            ticker.wait();
            for (&address, answers) in addresses.iter().zip(&mut answers) {
                answers.note(source(address), wall_ns());
            }
        }
        Ok((answers, ticker.pauses()))
    })
}

impl Answers {
    fn begin(address: IpAddr) -> io::Result<Self> {
        let source = source(address)
            .map_err(|error| io::Error::new(error.kind(), format!("look up {address} at the start: {error}")))?;
        Ok(Answers {
            source,
            lookups: 0,
            failed: BTreeMap::new(),
            other_source: 0,
            longest_without_ns: 0,
            good_ns: wall_ns(),
            failing: false,
        })
    }

    fn note(&mut self, answer: io::Result<IpAddr>, now_ns: u64) {
        let was_failing = self.failing;
        self.lookups += 1;
        self.failing = answer.as_ref().ok() != Some(&self.source);
        match answer {
            Ok(source) => self.other_source += u64::from(source != self.source),
            Err(error) => *self.failed.entry(errno_name(&error)).or_default() += 1,
        }
        if self.failing || was_failing {
            self.longest_without_ns = self.longest_without_ns.max(now_ns - self.good_ns);
        }
        if !self.failing {
            self.good_ns = now_ns;
        }
    }
}

/// The source address that the kernel chooses for `destination`.
fn source(destination: IpAddr) -> io::Result<IpAddr> {
    let any: IpAddr = match destination {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect((destination, 9))?;
    Ok(socket.local_addr()?.ip())
}
