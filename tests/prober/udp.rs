//! Numbered probes between the two namespaces.

use std::{
    collections::BTreeMap,
    io::{self, IoSliceMut},
    net::{IpAddr, SocketAddr, UdpSocket},
    os::fd::AsRawFd,
    path::Path,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use nix::{
    cmsg_space,
    errno::Errno,
    sys::{
        socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt},
        time::TimeSpec,
    },
};

use crate::{
    clock::{Pauses, Ticker, nanoseconds, wall_ns},
    namespace,
    silence::Arrival,
};

/// More than a second of probes, so that the receiver may be late without losing any.
const BUFFER: usize = 16 << 20;
const GREETING: u64 = u64::MAX;
const GREETING_TIME: Duration = Duration::from_secs(3);

/// One direction of one family.
pub struct Stream<'a> {
    pub name: String,
    sender: &'a UdpSocket,
    target: SocketAddr,
    receiver: &'a UdpSocket,
}

/// What became of one stream's numbers on the sending side.
#[derive(Default)]
pub struct Sent {
    pub count: u64,
    /// Numbers that the kernel refused to send, by errno; they count as sent, so they also count as lost.
    pub refused: BTreeMap<String, u64>,
}

/// A socket of the namespace at `path`, bound to `address` as a service's would be, and to no device.
pub fn open(path: &Path, address: IpAddr) -> io::Result<UdpSocket> {
    namespace::inside(path, || {
        let socket = UdpSocket::bind((address, 0))
            .map_err(|error| io::Error::new(error.kind(), format!("bind {address}: {error}")))?;
        setsockopt(&socket, sockopt::RcvBufForce, &BUFFER)?;
        setsockopt(&socket, sockopt::SndBufForce, &BUFFER)?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    })
}

impl<'a> Stream<'a> {
    pub fn new(name: String, sender: &'a UdpSocket, receiver: &'a UdpSocket) -> io::Result<Self> {
        Ok(Stream { name, sender, target: receiver.local_addr()?, receiver })
    }

    fn send(&self, number: u64) -> io::Result<()> {
        let mut probe = [0; 16];
        probe[..8].copy_from_slice(&number.to_be_bytes());
        probe[8..].copy_from_slice(&wall_ns().to_be_bytes());
        self.sender.send_to(&probe, self.target).map(drop)
    }

    /// The next probe in the receiver's queue, with the time at which the kernel took it in.
    fn next(&self) -> io::Result<Option<Arrival>> {
        let mut probe = [0; 16];
        let mut control = cmsg_space!(TimeSpec);
        let mut parts = [IoSliceMut::new(&mut probe)];
        let fd = self.receiver.as_raw_fd();
        let message = match recvmsg::<SockaddrStorage>(fd, &mut parts, Some(&mut control), MsgFlags::MSG_DONTWAIT) {
            Ok(message) => message,
            Err(Errno::EAGAIN) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let stamp = message.cmsgs()?.find_map(|control| match control {
            ControlMessageOwned::ScmTimestampns(time) => Some(nanoseconds(time)),
            _ => None,
        });
        let received_ns = stamp.ok_or_else(|| io::Error::other("the kernel put no timestamp on a probe"))?;
        let word = |at: usize| u64::from_be_bytes(std::array::from_fn(|index| probe[at + index]));
        Ok(Some(Arrival { number: word(0), sent_ns: word(8), received_ns }))
    }
}

/// Waits until a greeting has come through on every stream, so that a measurement starts with all neighbours known.
pub fn greet(streams: &[Stream]) -> io::Result<()> {
    let end = Instant::now() + GREETING_TIME;
    for stream in streams {
        while stream.next()?.is_none() {
            if Instant::now() > end {
                let text = format!("no probe came through on {} in {GREETING_TIME:?}", stream.name);
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            // A refusal here is the same as a loss: the next greeting may get through.
            let _ = stream.send(GREETING);
            thread::sleep(Duration::from_millis(10));
        }
    }
    Ok(())
}

/// Sends one probe on each stream every `interval`, until `stop`.
pub fn send(streams: &[Stream], interval: Duration, stop: &AtomicBool) -> io::Result<(Vec<Sent>, Pauses)> {
    let mut ticker = Ticker::every(interval)?;
    let mut sent: Vec<Sent> = streams.iter().map(|_| Sent::default()).collect();
    while !stop.load(Relaxed) {
        ticker.wait();
        for (stream, sent) in streams.iter().zip(&mut sent) {
            if let Err(error) = stream.send(sent.count) {
                *sent.refused.entry(errno_name(&error)).or_default() += 1;
            }
            sent.count += 1;
        }
    }
    Ok((sent, ticker.pauses()))
}

/// Collects arrivals until `stop`; the kernel's timestamps make it irrelevant how late that happens.
pub fn receive(streams: &[Stream], stop: &AtomicBool) -> io::Result<Vec<Vec<Arrival>>> {
    let mut arrivals: Vec<Vec<Arrival>> = streams.iter().map(|_| Vec::new()).collect();
    loop {
        let last = stop.load(Relaxed);
        for (stream, arrivals) in streams.iter().zip(&mut arrivals) {
            while let Some(arrival) = stream.next()? {
                arrivals.push(arrival);
            }
        }
        if last {
            return Ok(arrivals);
        }
        thread::sleep(Duration::from_millis(10));
    }
}

pub fn errno_name(error: &io::Error) -> String {
    error.raw_os_error().map_or_else(|| error.to_string(), |code| format!("{:?}", Errno::from_raw(code)))
}
