//! The addresses of a move.

use super::{BACK, End, REPLACE, Relocation};
use crate::bridge::belongings::Belongings;
use crate::bridge::prefix_route::prefix_route_of;
use crate::bridge::snapshot::Snapshot;
use crate::bridge::step::{CREATE_NEW, PRESENT, Step};
use crate::netlink::address::{IFA_F_NODAD, IFA_F_TENTATIVE};
use crate::netlink::{Address, Route};

/// What the steps are good for, as people are told.
const REACHED: &str = "the host is reached there from now on";
const UNREADY: &str = "before its search for duplicates has found none, the kernel uses it for nothing";
const DETECTION: &str = "it was added without the search for duplicates, which takes a second";
const UNASKED: &str = "the kernel has made it with an address, and somebody had taken it away";

/// The addresses that the new link has and cannot use, although the old one can: the kernel makes a link-local address
/// for every link that comes up, a bridge's port as well, and searches for its duplicates.
pub(super) fn unready<'a>(to: &End, belongings: &Belongings, snapshot: &'a Snapshot) -> Vec<&'a Address> {
    let is_usable_there = |unready: &Address| {
        belongings.addresses.iter().any(|address| address.is_usable() && address.essence() == unready.essence())
    };
    let of_the_link = snapshot.addresses.iter().filter(|address| address.index == to.index);
    of_the_link.filter(|address| !address.is_usable() && is_usable_there(address)).collect()
}

impl Relocation {
    /// A primary goes before its secondaries; IPv6 addresses go backwards, since the kernel puts each in front of the
    /// others of its scope (ipv6_link_dev_addr in net/ipv6/addrconf.c), and their order chooses among equal sources.
    pub(super) fn addresses(&mut self, from: &End, to: &End, belongings: &Belongings, unready: &[&Address]) {
        let addresses = &belongings.addresses;
        let ipv4 = addresses.iter().filter(|address| !address.is_ipv6());
        let ipv6 = addresses.iter().rev().filter(|address| address.is_ipv6());
        for address in ipv4.chain(ipv6) {
            let mut moved = address.moved(to.index, &from.name, &to.name);
            if address.is_ipv6() && address.flags() & IFA_F_TENTATIVE == 0 {
                moved = moved.without_detection();
            }
            if let Some(unready) = unready.iter().find(|unready| unready.essence() == address.essence()) {
                let what = format!("remove address {address} from {} before it is added", to.name);
                self.place.push(Step::remove(what, UNREADY, &unready.key()));
                let back = unready.moved(to.index, &to.name, &to.name);
                let what = format!("add address {address} to {} as it was", to.name);
                self.retract.push(Step::add(what, BACK, &back, CREATE_NEW).unless(PRESENT));
            }
            self.place.push(
                Step::add(format!("add address {address} to {}", to.name), REACHED, &moved, CREATE_NEW).unless(PRESENT),
            );
            self.retract.push(Step::remove(format!("remove address {address} from {}", to.name), BACK, &moved.key()));
        }
    }

    /// Takes the mark off that skipped the detection (inet6_addr_modify in net/ipv6/addrconf.c), where there was none.
    pub(super) fn settle_addresses(&mut self, from: &End, to: &End, belongings: &Belongings) {
        for address in
            belongings.addresses.iter().filter(|address| address.is_ipv6() && address.flags() & IFA_F_NODAD == 0)
        {
            let moved = address.moved(to.index, &from.name, &to.name);
            self.settle.push(Step::add(
                format!("let {address} on {} be as it was", to.name),
                DETECTION,
                &moved,
                REPLACE,
            ));
        }
    }

    /// Somebody took a prefix route away and the kernel has made it anew with the address.
    pub(super) fn unasked_prefix_routes(&mut self, to: &End, addresses: &[Address], asked: [&Vec<Route>; 2]) {
        for address in addresses {
            let Some(unasked) = prefix_route_of(address, to.index) else { continue };
            if !asked.into_iter().flatten().any(|route| route.slot() == unasked.slot()) {
                self.settle.push(Step::remove(format!("remove route {unasked} by {}", to.name), UNASKED, &unasked));
            }
        }
    }
}
