//! The copies of links in operation: up, with carriers and spanning trees, as on the host.

use std::time::Duration;

use nix::libc;

use super::Error;
use super::links::{Links, lower, outcome};
use super::stage::Stage;
use crate::bridge::Snapshot;
use crate::deadline::Deadline;
use crate::netlink::link_copy::set_flags;
use crate::netlink::{Link, Socket, link};

/// The kernel may put off what is not urgent for a second (linkwatch_schedule_work in net/core/link_watch.c).
const PATIENCE: Duration = Duration::from_millis(1100);
const PAUSE: Duration = Duration::from_millis(2);

impl Links {
    /// Brings those up that are up, what stands below before what stands on it; a cable that is out stays out. Links with
    /// a hop of a route that waits for them are up until the route is there.
    pub fn bring_up(&mut self, stage: &mut Stage, host: &Snapshot) -> Result<(), Error> {
        for original in &host.links {
            let has_cable = !original.is_up() || original.carrier() != Some(false);
            if let Some(cable) = self.cables.get(&original.index).filter(|_| has_cable) {
                let cable = stage.lan_socket.get::<Link>(link::by_name(cable))?;
                let up = cable.map(|cable| link::set_up(cable.index, true));
                stage.lan_socket.batch(up.as_slice())?;
            }
        }
        let stands_on_another = |link: &&Link| lower(host, link).is_some();
        for are_above in [false, true] {
            for original in host.links.iter().filter(|link| stands_on_another(link) == are_above) {
                let up = if waits_for(host, original) { libc::IFF_UP as u32 } else { 0 };
                let outcome = outcome(&mut stage.socket, set_flags(self.index(original.index), original.flags | up))?;
                self.notes.extend(outcome.map(|why| format!("{} being up: {why}", original.name())));
            }
        }
        Ok(())
    }

    /// Brings those down again that were up only for the sake of routes.
    pub fn bring_down(&self, socket: &mut Socket, host: &Snapshot) -> Result<(), Error> {
        for original in host.links.iter().filter(|link| waits_for(host, link)) {
            outcome(socket, link::set_up(self.index(original.index), false))?;
        }
        Ok(())
    }

    /// Gives bridges their spanning tree, now that their ports forward.
    pub fn give_spanning_trees(&mut self, socket: &mut Socket, host: &Snapshot) -> Result<(), Error> {
        for bridge in host.links.iter().filter(|link| link.is_bridge()) {
            let Some(copy) = socket.get::<Link>(link::by_index(self.index(bridge.index)))? else { continue };
            let parameters = bridge.bridge_parameters().unwrap_or_default().difference(&copy);
            for request in link::set_bridge_parameters(self.index(bridge.index), parameters) {
                let refused = outcome(socket, request)?;
                self.notes.extend(refused.map(|why| format!("{parameters} of {}: {why}", bridge.name())));
            }
        }
        Ok(())
    }

    /// Waits until the kernel has noticed the carriers of all links, a bridge's after its ports': asked for one, it looks
    /// (linkwatch_sync_dev, since Linux 6.8).
    pub fn settle(&self, socket: &mut Socket, host: &Snapshot) -> Result<(), Error> {
        let deadline = Deadline::after(PATIENCE);
        let up: Vec<&Link> = host.links.iter().filter(|link| link.is_up()).collect();
        loop {
            let mut is_settled = true;
            for original in &up {
                let copy = socket.get::<Link>(link::by_index(self.index(original.index)))?;
                is_settled &= copy.is_some_and(|copy| is_like(original, &copy));
            }
            if is_settled || deadline.has_passed() {
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
    }
}

fn is_like(original: &Link, copy: &Link) -> bool {
    copy.carrier() == original.carrier() && (copy.carrier() != Some(true) || copy.is_in_operation())
}

/// Whether a hop of some route waits for a link that is down: a new one would not be taken.
fn waits_for(host: &Snapshot, link: &Link) -> bool {
    !link.is_up() && host.routes.iter().any(|route| route.is_dead_by(link.index))
}
