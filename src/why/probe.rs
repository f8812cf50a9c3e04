//! Asks routers and the guest, by the kernel's own neighbour resolution, and watches what moves meanwhile.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::facts::Answer;
use super::listener::Listener;
use crate::netlink::{Counters, Error, Link, Neighbour, Request, Socket, link, neighbour};

/// What stands still for so long does not move by itself.
const SHORTEST: Duration = Duration::from_secs(1);
/// The kernel asks three times, a second apart, at the address that it knows; and, asked again, three times everybody.
const LONGEST: Duration = Duration::from_secs(7);
const PAUSE: Duration = Duration::from_millis(50);

/// Who is asked.
#[derive(Clone, Debug)]
pub(super) struct Question {
    /// The link by which.
    pub index: u32,
    pub address: IpAddr,
    /// The MAC address that it had.
    pub mac: Option<Vec<u8>>,
    /// Whether it is waited for: a guest need not have the address that it is asked by.
    pub is_waited_for: bool,
    pub answer: Answer,
}

/// Asks, and waits until everybody that is waited for has answered or is silent, and meanwhile listens to guests, for as
/// long as `patience` or until one of them asks in vain. Answers with how long it took.
pub(super) fn ask(
    socket: &mut Socket,
    questions: &mut [Question],
    mut listener: Option<&mut Listener>,
    patience: Duration,
) -> Result<Duration, Error> {
    let begun = Instant::now();
    let requests: Vec<Request> = questions.iter().map(Question::request).collect();
    for (question, outcome) in questions.iter_mut().zip(socket.batch(&requests)?) {
        question.answer = match outcome {
            Ok(()) => Answer::Silent,
            Err(error) if error.errno == Errno::EPERM => Answer::Unasked,
            Err(error) => return Err(Error::Refused(error)),
        };
    }
    loop {
        std::thread::sleep(PAUSE);
        let mut is_open = false;
        for question in questions.iter_mut().filter(|question| question.answer == Answer::Silent) {
            is_open |= question.look(socket)? && question.is_waited_for;
        }
        let passed = begun.elapsed();
        let is_over = passed >= LONGEST || (passed >= SHORTEST && !is_open);
        let may_hear = listener.as_mut().is_some_and(|listener| {
            listener.listen();
            listener.waits() || passed < patience && !listener.has_found()
        });
        if is_over && !may_hear {
            return Ok(passed);
        }
    }
}

impl Question {
    fn request(&self) -> Request {
        neighbour::question(self.index, self.address, self.mac.as_deref())
    }

    /// Looks whether it has answered; whether it still may.
    fn look(&mut self, socket: &mut Socket) -> Result<bool, Error> {
        let Some(entry) = socket.get::<Neighbour>(neighbour::one(self.index, self.address))? else { return Ok(false) };
        if entry.is_reachable() || entry.is_permanent() {
            self.answer = Answer::Answers;
            return Ok(false);
        }
        if entry.has_failed() && self.mac.take().is_some() {
            // A router that was replaced has another MAC: now everybody is asked.
            for outcome in socket.batch(&[self.request()])? {
                outcome.map_err(Error::Refused)?;
            }
            return Ok(true);
        }
        Ok(!entry.has_failed())
    }
}

/// What has passed every link until now.
pub(super) fn counters(socket: &mut Socket) -> Result<HashMap<String, Counters>, Error> {
    let links: Vec<Link> = socket.dump(link::all_with_counters())?;
    Ok(links.iter().filter_map(|link| Some((link.name(), link.counters()?))).collect())
}

/// The address that a system gives itself by its MAC (RFC 4291, appendix A), as many do.
pub(super) fn link_local(mac: &[u8]) -> Option<IpAddr> {
    let [a, b, c, d, e, f] = mac.try_into().ok()?;
    Some(Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f]).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_local_address_has_the_mac_in_it() {
        let address = link_local(&[0x52, 0x54, 0, 0, 0, 0x30]).unwrap();
        assert_eq!(address.to_string(), "fe80::5054:ff:fe00:30");
    }
}
