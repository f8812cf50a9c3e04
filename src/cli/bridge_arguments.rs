//! What `plan` and `up` are told.

use std::path::Path;

use super::exit::Failure;
use super::network::{self, Network};
use crate::bridge::Wanted;
use crate::config::Uplink;
use crate::confirmation::{Keeper, Promise};

#[derive(clap::Args)]
pub struct BridgeArguments {
    /// The bridge
    #[arg(value_parser = super::link_name)]
    pub bridge: String,
    /// The link that leads to the LAN: a name, mac:…, auto or none [default: as configured]
    #[arg(long, value_name = "NIC", value_parser = super::uplink)]
    uplink: Option<Uplink>,
    /// Write the bridge into the configuration of whoever configures the uplink at boot, so that it lasts
    #[arg(long)]
    persist: bool,
    /// Define this libvirt network for the bridge's guests, start it, and let it start at boot, by virsh
    #[arg(long, value_name = "NETWORK", value_parser = crate::config::destination_name)]
    network: Option<String>,
    /// Try it first on a copy of this host that nobody sees: same kernel, same state, and undone again
    #[arg(long)]
    pub rehearse: bool,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

impl BridgeArguments {
    /// The network that is wanted beside the bridge, and what it lacks.
    pub fn network(&self) -> Result<Option<Network>, Failure> {
        let Some(name) = &self.network else { return Ok(None) };
        let network = network::plan(name, &self.bridge)?;
        let configured = super::configured(&self.bridge)?;
        let is_forgotten = configured.uplink == Uplink::None && !configured.persist && !self.persist;
        Ok(Some(if is_forgotten { network.with_forgotten_uplink(&self.bridge) } else { network }))
    }

    /// What is left of these to do once the takeover is confirmed; nothing where it is all.
    pub fn promise(&self, is_lasting: bool, keeper: Option<Keeper>) -> Option<Promise> {
        (is_lasting || self.network.is_some()).then(|| Promise {
            bridge: self.bridge.clone(),
            uplink: self.uplink.as_ref().map(Uplink::to_string),
            persist: is_lasting,
            network: self.network.clone(),
            keeper,
        })
    }

    /// What does that.
    ///
    /// # Errors
    /// When the promise is not one of ours.
    pub fn of_promise(promise: &Promise) -> Result<Self, String> {
        Ok(BridgeArguments {
            bridge: promise.bridge.clone(),
            uplink: promise.uplink.as_ref().map(|uplink| uplink.parse()).transpose()?,
            persist: promise.persist,
            network: promise.network.clone(),
            rehearse: false,
            json: false,
        })
    }

    /// The bridge as the configuration has it, with the uplink of the command line where one is given.
    pub fn wanted(&self) -> Result<Wanted, Failure> {
        self.wanted_below("/".as_ref())
    }

    /// The same for the configuration below another directory.
    pub fn wanted_below(&self, root: &Path) -> Result<Wanted, Failure> {
        let config = super::config_below(root)?;
        let configured = Wanted::configured(&self.bridge, config.bridges.get(&self.bridge));
        let wanted = Wanted { persist: self.persist || configured.persist, ..configured };
        Ok(match &self.uplink {
            Some(uplink) => Wanted { uplink: uplink.clone(), ..wanted },
            None => wanted,
        })
    }
}
