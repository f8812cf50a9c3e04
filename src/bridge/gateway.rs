//! Do the routers answer? Asked through the kernel's own neighbour resolution, which needs no raw socket.

use std::net::IpAddr;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::netlink::{Error, Neighbour, Socket, neighbour};

/// The kernel sends the first question within a tick, and a router on the LAN answers within a millisecond.
const FIRST_PAUSE: Duration = Duration::from_micros(300);
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

/// A router, and how it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// The router's address.
    pub address: IpAddr,
    /// The link-layer address that it had.
    pub mac: Option<Vec<u8>>,
    /// Whether it answered, or an administrator said so for good.
    pub answers: bool,
}

/// Asks which of these routers answer on the link with this index; one whose answer is no older than the kernel's
/// reachable time (30 s) is not asked again.
///
/// # Errors
/// When the kernel cannot be asked.
pub fn before(socket: &mut Socket, index: u32, routers: &[IpAddr], deadline: Deadline) -> Result<Vec<Gateway>, Error> {
    let mut gateways = Vec::new();
    for address in routers {
        let entry = socket.get::<Neighbour>(neighbour::one(index, *address))?;
        let mac = entry.as_ref().and_then(Neighbour::mac).map(<[u8]>::to_vec);
        let answers = entry.is_some_and(|entry| entry.is_reachable() || entry.is_permanent());
        gateways.push(Gateway { address: *address, mac, answers });
    }
    if gateways.iter().any(|gateway| !gateway.answers) {
        question(socket, index, gateways.iter().filter(|gateway| !gateway.answers))?;
        wait(socket, index, &mut gateways, deadline)?;
    }
    Ok(gateways)
}

/// Asks the routers that answered before once more, on another link; answers with those that do not.
///
/// # Errors
/// When the kernel cannot be asked.
pub fn silent_after(
    socket: &mut Socket,
    index: u32,
    before: &[Gateway],
    deadline: Deadline,
) -> Result<Vec<IpAddr>, Error> {
    let mut gateways: Vec<Gateway> = before.iter().filter(|gateway| gateway.answers).cloned().collect();
    for gateway in &mut gateways {
        let entry = socket.get::<Neighbour>(neighbour::one(index, gateway.address))?;
        gateway.answers = entry.is_some_and(|entry| entry.is_permanent());
    }
    loop {
        question(socket, index, gateways.iter().filter(|gateway| !gateway.answers))?;
        wait(socket, index, &mut gateways, deadline)?;
        // With spanning tree a new port forwards nothing at first, for longer than the kernel keeps asking.
        if deadline.has_passed() || gateways.iter().all(|gateway| gateway.answers) {
            break;
        }
    }
    Ok(gateways.into_iter().filter(|gateway| !gateway.answers).map(|gateway| gateway.address).collect())
}

fn question<'a>(socket: &mut Socket, index: u32, gateways: impl Iterator<Item = &'a Gateway>) -> Result<(), Error> {
    let requests: Vec<_> =
        gateways.map(|gateway| neighbour::question(index, gateway.address, gateway.mac.as_deref())).collect();
    for outcome in socket.batch(&requests)? {
        outcome.map_err(Error::Refused)?;
    }
    Ok(())
}

/// Looks until all answer, all have failed, or the deadline has passed.
fn wait(socket: &mut Socket, index: u32, gateways: &mut [Gateway], deadline: Deadline) -> Result<(), Error> {
    let mut pause = FIRST_PAUSE;
    loop {
        let mut open = false;
        for gateway in gateways.iter_mut().filter(|gateway| !gateway.answers) {
            let entry = socket.get::<Neighbour>(neighbour::one(index, gateway.address))?;
            gateway.answers = entry.as_ref().is_some_and(Neighbour::is_reachable);
            if let (true, Some(entry)) = (gateway.answers, &entry) {
                gateway.mac = entry.mac().map(<[u8]>::to_vec);
            }
            open |= !gateway.answers && !entry.is_some_and(|entry| entry.has_failed());
        }
        if !open || deadline.has_passed() {
            return Ok(());
        }
        std::thread::sleep(pause.min(deadline.remaining()));
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
