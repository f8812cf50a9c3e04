//! What the host has by its uplink, looked for on the bridge after somebody else has moved it there.

use std::net::IpAddr;
use std::time::Duration;

use nix::errno::Errno;

use super::belongings::Belongings;
use super::ensure::is_open;
use super::error::Error;
use super::gateway::{self, Gateway};
use super::plan::Plan;
use super::relocation::End;
use super::verify;
use crate::deadline::Deadline;
use crate::netlink::address::IFA_F_SECONDARY;
use crate::netlink::{Address, Link, Request, Route, Socket, address, link};

const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// The owner makes the bridge's addresses anew; the kernel needs a second for each, after a delay of up to one, from the moment
/// that the bridge has a carrier (addrconf_dad_kick in net/ipv6/addrconf.c).
const DUPLICATE_DETECTION: Duration = Duration::from_secs(5);

/// What must be found again.
pub struct Witness {
    plan: Plan,
    gateways: Vec<Gateway>,
    check: Duration,
}

impl Witness {
    /// Of what the plan of a takeover would move; asks the routers, for at most `check` (zero asks none).
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    pub fn of(socket: &mut Socket, mut plan: Plan, check: Duration, deadline: Deadline) -> Result<Self, Error> {
        // Of every link its own, or made anew all the time: IPv6 calls a temporary address what IPv4 calls a secondary
        // one (linux/if_addr.h).
        plan.moved.addresses.retain(|address| {
            !(address.is_ipv6() && (address.is_for_link() || address.flags() & IFA_F_SECONDARY != 0))
        });
        plan.placed.retain(|route| !is_for_link(route));
        let gateways = match plan.uplink.as_ref() {
            Some(uplink) if !check.is_zero() => {
                gateway::before(socket, uplink.index, &plan.gateways, deadline.at_most(check)).map_err(Error::unread)?
            }
            _ => Vec::new(),
        };
        Ok(Witness { plan, gateways, check })
    }

    /// How many addresses and routes must be found again.
    pub fn counts(&self) -> (usize, usize) {
        (self.plan.moved.addresses.len(), self.plan.placed.len())
    }

    /// The plan without what routers and DHCPv6 servers give in their own time.
    pub fn owed(&self) -> Plan {
        let mut owed = self.plan.clone();
        owed.moved.addresses.retain(|address| !comes_by_itself(address));
        owed.placed.retain(|route| !(route.is_advertised() || route.is_ipv6() && route.expires()));
        owed
    }

    /// Waits until the bridge has everything and the routers that answered before answer through it. Answers with what
    /// routers and DHCPv6 servers have to give for that, and have not given by `patience`.
    ///
    /// # Errors
    /// One line that says what is missing.
    pub fn is_met(
        &mut self,
        socket: &mut Socket,
        patience: Deadline,
        deadline: Deadline,
    ) -> Result<Vec<String>, String> {
        let unread = |error: crate::netlink::Error| format!("cannot read back: {error}");
        let mut owed = self.owed();
        let given = loop {
            self.find_bridge(socket).map_err(unread)?;
            owed.bridge.index = self.plan.bridge.index;
            let missing = verify::missing(socket, &self.plan).map_err(unread)?;
            if missing.is_empty() {
                break Vec::new();
            }
            let owing = verify::missing(socket, &owed).map_err(unread)?;
            match owing.is_empty() {
                true if patience.has_passed() => break missing,
                false if deadline.has_passed() => return Err(format!("it is without {}", owing.join(", "))),
                _ => std::thread::sleep(BETWEEN_LOOKS),
            }
        };
        self.wait_for_duplicates(socket, deadline.at_most(DUPLICATE_DETECTION)).map_err(unread)?;
        let deadline = deadline.at_most(self.check);
        let silent = gateway::silent_after(socket, self.plan.bridge.index, &self.gateways, deadline).map_err(unread)?;
        match silent.first() {
            Some(router) => Err(format!("router {router} does not answer through it")),
            None => Ok(given),
        }
    }

    /// Before it is known that nobody else has its addresses, the kernel asks no IPv6 router from them.
    fn wait_for_duplicates(&self, socket: &mut Socket, deadline: Deadline) -> Result<(), crate::netlink::Error> {
        let index = self.plan.bridge.index;
        if !self.gateways.iter().any(|gateway| gateway.answers && gateway.address.is_ipv6()) {
            return Ok(());
        }
        loop {
            let addresses = socket.dump::<Address>(address::of_link(index))?;
            let is_settled = addresses.iter().any(Address::is_usable_link_local)
                && !addresses.iter().any(|address| is_open(address, index));
            if is_settled || deadline.has_passed() {
                return Ok(());
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
    }

    /// The uplink, and what of its own must be found again.
    pub fn belongings(&self) -> Option<(&End, &Belongings)> {
        self.plan.uplink.as_ref().map(|uplink| (uplink, &self.plan.moved))
    }

    /// Its index is known only when it is there.
    fn find_bridge(&mut self, socket: &mut Socket) -> Result<(), crate::netlink::Error> {
        let bridge = socket.get::<Link>(link::by_name(&self.plan.bridge.name))?;
        bridge.into_iter().for_each(|bridge| self.plan.bridge.index = bridge.index);
        Ok(())
    }
}

/// Gives the uplink what it had before and has not got again; nothing while it is a port of a bridge.
///
/// # Errors
/// One line that says what it could not be given.
pub fn give_back(socket: &mut Socket, uplink: &End, moved: &Belongings) -> Result<(), String> {
    let unread = |error: crate::netlink::Error| format!("cannot give back: {error}");
    let link = socket.get::<Link>(link::by_index(uplink.index)).map_err(unread)?;
    if link.is_some_and(|link| link.master().is_some()) {
        return Ok(());
    }
    let requests: Vec<Request> = moved.additions(uplink, uplink).into_iter().map(|(_, request)| request).collect();
    let outcomes = socket.batch(&requests).map_err(unread)?;
    let refused = outcomes.into_iter().find_map(|outcome| outcome.err().filter(|e| e.errno != Errno::EEXIST));
    refused.map_or(Ok(()), |error| Err(format!("cannot give back: {error}")))
}

fn comes_by_itself(address: &Address) -> bool {
    address.is_ipv6() && address.can_expire()
}

fn is_for_link(route: &Route) -> bool {
    matches!(route.destination(), Some(IpAddr::V6(network)) if network.is_unicast_link_local())
}
