//! `/etc/virt-bridge.toml` and `/etc/virt-bridge.d/*.toml`: what bridges the host wants.
//!
//! Later files override earlier ones key by key, and add their rules behind the earlier ones'. A key that nobody gave is "not told", which differs from its default
//! where an existing bridge is adopted: that one keeps its own.

mod entry;
mod error;
mod host;
mod interface_rule;
mod netfilter;
mod rules;
#[cfg(test)]
mod shipped_file;
mod source;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use once_cell::sync::OnceCell;

pub use self::error::Error;
pub use self::host::{Forwarding, Host};
pub use self::interface_rule::{bridge_name, destination_name, mac_prefix};
pub use self::netfilter::{Netfilter, Policy};
pub use domain::{Destination, InterfaceMatch, InterfaceRule, MetadataMatch, RulePlace};

use self::entry::Entry;
pub use self::entry::parse_duration;
pub use self::error::nearest;
use self::error::quoted;
use self::rules::Places;
use self::source::Source;
use crate::interface_name;
use crate::netlink::mac_text;

/// The whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// `[bridge.NAME]`; every name is a valid interface name.
    pub bridges: BTreeMap<String, Bridge>,
    /// `[hook]`
    pub hook: Hook,
    /// `[host]`
    pub host: Host,
    /// `[netfilter]`
    pub netfilter: Netfilter,
    /// `[[interface]]`, in the order of the files; the first that fits counts.
    pub interfaces: Vec<InterfaceRule>,
}

/// How a bridge is made; the default is a bridge that leads nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bridge {
    /// The port that leads to the LAN.
    pub uplink: Uplink,
    /// The spanning tree protocol; not told: off on a new bridge.
    pub stp: Option<bool>,
    /// In steps of 10 ms; 0 to 30 s, with `stp` on at least 2 s. Not told: 0 on a new bridge without STP.
    pub forward_delay: Option<Duration>,
    /// Not told: off on a new bridge.
    pub vlan_filtering: Option<bool>,
    /// What becomes of the bridge when its last network has stopped.
    pub on_stop: OnStop,
    /// Whether `up` writes the bridge into the configuration of the uplink's owner, so that it lasts.
    pub persist: bool,
    /// How long a gateway may take to answer through the bridge; zero: it is not asked. Not told: 3 s.
    pub gateway_check: Option<Duration>,
    /// Whether packets on this bridge pass iptables, whatever the policy says; not told: the policy's business.
    pub nf_call_iptables: Option<bool>,
    /// The same for ip6tables.
    pub nf_call_ip6tables: Option<bool>,
    /// The same for arptables.
    pub nf_call_arptables: Option<bool>,
}

/// The port of a bridge that leads to the LAN.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Uplink {
    /// The link of this name.
    Name(String),
    /// The link with this permanent MAC address, whatever its name.
    PermanentMac([u8; 6]),
    /// The wired link with the default route.
    Auto,
    /// No uplink: the bridge leads nowhere.
    #[default]
    None,
}

/// What becomes of a bridge when its last network has stopped and no tap is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnStop {
    /// It stays.
    #[default]
    Keep,
    /// It is undone.
    Remove,
}

/// How libvirt's hooks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hook {
    /// The time after which a hook has ended, one way or the other; 1 s to 300 s.
    pub deadline: Duration,
}

impl Default for Hook {
    fn default() -> Self {
        Hook { deadline: Duration::from_secs(20) }
    }
}

/// The configuration under a root directory, read when it is first asked for: a network that isn't ours reads no file.
pub struct Lazy {
    root: PathBuf,
    config: OnceCell<Config>,
}

impl Lazy {
    /// The configuration under `root` (`/` on a host); reads nothing yet.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Lazy { root: root.into(), config: OnceCell::new() }
    }

    /// The configuration; read by the first call. After an error the next call reads again.
    pub fn get(&self) -> Result<&Config, Error> {
        self.config.get_or_try_init(|| Config::load(&self.root))
    }
}

impl Config {
    /// Reads `etc/virt-bridge.toml` under `root`, then `etc/virt-bridge.d/*.toml` in byte order of their names.
    ///
    /// Without any file this is the default. The error is the first one found, in the order of the files.
    pub fn load(root: &Path) -> Result<Config, Error> {
        Config::of_sources(&source::read_all(root)?)
    }

    fn of_sources(sources: &[Source]) -> Result<Config, Error> {
        let mut config = Config::default();
        let mut places = Places::new();
        for source in sources {
            let document = entry::parse(source)?;
            for section in entry::entries(source, &document) {
                config.apply(&section, &mut places)?;
            }
        }
        rules::check(&config, &places)?;
        Ok(config)
    }

    /// Reads one file alone, wherever it is.
    pub fn load_file(file: &Path) -> Result<Config, Error> {
        Config::of_sources(&[source::read_file(file)?])
    }

    /// The settings of the bridge `name`; the default if the configuration has no such bridge.
    pub fn bridge(&self, name: &str) -> Bridge {
        self.bridges.get(name).cloned().unwrap_or_default()
    }

    fn apply<'s>(&mut self, section: &Entry<'s, '_>, places: &mut Places<'s>) -> Result<(), Error> {
        match section.name {
            "bridge" => {
                for table in section.entries()? {
                    interface_name::check(table.name)
                        .map_err(|why| table.error(format!("not possible as the name of a bridge: {why}")))?;
                    let bridge = self.bridges.entry(table.name.to_owned()).or_default();
                    for setting in table.entries()? {
                        bridge.apply(&setting)?;
                        places.push(setting.place);
                    }
                }
                Ok(())
            }
            "hook" => section.entries()?.iter().try_for_each(|setting| self.hook.apply(setting)),
            "host" => section.entries()?.iter().try_for_each(|setting| self.host.apply(setting)),
            "netfilter" => section.entries()?.iter().try_for_each(|setting| self.netfilter.apply(setting)),
            "interface" => {
                for table in section.tables()? {
                    self.interfaces.push(interface_rule::read(&table)?);
                }
                Ok(())
            }
            _ => Err(section.unknown_key(&["bridge", "hook", "host", "netfilter", "interface"])),
        }
    }
}

impl Bridge {
    /// Whether more is said of the bridge than what it does with packet filters: then it is ours, not a container
    /// engine's.
    pub fn is_ours(&self) -> bool {
        let filters = Bridge {
            nf_call_iptables: self.nf_call_iptables,
            nf_call_ip6tables: self.nf_call_ip6tables,
            nf_call_arptables: self.nf_call_arptables,
            ..Bridge::default()
        };
        *self != filters
    }

    fn apply(&mut self, setting: &Entry) -> Result<(), Error> {
        match setting.name {
            "uplink" => self.uplink = uplink(setting)?,
            "stp" => self.stp = Some(setting.bool()?),
            "forward-delay" => self.forward_delay = Some(forward_delay(setting)?),
            "vlan-filtering" => self.vlan_filtering = Some(setting.bool()?),
            "on-stop" => self.on_stop = on_stop(setting)?,
            "persist" => self.persist = setting.bool()?,
            "gateway-check" => self.gateway_check = Some(setting.duration()?),
            "nf-call-iptables" => self.nf_call_iptables = Some(setting.bool()?),
            "nf-call-ip6tables" => self.nf_call_ip6tables = Some(setting.bool()?),
            "nf-call-arptables" => self.nf_call_arptables = Some(setting.bool()?),
            _ => {
                return Err(setting.unknown_key(&[
                    "uplink",
                    "stp",
                    "forward-delay",
                    "vlan-filtering",
                    "on-stop",
                    "persist",
                    "gateway-check",
                    "nf-call-iptables",
                    "nf-call-ip6tables",
                    "nf-call-arptables",
                ]));
            }
        }
        Ok(())
    }
}

impl Hook {
    fn apply(&mut self, setting: &Entry) -> Result<(), Error> {
        match setting.name {
            "deadline" => self.deadline = deadline(setting)?,
            _ => return Err(setting.unknown_key(&["deadline"])),
        }
        Ok(())
    }
}

fn uplink(setting: &Entry) -> Result<Uplink, Error> {
    setting.text(Uplink::ALLOWED)?.parse().map_err(|why| setting.error(why))
}

impl Uplink {
    const ALLOWED: &str = "the name of a link, \"mac:\" and its permanent MAC address, \"auto\", \"none\"";
}

/// As the configuration and the command line have it.
impl std::fmt::Display for Uplink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Uplink::Name(name) => f.write_str(name),
            Uplink::PermanentMac(mac) => write!(f, "mac:{}", mac_text(mac)),
            Uplink::Auto => f.write_str("auto"),
            Uplink::None => f.write_str("none"),
        }
    }
}

/// As the configuration and the command line have it; the error says what is allowed.
impl FromStr for Uplink {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Uplink::Auto),
            "none" => Ok(Uplink::None),
            _ => match text.strip_prefix("mac:") {
                Some(mac) => permanent_mac(mac).map(Uplink::PermanentMac).map_err(|why| {
                    format!("{} {why}; allowed: \"mac:52:54:00:12:34:56\", any such address", quoted(text))
                }),
                None => match interface_name::check(text) {
                    Ok(()) => Ok(Uplink::Name(text.to_owned())),
                    Err(why) => {
                        Err(format!("{} is no interface name: {why}; allowed: {}", quoted(text), Uplink::ALLOWED))
                    }
                },
            },
        }
    }
}

/// A MAC address that a device can have (is_valid_ether_addr in include/linux/etherdevice.h).
fn permanent_mac(text: &str) -> Result<[u8; 6], &'static str> {
    let mut mac = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut mac {
        let part = parts.next().filter(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit()));
        *byte = part.and_then(|part| u8::from_str_radix(part, 16).ok()).ok_or("is no MAC address")?;
    }
    match mac {
        _ if parts.next().is_some() => Err("is no MAC address"),
        [0, 0, 0, 0, 0, 0] => Err("is all zero, which no device has"),
        [first, ..] if first & 1 == 1 => Err("is a multicast address, which no device has"),
        _ => Ok(mac),
    }
}

fn on_stop(setting: &Entry) -> Result<OnStop, Error> {
    const ALLOWED: &str = "\"keep\", \"remove\"";
    match setting.text(ALLOWED)? {
        "keep" => Ok(OnStop::Keep),
        "remove" => Ok(OnStop::Remove),
        _ => Err(setting.not_known(ALLOWED)),
    }
}

/// BR_MAX_FORWARD_DELAY of the kernel is 30 s, and netlink counts in 1/100 s (USER_HZ).
fn forward_delay(setting: &Entry) -> Result<Duration, Error> {
    let delay = setting.duration()?;
    if delay > Duration::from_secs(30) || delay.as_millis() % 10 != 0 {
        return Err(setting.impossible("0 to 30s in steps of 10ms"));
    }
    Ok(delay)
}

fn deadline(setting: &Entry) -> Result<Duration, Error> {
    let deadline = setting.duration()?;
    if !(Duration::from_secs(1)..=Duration::from_secs(300)).contains(&deadline) {
        return Err(setting.impossible("1s to 300s"));
    }
    Ok(deadline)
}
