//! Lets the kernel tell once more what networkd has missed.

use std::fs;
use std::io;
use std::path::Path;

use crate::netlink::{Address, Link, Request, Socket, address, link};
use crate::sysfs;

/// A device of a `.netdev` file is ready for ports when the kernel next tells of it (netdev_set_ifindex in systemd 252),
/// which for a bridge that was there before may be never. Setting its alias to what it is makes the kernel tell.
///
/// # Errors
/// When the alias cannot be read or set.
pub fn link(root: &Path, name: &str) -> io::Result<()> {
    let alias = sysfs::link(root, name).join("ifalias");
    let present = fs::read_to_string(&alias)?;
    fs::write(alias, if present.is_empty() { "\n" } else { &present })
}

/// A link that leaves a bridge is to networkd a new one, of which it knows no route, and so it waits for the prefix of a
/// gateway without end. Setting another metric for that and the old one again makes the kernel tell, and the prefix is
/// never without a route (fib_modify_prefix_metric in net/ipv4/fib_frontend.c).
///
/// # Errors
/// One line that says what the kernel refuses.
pub fn prefixes(name: &str) -> Result<(), String> {
    let unread = |error: crate::netlink::Error| error.to_string();
    let mut socket = Socket::open().map_err(unread)?;
    let Some(link) = socket.get::<Link>(link::by_name(name)).map_err(unread)? else { return Ok(()) };
    let addresses = socket.dump::<Address>(address::of_link(link.index)).map_err(unread)?;
    let lasting = addresses.iter().filter(|address| !address.can_expire() && !address.is_for_link());
    let request = |address: &Address, priority: u32| {
        Request::add(&address.everlasting().with_route_priority(priority), nix::libc::NLM_F_REPLACE)
    };
    let both = |address: &Address| {
        // With none, inet6_addr_modify leaves the metric as it is; this is what none is to it (IP6_RT_PRIO_ADDRCONF).
        let own = if address.is_ipv6() { 256 } else { 0 };
        let priority = address.route_priority().max(own);
        [request(address, priority ^ 1), request(address, priority)]
    };
    let outcomes = socket.batch(&lasting.flat_map(both).collect::<Vec<_>>()).map_err(unread)?;
    outcomes.into_iter().try_for_each(|outcome| outcome.map_err(|error| error.to_string()))
}
