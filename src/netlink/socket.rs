//! One socket to the kernel's route netlink: dumps that are whole, batches whose errors find their message.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, OwnedFd};

use netlink_packet_core::{NLM_F_ACK, NLM_F_DUMP, NLMSG_DONE, NLMSG_ERROR};
use nix::errno::Errno;
use nix::sys::socket::sockopt::{RcvBufForce, SndBufForce};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recvmsg, sendmsg, setsockopt, socket,
};
use nix::{libc, setsockopt_impl, sockopt_impl};

use super::message::{Answer, KernelError, Request, answers};
use super::{Malformed, Payload};

sockopt_impl!(
    /// Explains errors in words (Linux 4.12).
    ExtendedAck, SetOnly, libc::SOL_NETLINK, libc::NETLINK_EXT_ACK, bool);
sockopt_impl!(
    /// Leaves the failed message's body out of its error (Linux 4.3).
    CappedAck, SetOnly, libc::SOL_NETLINK, libc::NETLINK_CAP_ACK, bool);
sockopt_impl!(
    /// Refuses dump requests that the kernel would otherwise only half understand (Linux 4.20).
    StrictCheck, SetOnly, libc::SOL_NETLINK, libc::NETLINK_GET_STRICT_CHK, bool);

/// `NLM_F_DUMP_INTR` of linux/netlink.h: something changed while the dump ran, so that it may lack or repeat entries.
const NLM_F_DUMP_INTR: u16 = 0x10;
/// How often a dump that changes made inconsistent is asked for again.
const DUMP_TRIES: usize = 20;
/// A link has about 1.5 KiB. Each page costs a fault, which is felt in a hook that finds nothing to do.
const ONE_OBJECT: usize = 2 * 1024;
/// The kernel fills a dump's datagrams up to what it is given (netlink_dump in af_netlink.c).
const MANY_OBJECTS: usize = 16 * 1024;

/// Why the kernel could not be asked, or what it answered instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// A system call on the socket failed.
    Call(&'static str, Errno),
    /// The kernel refused a request.
    Refused(KernelError),
    /// Some of the kernel's answers were lost: what it did is not known.
    AnswersLost(&'static str),
    /// An answer that is no netlink message.
    Malformed(Malformed),
    /// A dump changed under our hands every time.
    Restless,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Call(call, errno) => write!(f, "netlink {call}: {}", errno.desc()),
            Error::Refused(error) => write!(f, "{error}"),
            Error::AnswersLost(why) => write!(f, "netlink answers were lost: {why}"),
            Error::Malformed(Malformed(what)) => write!(f, "malformed netlink message: {what}"),
            Error::Restless => write!(f, "the host's network state changed during each of {DUMP_TRIES} readings"),
        }
    }
}

impl std::error::Error for Error {}

impl From<Malformed> for Error {
    fn from(malformed: Malformed) -> Self {
        Error::Malformed(malformed)
    }
}

/// A route netlink socket, used by one thread, one request or batch at a time.
pub struct Socket {
    fd: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
    is_strict: bool,
}

impl Socket {
    /// Opens a route netlink socket.
    ///
    /// # Errors
    /// When the process may not use it.
    pub fn open() -> Result<Self, Error> {
        Self::open_protocol(SockProtocol::NetlinkRoute)
    }

    /// Opens a socket of another netlink family.
    ///
    /// SOCK_RAW, because AppArmor's libvirtd profile allows `network netlink raw` only.
    ///
    /// # Errors
    /// When the kernel does not have it or the process may not use it.
    pub(super) fn open_protocol(protocol: SockProtocol) -> Result<Self, Error> {
        let fd =
            socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol).map_err(call("socket"))?;
        Ok(Socket { fd, sequence: 0, buffer: vec![0; ONE_OBJECT], is_strict: false })
    }

    /// Makes the kernel explain errors, and refuse what it only half understands.
    ///
    /// A question for one object needs neither: it is found or not, and a hook asks nothing else where all is right.
    fn be_strict(&mut self) -> Result<(), Error> {
        if !self.is_strict {
            setsockopt(&self.fd, ExtendedAck, &true).map_err(call("setsockopt NETLINK_EXT_ACK"))?;
            setsockopt(&self.fd, CappedAck, &true).map_err(call("setsockopt NETLINK_CAP_ACK"))?;
            setsockopt(&self.fd, StrictCheck, &true).map_err(call("setsockopt NETLINK_GET_STRICT_CHK"))?;
            self.is_strict = true;
        }
        Ok(())
    }

    /// Asks for every object of a kind; `filter` is the request's payload (a family, perhaps a link).
    ///
    /// # Errors
    /// When the kernel refuses, or the state never holds still.
    pub fn dump<T: Payload>(&mut self, filter: Vec<u8>) -> Result<Vec<T>, Error> {
        self.be_strict()?;
        if self.buffer.len() < MANY_OBJECTS {
            self.buffer.resize(MANY_OBJECTS, 0);
        }
        let request = Request { kind: T::GET, flags: NLM_F_DUMP, payload: filter };
        for _ in 0..DUMP_TRIES {
            if let Some(objects) = self.dump_once(&request)? {
                return Ok(objects);
            }
        }
        Err(Error::Restless)
    }

    /// One dump; nothing when it was interrupted by a change or did not fit the buffer.
    fn dump_once<T: Payload>(&mut self, request: &Request) -> Result<Option<Vec<T>>, Error> {
        let sequence = self.send(std::slice::from_ref(request), 0)?;
        let mut objects = Vec::new();
        let mut whole = true;
        loop {
            let Some(length) = self.receive()? else {
                self.drain(sequence)?;
                return Ok(None);
            };
            for answer in answers(&self.buffer[..length]) {
                let answer = answer?;
                if answer.sequence != sequence {
                    continue;
                }
                whole &= answer.flags & NLM_F_DUMP_INTR == 0;
                match answer.kind {
                    NLMSG_DONE => {
                        // The number is only an error when it is negative: some dumps end with their length.
                        return match answer.outcome()? {
                            Err(error) if (error.errno as i32) > 0 => Err(Error::Refused(error)),
                            _ => Ok(whole.then_some(objects)),
                        };
                    }
                    NLMSG_ERROR => answer.outcome()?.map_err(Error::Refused)?,
                    kind if kind == T::NEW => objects.push(T::parse(answer.payload)?),
                    _ => {}
                }
            }
        }
    }

    /// Asks for one object; nothing when the kernel knows none such.
    ///
    /// # Errors
    /// When the kernel refuses for another reason.
    pub fn get<T: Payload>(&mut self, payload: Vec<u8>) -> Result<Option<T>, Error> {
        self.get_each([payload]).map(|[object]| object)
    }

    /// Asks for several objects in one call.
    ///
    /// # Errors
    /// As [`Socket::get`].
    pub fn get_each<T: Payload, const N: usize>(&mut self, payloads: [Vec<u8>; N]) -> Result<[Option<T>; N], Error> {
        let requests = payloads.map(|payload| Request { kind: T::GET, flags: 0, payload });
        loop {
            if let Some(objects) = self.get_once(&requests)? {
                return Ok(objects);
            }
        }
    }

    /// Nothing when an answer did not fit the buffer.
    fn get_once<T: Payload, const N: usize>(
        &mut self,
        requests: &[Request; N],
    ) -> Result<Option<[Option<T>; N]>, Error> {
        let first = self.send(requests, 0)?.wrapping_sub(N as u32 - 1);
        let mut objects = [const { None }; N];
        let mut left = N;
        while left > 0 {
            let Some(length) = self.receive()? else { return Ok(None) };
            for answer in answers(&self.buffer[..length]) {
                let answer = answer?;
                let Some(object) = objects.get_mut(answer.sequence.wrapping_sub(first) as usize) else { continue };
                match answer.kind {
                    kind if kind == T::NEW => *object = Some(T::parse(answer.payload)?),
                    NLMSG_ERROR => match answer.outcome()? {
                        Err(KernelError { errno: Errno::ENODEV | Errno::ENOENT | Errno::ESRCH, .. }) | Ok(()) => {}
                        Err(error) => return Err(Error::Refused(error)),
                    },
                    _ => continue,
                }
                left -= 1;
            }
        }
        Ok(Some(objects))
    }

    /// Gives the kernel all requests in one `sendmsg`, which it works through before the call returns: a signal
    /// cannot stop it in between. Answers with each request's outcome, in order.
    ///
    /// A failed request does not stop those behind it (netlink_rcv_skb in af_netlink.c). Errors are answered for
    /// every request, success only for the last one, which thereby vouches for all.
    ///
    /// # Errors
    /// When the batch could not be sent (then nothing of it was done) or answers were lost (then what was done is
    /// not known).
    pub fn batch(&mut self, requests: &[Request]) -> Result<Vec<Result<(), KernelError>>, Error> {
        let mut outcomes = vec![Ok(()); requests.len()];
        if requests.is_empty() {
            return Ok(outcomes);
        }
        self.be_strict()?;
        self.make_room(requests)?;
        let last = self.send(requests, NLM_F_ACK)?;
        let first = last.wrapping_sub(requests.len() as u32 - 1);
        loop {
            let Some(length) = self.receive()? else {
                return Err(Error::AnswersLost("an answer was larger than the buffer"));
            };
            for answer in answers(&self.buffer[..length]) {
                let answer: Answer = answer?;
                let index = answer.sequence.wrapping_sub(first) as usize;
                if answer.kind != NLMSG_ERROR || index >= requests.len() {
                    continue;
                }
                outcomes[index] = answer.outcome()?;
                if answer.sequence == last {
                    return Ok(outcomes);
                }
            }
        }
    }

    /// A batch must fit the send buffer at once, and its errors the receive buffer.
    fn make_room(&mut self, requests: &[Request]) -> Result<(), Error> {
        const USUAL: usize = 100 * 1024;
        // An error takes a socket buffer of about 1 KiB, whatever little it says.
        const ERROR: usize = 1024;
        let bytes: usize = requests.iter().map(|request| request.payload.len() + 32).sum();
        if bytes > USUAL {
            setsockopt(&self.fd, SndBufForce, &bytes).map_err(call("setsockopt SO_SNDBUFFORCE"))?;
        }
        if requests.len() * ERROR > USUAL {
            setsockopt(&self.fd, RcvBufForce, &(requests.len() * ERROR)).map_err(call("setsockopt SO_RCVBUFFORCE"))?;
        }
        Ok(())
    }

    /// Sends the requests in one call, with `last_flags` on the last; answers with the last one's sequence number.
    fn send(&mut self, requests: &[Request], last_flags: u16) -> Result<u32, Error> {
        let mut bytes = Vec::new();
        for (position, request) in requests.iter().enumerate() {
            self.sequence = self.sequence.wrapping_add(1);
            let flags = if position + 1 == requests.len() { last_flags } else { 0 };
            request.encode(self.sequence, flags, &mut bytes);
        }
        let kernel = NetlinkAddr::new(0, 0);
        let sent = sendmsg(self.fd.as_raw_fd(), &[IoSlice::new(&bytes)], &[], MsgFlags::empty(), Some(&kernel))
            .map_err(call("sendmsg"))?;
        debug_assert_eq!(sent, bytes.len(), "netlink takes a datagram whole or not at all");
        Ok(self.sequence)
    }

    /// Receives one datagram from the kernel into the buffer, without waiting: the kernel answers inside of `sendmsg`, and
    /// goes on with a dump inside of `recvmsg` (netlink_unicast_kernel, netlink_recvmsg in af_netlink.c). Nothing when it was larger, in which case the buffer
    /// has grown for the next try.
    fn receive(&mut self) -> Result<Option<usize>, Error> {
        loop {
            let mut slices = [IoSliceMut::new(&mut self.buffer)];
            let received = match recvmsg::<NetlinkAddr>(self.fd.as_raw_fd(), &mut slices, None, MsgFlags::MSG_DONTWAIT)
            {
                Ok(received) => received,
                Err(Errno::EINTR) => continue,
                Err(Errno::ENOBUFS) => return Err(Error::AnswersLost("the receive buffer was full")),
                Err(Errno::EAGAIN) => return Err(Error::AnswersLost("the kernel did not answer")),
                Err(errno) => return Err(Error::Call("recvmsg", errno)),
            };
            let (bytes, truncated) = (received.bytes, received.flags.contains(MsgFlags::MSG_TRUNC));
            // Any process may send to our port; only the kernel has port 0, and it answers to the port that asked.
            if received.address.is_some_and(|sender| sender.pid() != 0) {
                continue;
            }
            if truncated {
                let larger = self.buffer.len() * 2;
                self.buffer.resize(larger, 0);
                return Ok(None);
            }
            return Ok(Some(bytes));
        }
    }

    /// Reads the rest of a dump that is given up, so that the next request finds an idle socket.
    fn drain(&mut self, sequence: u32) -> Result<(), Error> {
        loop {
            let Some(length) = self.receive()? else { continue };
            for answer in answers(&self.buffer[..length]) {
                let answer = answer?;
                if answer.sequence == sequence && matches!(answer.kind, NLMSG_DONE | NLMSG_ERROR) {
                    return Ok(());
                }
            }
        }
    }
}

fn call(name: &'static str) -> impl Fn(Errno) -> Error {
    move |errno| Error::Call(name, errno)
}
