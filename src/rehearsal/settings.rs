//! Settings of the host below /proc/sys/net, read there and written on its copy.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::bridge::ipv6_settings;
use crate::netlink::{Error, Link, Socket, link};
use crate::sysctl;

const ROOT: &str = "/proc/sys/net";

/// What holds for all links, and for those to come.
const FOR_LINKS: [&str; 4] = ["ipv4/conf/all", "ipv4/conf/default", "ipv6/conf/all", "ipv6/conf/default"];

/// Settings of the whole namespace that decide what the kernel takes.
const SINGLE: [&str; 9] = [
    "ipv4/nexthop_compat_mode",
    "ipv4/ip_nonlocal_bind",
    "ipv4/fib_multipath_hash_policy",
    "ipv6/ip_nonlocal_bind",
    "ipv6/fib_multipath_hash_policy",
    "ipv6/route/max_size",
    "bridge/bridge-nf-call-iptables",
    "bridge/bridge-nf-call-ip6tables",
    "bridge/bridge-nf-call-arptables",
];

/// Limits that the host may have lowered below what it has already.
const LIMITS: [&str; 1] = ["ipv4/igmp_max_memberships"];

/// What would keep a new address from being usable at once, or make addresses beside those of the host: so until the copy
/// is whole.
const WHILE_BUILT: [(&str, &str); 4] = [
    ("ipv6/conf/all/accept_dad", "0"),
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/default/use_tempaddr", "0"),
    ("ipv6/conf/default/addr_gen_mode", "1"),
];
/// The same of single links.
const OF_LINKS_WHILE_BUILT: [(&str, u32); 2] = [("accept_dad", 0), ("use_tempaddr", 0)];

/// Settings by their paths below /proc/sys/net.
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Reads those of the calling thread's namespace; what cannot be read (an unset secret) is left out.
    pub fn read() -> Self {
        let mut settings = BTreeMap::new();
        for directory in FOR_LINKS {
            let entries = Path::new(ROOT).join(directory).read_dir().into_iter().flatten().flatten();
            let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
            settings.extend(names.filter_map(|name| read(format!("{directory}/{name}"))));
        }
        settings.extend(SINGLE.iter().chain(&LIMITS).filter_map(|name| read((*name).to_owned())));
        Settings(settings)
    }

    /// Writes what has to be there before the first link; answers with what the kernel did not take.
    pub fn write_before_links(&self) -> Vec<String> {
        let waits = |name: &str| LIMITS.contains(&name) || WHILE_BUILT.iter().any(|(other, _)| *other == name);
        let mut refused = Vec::new();
        for (name, value) in self.0.iter().filter(|(name, _)| !waits(name)) {
            refused.extend(write(name, value));
        }
        WHILE_BUILT.iter().for_each(|(name, value)| refused.extend(write(name, value)));
        refused
    }

    /// Writes what had to wait until all was built.
    pub fn write_behind_all(&self) -> Vec<String> {
        let names = LIMITS.iter().copied().chain(WHILE_BUILT.iter().map(|(name, _)| *name));
        names.filter_map(|name| write(name, self.0.get(name)?)).collect()
    }
}

/// How many neighbours may be copied. The copy, and the bridge in it, have each once more; from `gc_thresh2` on the kernel
/// throws out what was not used for five seconds (neigh_forced_gc in net/core/neighbour.c).
pub fn room_for_neighbours() -> usize {
    const USUAL: usize = 512;
    let threshold = read("ipv4/neigh/default/gc_thresh2".into()).and_then(|(_, value)| value.parse().ok());
    threshold.unwrap_or(USUAL) / 3
}

/// Gives the copy of a link the IP settings of the original, but for what has to wait; `copy` is how it is yet.
pub fn write_of_link(socket: &mut Socket, original: &Link, copy: &Link) -> Result<Vec<String>, Error> {
    let ipv4 = link::set_ip_settings(copy.index, original.ipv4_settings().as_deref(), None);
    let refused = socket.batch(&[ipv4])?.into_iter().filter_map(Result::err).map(|error| error.to_string());
    let mut refused: Vec<String> = refused.map(|error| format!("IPv4 settings of {}: {error}", copy.name())).collect();
    for (name, value) in ipv6_settings::of(original) {
        let waiting = OF_LINKS_WHILE_BUILT.iter().find(|(other, _)| *other == name);
        let value = waiting.map_or(value, |(_, value)| *value);
        refused.extend(write_ipv6(copy, name, value));
    }
    Ok(refused)
}

/// Gives the copy of a link the rest, once it has its addresses.
pub fn write_rest_of_link(socket: &mut Socket, original: &Link, copy: &Link) -> Result<Vec<String>, Error> {
    let settings = ipv6_settings::of(original);
    let waited = |name: &str| OF_LINKS_WHILE_BUILT.iter().any(|(other, _)| *other == name);
    let rest = settings.into_iter().filter(|(name, _)| waited(name));
    let refused = rest.filter_map(|(name, value)| write_ipv6(copy, name, value)).collect();
    let generation = link::set_ip_settings(copy.index, None, original.address_generation());
    socket.batch(&[generation])?;
    Ok(refused)
}

fn write_ipv6(copy: &Link, name: &str, value: u32) -> Option<String> {
    if ipv6_settings::one(copy, name)? == value {
        return None;
    }
    let link = copy.name();
    let written = sysctl::write(&["net", "ipv6", "conf", &link, name], &(value as i32).to_string());
    written.err().map(|error| format!("net.ipv6.conf.{link}.{name}: {error}"))
}

fn read(name: String) -> Option<(String, String)> {
    let value = fs::read_to_string(Path::new(ROOT).join(&name)).ok()?;
    Some((name, value.trim_end().to_owned()))
}

/// Writes a setting where it is another; answers with the kernel's refusal.
fn write(name: &str, value: &str) -> Option<String> {
    if read(name.to_owned()).is_some_and(|(_, present)| present == value) {
        return None;
    }
    let components: Vec<&str> = ["net"].into_iter().chain(name.split('/')).collect();
    sysctl::write(&components, value).err().map(|error| format!("{}: {error}", components.join(".")))
}
