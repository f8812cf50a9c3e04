//! Makes sure that a bridge is as it should be: the whole way from observing to the receipt.

use std::fmt::Display;
use std::mem::ManuallyDrop;
use std::path::Path;
use std::time::Duration;

use super::apply::{apply, ask_routers};
use super::error::Error;
use super::lock::Lock;
use super::plan::{self, Plan};
use super::preflight::{self, Refusal, Surroundings};
use super::receipt::Records;
use super::recovery::{give_back, recover};
use super::report::Report;
use super::snapshot::Snapshot;
use super::uplink::{self, Known};
use crate::config::{self, Uplink};
use crate::deadline::Deadline;
use crate::log::Log;
use crate::netlink::address::{IFA_F_DADFAILED, IFA_F_TENTATIVE};
use crate::netlink::{Address, BridgeParameters, Link, Socket, firewall, link};
use crate::{owner, sysfs};

/// How long a router may take to answer where the configuration does not say.
pub const GATEWAY_CHECK: Duration = Duration::from_secs(3);

/// The kernel needs a second for each address, after a delay of up to one (addrconf_dad_kick in net/ipv6/addrconf.c).
const DUPLICATE_DETECTION: Duration = Duration::from_secs(3);

/// What a bridge should be.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The bridge's name.
    pub bridge: String,
    /// The link that leads to the LAN.
    pub uplink: Uplink,
    /// What was said about the bridge itself; a new one is quiet (no STP, no delay) where nothing was.
    pub parameters: BridgeParameters,
    /// How long a router may take to answer; zero asks none.
    pub gateway_check: Duration,
    /// Whether it is going to be written into the configuration of the uplink's owner, where it lasts.
    pub persist: bool,
}

impl Wanted {
    /// The bridge as the configuration has it; one that it does not name has no uplink.
    pub fn configured(bridge: &str, configured: Option<&config::Bridge>) -> Self {
        let bridge = bridge.to_owned();
        let Some(configured) = configured else {
            return Wanted {
                bridge,
                uplink: Uplink::None,
                parameters: Default::default(),
                gateway_check: GATEWAY_CHECK,
                persist: false,
            };
        };
        let parameters = BridgeParameters {
            stp: configured.stp,
            // The configuration allows 30 s at most.
            forward_delay_ms: configured.forward_delay.map(|delay| delay.as_millis() as u32),
            vlan_filtering: configured.vlan_filtering,
        };
        let gateway_check = configured.gateway_check.unwrap_or(GATEWAY_CHECK);
        Wanted { bridge, uplink: configured.uplink.clone(), parameters, gateway_check, persist: configured.persist }
    }
}

/// What was found or done.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Everything was as it should be, or is after what was done about a run that was killed or a bridge that was
    /// deleted.
    AlreadyRight {
        /// What that was.
        recovered: Option<String>,
    },
    /// The plan was carried out.
    Done {
        /// What was done.
        plan: Box<Plan>,
        /// How it went.
        report: Report,
        /// What was done before that about a run that was killed.
        recovered: Option<String>,
    },
}

impl Outcome {
    /// Says in the log what a call of a hook has done.
    pub fn tell(&self, call: &dyn Display, log: &Log) {
        let (Outcome::Done { recovered, .. } | Outcome::AlreadyRight { recovered }) = self;
        recovered.iter().for_each(|what| log.warning(what));
        let Outcome::Done { plan, report, .. } = self else { return };
        log.info(&format!("{call}: {}", report.told_of(plan)));
        report.warnings.iter().for_each(|warning| log.warning(&format!("{}: {warning}", plan.bridge.name)));
    }
}

/// What stands against a takeover, and what it would do.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Survey {
    /// Reasons not to begin.
    pub refusals: Vec<Refusal>,
    /// The plan, if an uplink was found or none is wanted.
    pub plan: Option<Plan>,
}

/// Makes the bridge what it should be. Where it is that already, this is one question to the kernel: no lock is
/// taken, nothing is written.
///
/// # Errors
/// Each says what it left behind.
pub fn ensure(wanted: &Wanted, deadline: Deadline) -> Result<Outcome, Error> {
    let mut socket = Socket::open().map_err(Error::unread)?;
    let records = Records::of(&wanted.bridge);
    if looking_right(&mut socket, wanted, &records)?.is_some() {
        return Ok(Outcome::AlreadyRight { recovered: None });
    }
    let _lock = Lock::take(deadline)?;
    let killed = recover(&mut socket, &records)?;
    let recovered = killed.or(give_back(&mut socket, &records)?);
    let plan = |socket: &mut Socket| {
        let Survey { refusals, plan } = survey_of(&settled_snapshot(socket, wanted, deadline)?, wanted)?;
        if refusals.is_empty() { Ok(plan.filter(|plan| !plan.is_empty())) } else { Err(Error::Refused(refusals)) }
    };
    let Some(first) = plan(&mut socket)? else { return Ok(Outcome::AlreadyRight { recovered }) };
    let asked = ask_routers(&mut socket, &first, wanted.gateway_check, deadline)?;
    // What happened on the host while routers were asked belongs into the plan.
    let plan = if asked.took_long() { plan(&mut socket)? } else { Some(first) };
    let Some(plan) = plan else { return Ok(Outcome::AlreadyRight { recovered }) };
    let report = apply(&mut socket, &plan, &records, asked, wanted.gateway_check, deadline)?;
    Ok(Outcome::Done { plan: Box::new(plan), report, recovered })
}

/// An IPv6 address that came up a moment ago, as at boot, cannot be used before it is known that nobody else has it:
/// routers could not be asked from it, and on the bridge the search would begin anew. So that is waited for.
fn settled_snapshot(socket: &mut Socket, wanted: &Wanted, deadline: Deadline) -> Result<Snapshot, Error> {
    let deadline = deadline.at_most(DUPLICATE_DETECTION);
    loop {
        let snapshot = Snapshot::take(socket).map_err(Error::unread)?;
        let uplink = uplink::find(&snapshot, &wanted.bridge, &wanted.uplink, &known(&snapshot, wanted)?).ok().flatten();
        let open = |uplink: &Link| snapshot.addresses.iter().any(|address| is_open(address, uplink.index));
        if deadline.has_passed() || !uplink.is_some_and(|link| link.carrier() == Some(true) && open(link)) {
            return Ok(snapshot);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether it is being searched whether somebody else on the link has this address.
pub(super) fn is_open(address: &Address, index: u32) -> bool {
    address.index == index && address.flags() & (IFA_F_TENTATIVE | IFA_F_DADFAILED) == IFA_F_TENTATIVE
}

/// The bridge, if `ensure` would find nothing to do: the whole work of most calls of a hook, which is about to end then,
/// and counts its system calls. So the socket is left for that end to close.
///
/// # Errors
/// When the kernel cannot be asked.
pub fn right(wanted: &Wanted) -> Result<Option<Link>, Error> {
    let mut socket = ManuallyDrop::new(Socket::open().map_err(Error::unread)?);
    looking_right(&mut socket, wanted, &Records::of(&wanted.bridge))
}

/// The bridge, if nothing is to be done: it is up with its parameters, its uplink is an up port of it, and no run was
/// killed.
///
/// # Errors
/// When the kernel cannot be asked.
fn looking_right(socket: &mut Socket, wanted: &Wanted, records: &Records) -> Result<Option<Link>, Error> {
    let bridge = link::by_name(&wanted.bridge);
    let [bridge, named] = match &wanted.uplink {
        Uplink::Name(uplink) => socket.get_each([bridge, link::by_name(uplink)]),
        _ => socket.get(bridge).map(|bridge| [bridge, None]),
    }
    .map_err(Error::unread)?;
    let Some(bridge): Option<Link> = bridge else { return Ok(None) };
    // Open vSwitch's own device: guests get there by a virtualport that only their own XML may name.
    if wanted.uplink == Uplink::None && bridge.is_of_kind("openvswitch") {
        return Ok(Some(bridge));
    }
    let parameters = wanted.parameters.difference(&bridge);
    if !bridge.is_bridge() || !bridge.is_up() || parameters != BridgeParameters::default() || records.is_interrupted() {
        return Ok(None);
    }
    let ports = match &wanted.uplink {
        Uplink::None => return Ok(Some(bridge)),
        Uplink::Name(_) => named.into_iter().collect(),
        Uplink::PermanentMac(_) | Uplink::Auto => {
            socket.dump::<Link>(link::ports_of(bridge.index)).map_err(Error::unread)?
        }
    };
    let earlier = if wanted.uplink == Uplink::Auto { earlier_uplink(records)? } else { None };
    let is_uplink = |port: &Link| {
        let is_port = port.master() == Some(bridge.index) && port.is_up();
        is_port && uplink::is_meant(port, &wanted.uplink, earlier.as_deref())
    };
    Ok(ports.iter().any(is_uplink).then_some(bridge))
}

/// Looks at the host and plans, without changing anything.
///
/// # Errors
/// When the host cannot be looked at.
pub fn survey(socket: &mut Socket, wanted: &Wanted) -> Result<Survey, Error> {
    survey_of(&Snapshot::take(socket).map_err(Error::unread)?, wanted)
}

/// The same of a host that was looked at before.
///
/// # Errors
/// When what is not in the snapshot cannot be looked at.
pub fn survey_of(snapshot: &Snapshot, wanted: &Wanted) -> Result<Survey, Error> {
    let known = known(snapshot, wanted)?;
    let existing = snapshot.link(&wanted.bridge);
    let mut refusals: Vec<Refusal> =
        existing.and_then(|link| preflight::name_taken(&wanted.bridge, link)).into_iter().collect();
    let uplink = match uplink::find(snapshot, &wanted.bridge, &wanted.uplink, &known) {
        Ok(uplink) => uplink,
        Err(refusal) => {
            refusals.push(refusal);
            return Ok(Survey { refusals, plan: None });
        }
    };
    let mut warnings = Vec::new();
    let is_port = uplink.is_some_and(|uplink| existing.is_some_and(|bridge| uplink.master() == Some(bridge.index)));
    if let Some(uplink) = uplink.filter(|_| !is_port) {
        let surroundings = surroundings(uplink, known, wanted)?;
        refusals.extend(preflight::refusals(snapshot, &wanted.bridge, uplink, &surroundings));
        warnings = preflight::warnings(snapshot, existing, uplink, &surroundings);
    }
    let mut plan = plan::takeover(snapshot, &wanted.bridge, uplink, wanted.parameters);
    if uplink.is_none() && plan.creates_bridge {
        warnings.push(format!(
            "{0} has no uplink and leads nowhere: set uplink under [bridge.{0}] in /etc/virt-bridge.toml",
            wanted.bridge
        ));
    }
    plan.warnings.extend(warnings);
    Ok(Survey { refusals, plan: Some(plan) })
}

/// What is to be known of uplinks before one is found.
fn known(snapshot: &Snapshot, wanted: &Wanted) -> Result<Known, Error> {
    let names = snapshot.links.iter().map(Link::name);
    // Only where a choice is to be made: the files of 4,000 links take their time.
    let wireless =
        if wanted.uplink == Uplink::Auto { names.filter(|name| is_wireless(name)).collect() } else { Vec::new() };
    Ok(Known { earlier: earlier_uplink(&Records::of(&wanted.bridge))?, wireless })
}

fn earlier_uplink(records: &Records) -> Result<Option<String>, Error> {
    let path = records.receipt_path().display();
    let receipt = records.receipt().map_err(|error| Error::Unchanged(format!("cannot read {path}: {error}")))?;
    Ok(receipt.and_then(|receipt| receipt.uplink).map(|uplink| uplink.name))
}

fn is_wireless(link: &str) -> bool {
    // phy80211 is what cfg80211 links for every radio (net/wireless/core.c); wireless is what older drivers have.
    let directory = sysfs::link(Path::new("/"), link);
    ["phy80211", "wireless"].iter().any(|entry| directory.join(entry).exists())
}

fn surroundings(uplink: &Link, known: Known, wanted: &Wanted) -> Result<Surroundings, Error> {
    let name = uplink.name();
    let mut claims = owner::claims(Path::new("/"), owner::Link { name: &name, index: uplink.index })
        .map_err(|error| Error::Unchanged(format!("cannot find out who configures {name}: {error}")))?;
    if wanted.persist {
        claims.retain(|claim| !claim.can_move);
    }
    // Whoever may not ask for these may not take over either, so `up` says why, and `plan` is a plan without them.
    let firewall = firewall::rules().unwrap_or_default();
    Ok(Surroundings { is_wireless: is_wireless(&name), claims, firewall, earlier_uplink: known.earlier })
}
