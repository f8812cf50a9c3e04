//! A transfer of DHCP clients between a bridge and its uplink, which whoever comes after a crash brings to its end.

mod record;

use nix::libc::NLM_F_REPLACE;
use nix::sys::signal::Signal;

use crate::bridge::{Lock, Records};
use crate::netlink::{Address, Link, Request, Socket, address, link};
use crate::owner::Client;
use record::Record;

/// Clients that stand still until it is settled where they go on: dhcpcd would answer the move of its addresses with new
/// ones. When this is dropped, they go on where they are.
#[derive(Debug)]
pub struct Transfer {
    record: Record,
    /// Whether an earlier run has begun it; then nobody but whoever settles it knows what is left of its clients.
    is_earlier: bool,
    is_settled: bool,
}

impl Transfer {
    /// Of the clients of `from`, which is the bridge or its uplink; nothing where it has none. One that an earlier run has
    /// begun is gone on with.
    ///
    /// # Errors
    /// When processes cannot be read, or it cannot be written down; then all is as before.
    pub fn begin(_lock: &Lock, bridge: &str, uplink: &str, from: &str) -> Result<Option<Self>, String> {
        if let Some(earlier) = Self::interrupted(bridge)? {
            return Ok(Some(earlier));
        }
        let clients = Client::all_of(from)?;
        if clients.is_empty() {
            return Ok(None);
        }
        let (bridge, uplink, from) = (bridge.to_owned(), uplink.to_owned(), from.to_owned());
        let record = Record { bridge, uplink, from, clients };
        record.write().map_err(|error| format!("cannot write down who has the lease of {}: {error}", record.from))?;
        Transfer { record, is_earlier: false, is_settled: false }.with_clients_held().map(Some)
    }

    /// Of the clients of a bridge that is about to be undone.
    ///
    /// # Errors
    /// As [`Transfer::begin`].
    pub fn leaving(lock: &Lock, bridge: &str) -> Result<Option<Self>, String> {
        let uplink = Records::of(bridge).receipt().ok().flatten().and_then(|receipt| receipt.uplink);
        match uplink {
            Some(uplink) => Self::begin(lock, bridge, &uplink.name, bridge),
            None => Self::interrupted(bridge),
        }
    }

    /// One that an earlier run has begun, and not brought to its end.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn interrupted(bridge: &str) -> Result<Option<Self>, String> {
        let unread = |error| format!("cannot read who has the lease of {bridge}: {error}");
        let Some(record) = Record::of(bridge).map_err(unread)? else { return Ok(None) };
        Transfer { record, is_earlier: true, is_settled: false }.with_clients_held().map(Some)
    }

    /// The bridges that have an interrupted one, by name.
    pub fn interrupted_bridges() -> Vec<String> {
        Record::bridges()
    }

    fn with_clients_held(self) -> Result<Self, String> {
        self.signal(Signal::SIGSTOP)?;
        Ok(self)
    }

    /// Lets the clients go on on the bridge, which has the addresses; answers with what is not as it should be.
    ///
    /// # Errors
    /// One line; then the next run goes on from there.
    pub fn to_bridge(self) -> Result<Vec<String>, String> {
        let (bridge, uplink) = (self.record.bridge.clone(), self.record.uplink.clone());
        self.settle(&uplink, &bridge)
    }

    /// Lets the clients go on on the uplink, which has the addresses; answers with what is not as it should be.
    ///
    /// # Errors
    /// One line; then the next run goes on from there.
    pub fn to_uplink(self) -> Result<Vec<String>, String> {
        let (bridge, uplink) = (self.record.bridge.clone(), self.record.uplink.clone());
        self.settle(&bridge, &uplink)
    }

    fn settle(mut self, from: &str, to: &str) -> Result<Vec<String>, String> {
        self.is_settled = true;
        let nobody = |text: String| format!("{text}; {to} has its address, but nobody renews its lease");
        let mut warnings = Vec::new();
        for client in &self.record.clients {
            if !self.move_client(client, from, to).map_err(nobody)? {
                let owner = client.owner;
                warnings.push(format!("no DHCP server has confirmed the lease on {to} yet; {owner} goes on asking"));
            }
        }
        self.record.remove().map_err(|error| format!("cannot forget that {to} has the lease: {error}"))?;
        Ok(warnings)
    }

    /// Whatever an earlier run has done of it: ended here and not yet started there, or both.
    fn move_client(&self, client: &Client, from: &str, to: &str) -> Result<bool, String> {
        let of_link = |link| Ok::<_, String>(Client::all_of(link)?.into_iter().filter(|other| other.is_like(client)));
        let left = of_link(from)?.collect::<Vec<_>>();
        // A signal that the client could answer would make it take the address away.
        left.iter().try_for_each(|client| client.signal(Signal::SIGKILL))?;
        if let Some(there) = of_link(to)?.next() {
            return there.signal(Signal::SIGCONT).map(|()| true);
        }
        keep_addresses(to).map_err(|error| format!("cannot keep the addresses of {to}: {error}"))?;
        match left.first() {
            Some(left) => left.go_on(from, to),
            None => client.go_on(&self.record.from, to),
        }
    }

    /// To the clients on either link.
    fn signal(&self, signal: Signal) -> Result<(), String> {
        for link in [&self.record.bridge, &self.record.uplink] {
            let is_ours = |client: &Client| self.record.clients.iter().any(|known| known.is_like(client));
            Client::all_of(link)?
                .iter()
                .filter(|client| is_ours(client))
                .try_for_each(|client| client.signal(signal))?;
        }
        Ok(())
    }
}

impl Drop for Transfer {
    /// One that has ended meanwhile needs no word.
    fn drop(&mut self) {
        if self.is_settled {
            return;
        }
        let _ = self.signal(Signal::SIGCONT);
        if !self.is_earlier {
            let _ = self.record.remove();
        }
    }
}

/// dhclient's script, for one, only adds an address at first, which fails where it is there, and leaves it the time that was left
/// of the old lease; the first renewal sets the new one.
fn keep_addresses(link: &str) -> Result<(), String> {
    let unread = |error: crate::netlink::Error| error.to_string();
    let mut socket = Socket::open().map_err(unread)?;
    let Some(link) = socket.get::<Link>(link::by_name(link)).map_err(unread)? else { return Ok(()) };
    let leased = socket.dump::<Address>(address::of_link(link.index)).map_err(unread)?;
    let leased = leased.iter().filter(|address| !address.is_ipv6() && address.can_expire());
    let request = |address: &Address| Request::add(&address.everlasting(), NLM_F_REPLACE);
    let outcomes = socket.batch(&leased.map(request).collect::<Vec<_>>()).map_err(unread)?;
    outcomes.into_iter().try_for_each(|outcome| outcome.map_err(|error| error.to_string()))
}
