//! The names of this host: its links, bridges, guests and networks.

use std::fs;
use std::path::Path;

use super::Candidate;
use crate::config::Config;
use crate::libvirt::{guest, networks};

/// Names, each with what it is.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub bridges: Vec<Candidate>,
    pub nics: Vec<Candidate>,
    pub domains: Vec<Candidate>,
    pub networks: Vec<Candidate>,
}

impl Names {
    /// Those of the host whose root directory is `root`; what cannot be read has none.
    pub(super) fn under(root: &Path) -> Self {
        let mut names = Names::default();
        let links = root.join("sys/class/net");
        let mut all: Vec<String> = fs::read_dir(&links)
            .into_iter()
            .flatten()
            .filter_map(|link| link.ok()?.file_name().into_string().ok())
            .filter(|link| link != "lo")
            .collect();
        all.sort();
        for link in all {
            // Neither a file nor a directory of that name: no tap, no bridge.
            let has = |entry: &str| links.join(&link).join(entry).exists();
            if has("bridge") {
                names.bridges.push((link, "bridge".into()));
            } else if !has("tun_flags") {
                names.nics.push((link, "link".into()));
            }
        }
        let configured = Config::load(root).unwrap_or_default().bridges.into_keys();
        for bridge in configured {
            if !names.bridges.iter().any(|(name, _)| *name == bridge) {
                names.bridges.push((bridge, "bridge, configured".into()));
            }
        }
        names.nics.extend([("auto", "the wired link with the default route"), ("none", "no uplink")].map(owned));
        names.domains = guest::names(root).into_iter().map(|name| (name, "guest".into())).collect();
        names.networks = networks::read_all(root).into_keys().map(|name| (name, "libvirt network".into())).collect();
        names
    }

    /// The names that stand for a value of this name in the command's help.
    pub(super) fn of(&self, what: &str) -> impl Iterator<Item = Candidate> {
        let names: &[Candidate] = match what {
            "BRIDGE" => &self.bridges,
            "NIC" => &self.nics,
            "DOMAIN" => &self.domains,
            "NETWORK" => &self.networks,
            _ => &[],
        };
        // A shell reads lines, and its terminal what is in them.
        names.iter().filter(|(name, _)| !name.contains(char::is_control)).cloned()
    }
}

fn owned((word, about): (&str, &str)) -> Candidate {
    (word.to_owned(), about.to_owned())
}
