//! What of the host's firewall drops packets that are passed on, those between a bridge's ports among them.
//!
//! Only what happens to every packet of a bridge counts. A rule that asks for more than the bridge's name may save a packet
//! or not: whether such a rule speaks of the bridge is told, and which packets it saves is not.

mod legacy;
mod sender;
#[cfg(test)]
mod tests;

pub use sender::Obstacle;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::netlink::{Error, Fate, FirewallChain, FirewallRule, Hook, NetfilterCalls, firewall, firewall_chain};
use crate::regular_file;

/// `NFPROTO_…` of linux/netfilter.h.
const FAMILIES: [(u8, &str); 4] = [(2, "ip"), (1, "inet"), (7, "bridge"), (10, "ip6")];

/// A chain in which packets end that a bridge passes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Barrier {
    /// `ip`, `ip6`, `inet` or `bridge`.
    pub family: &'static str,
    /// Where it is: `chain FORWARD of table ip filter`.
    pub place: String,
    /// Who made it.
    pub maker: String,
    /// Whether rules there speak of the bridge, or of bridges' ports, and may save its packets.
    pub has_exceptions: bool,
    /// The command that lets the bridge's packets pass.
    pub exception: String,
}

impl Barrier {
    /// Whether the packets of a bridge come to it, by what bridge netfilter makes of them.
    pub fn is_met(&self, effective: NetfilterCalls) -> bool {
        let (four, six) = (effective.iptables == Some(true), effective.ip6tables == Some(true));
        match self.family {
            "ip" => four,
            "ip6" => six,
            "inet" => four || six,
            _ => true,
        }
    }
}

/// What nftables or legacy iptables have, as a bridge's packets meet it.
#[derive(Clone, Debug, Default)]
struct Ruleset {
    chains: Vec<Chain>,
    rules: Vec<Rule>,
}

/// A chain; it is told by its family, its table and its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Chain {
    family: &'static str,
    table: String,
    name: String,
    /// Whether packets come to it by themselves.
    is_base: bool,
    /// Where those come to it that are passed on.
    hook: Option<Hook>,
    drops_the_rest: bool,
}

/// A rule, in the order of its chain.
#[derive(Clone, Debug)]
struct Rule {
    family: &'static str,
    table: String,
    chain: String,
    /// What it does with every packet of the bridge.
    fate: Option<Fate>,
    /// The chain to which it sends packets, all or some.
    target: Option<String>,
    speaks_of_bridge: bool,
}

/// The host's firewall as the kernel tells of it: asked for once, whatever number of bridges it meets.
pub struct Firewall {
    root: PathBuf,
    chains: Vec<FirewallChain>,
    rules: Vec<FirewallRule>,
    /// What legacy iptables prints, by its family.
    legacy: [(&'static str, String); 2],
}

impl Firewall {
    /// Asks for everything; files of `root` tell who made it.
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    pub fn read(root: &Path) -> Result<Self, Error> {
        Ok(Firewall {
            root: root.into(),
            chains: firewall_chain::chains()?,
            rules: firewall::rules()?,
            legacy: ["ip", "ip6"].map(|family| (family, legacy::read(root, family))),
        })
    }

    /// The chains that drop what `bridge` passes on.
    pub fn barriers(&self, bridge: &str) -> Vec<Barrier> {
        let written_in = |chain: &Chain| written_in(&self.root, chain);
        let mut barriers = Ruleset::of_nftables(&self.chains, &self.rules, bridge).barriers(bridge, "", written_in);
        for (family, text) in &self.legacy {
            barriers.extend(legacy::parse(text, family, bridge).barriers(bridge, "-legacy", written_in));
        }
        barriers
    }
}

/// The file with which the chain's table is loaded at boot, by the tools' own defaults.
fn written_in(root: &Path, chain: &Chain) -> Option<String> {
    const NFTABLES: &str = "etc/nftables.conf";
    let text = regular_file::read(&root.join(NFTABLES)).unwrap_or_default();
    let table = format!("table {} {}", chain.family, chain.table);
    if let Some(line) = text.lines().position(|line| line.trim_start().starts_with(&table)) {
        return Some(format!("nftables.service (/{NFTABLES}:{})", line + 1));
    }
    let rules = if chain.family == "ip6" { "etc/iptables/rules.v6" } else { "etc/iptables/rules.v4" };
    let is_iptables = chain.table == "filter" && chain.name == "FORWARD" && root.join(rules).exists();
    is_iptables.then(|| format!("iptables-persistent (/{rules})"))
}

impl Ruleset {
    fn of_nftables(chains: &[FirewallChain], rules: &[FirewallRule], bridge: &str) -> Self {
        let family = |number: u8| FAMILIES.iter().find(|(known, _)| *known == number).map(|(_, name)| *name);
        let chain = |chain: &FirewallChain| {
            Some(Chain {
                family: family(chain.family())?,
                table: chain.table(),
                name: chain.name(),
                is_base: chain.is_base(),
                hook: chain.hook(),
                drops_the_rest: chain.drops_the_rest(),
            })
        };
        let rule = |rule: &FirewallRule| {
            let (number, table, chain) = rule.place();
            let speaks_of_bridge = rule.names(bridge) || rule.names("physdev");
            let (fate, target) = (rule.fate(bridge), rule.target());
            Some(Rule { family: family(number)?, table, chain, fate, target, speaks_of_bridge })
        };
        Ruleset { chains: chains.iter().filter_map(chain).collect(), rules: rules.iter().filter_map(rule).collect() }
    }

    fn barriers(&self, bridge: &str, variant: &str, written_in: impl Fn(&Chain) -> Option<String>) -> Vec<Barrier> {
        let bases = self.chains.iter().filter(|chain| chain.hook.is_some());
        let dropping = bases.filter(|chain| match self.fate(chain, &mut Vec::new()) {
            Some(fate) => fate == Fate::Drop,
            None => chain.drops_the_rest,
        });
        dropping
            .map(|chain| Barrier {
                family: chain.family,
                place: format!("chain {} of table {} {}{}", chain.name, chain.family, chain.table, in_words(variant)),
                maker: self
                    .maker(chain)
                    .map(str::to_owned)
                    .or_else(|| written_in(chain))
                    .unwrap_or("an administrator".into()),
                has_exceptions: self.has_exceptions(chain),
                exception: chain.exception(bridge, variant),
            })
            .collect()
    }

    fn rules_of<'a>(&'a self, table_of: &'a Chain) -> impl Iterator<Item = &'a Rule> {
        self.rules.iter().filter(move |rule| rule.family == table_of.family && rule.table == table_of.table)
    }

    /// Whether a rule that packets can come to from this base chain speaks of the bridge. To a chain that no rule names they
    /// may come by a map of verdicts.
    fn has_exceptions(&self, base: &Chain) -> bool {
        let mut rules: HashMap<&str, Vec<&Rule>> = HashMap::new();
        self.rules_of(base).for_each(|rule| rules.entry(&rule.chain).or_default().push(rule));
        let named: HashSet<&str> = self.rules_of(base).filter_map(|rule| rule.target.as_deref()).collect();
        let others = self.chains.iter().filter(|chain| base.is_beside(chain) && !chain.is_base);
        let unnamed = others.map(|chain| chain.name.as_str()).filter(|name| !named.contains(name));
        let mut open: Vec<&str> = unnamed.chain([base.name.as_str()]).collect();
        let mut seen: HashSet<&str> = open.iter().copied().collect();
        while let Some(name) = open.pop() {
            for rule in rules.remove(name).unwrap_or_default() {
                if rule.speaks_of_bridge {
                    return true;
                }
                open.extend(rule.target.as_deref().filter(|target| seen.insert(target)));
            }
        }
        false
    }

    /// What becomes of a packet of which nothing but its bridge is known; nothing where no rule of the chain decides.
    fn fate(&self, chain: &Chain, seen: &mut Vec<String>) -> Option<Fate> {
        if seen.contains(&chain.name) {
            return None;
        }
        seen.push(chain.name.clone());
        let named = |name: &str| self.chains.iter().find(|other| chain.is_beside(other) && other.name == *name);
        for fate in self.rules_of(chain).filter(|rule| rule.chain == chain.name).filter_map(|rule| rule.fate.as_ref()) {
            match fate {
                Fate::Jump(to) => {
                    if let Some(fate) = named(to).and_then(|target| self.fate(target, seen)) {
                        return Some(fate);
                    }
                }
                Fate::Goto(to) => return named(to).and_then(|target| self.fate(target, seen)),
                Fate::Return => return None,
                decided => return Some(decided.clone()),
            }
        }
        None
    }

    /// Who leaves such chains in a table.
    fn maker(&self, chain: &Chain) -> Option<&'static str> {
        let begins =
            |start: &str| self.chains.iter().any(|other| chain.is_beside(other) && other.name.starts_with(start));
        let known = [("DOCKER", "Docker"), ("ufw", "ufw"), ("KUBE-", "Kubernetes"), ("CNI-", "CNI plugins")];
        let maker = known.iter().find(|(start, _)| begins(start)).map(|(_, maker)| *maker);
        maker.or((chain.table == "firewalld").then_some("firewalld"))
    }
}

impl Chain {
    fn is_beside(&self, other: &Chain) -> bool {
        self.family == other.family && self.table == other.table
    }

    fn exception(&self, bridge: &str, variant: &str) -> String {
        let Chain { family, table, name, .. } = self;
        // Before it is known where a packet goes, and after it has come.
        let insert = format!("nft insert rule {family} {table} {name}");
        match (self.hook, *family) {
            (Some(Hook::Prerouting), "bridge") => return format!("{insert} meta ibrname {bridge} accept"),
            (Some(Hook::Postrouting), "bridge") => return format!("{insert} meta obrname {bridge} accept"),
            (Some(Hook::Prerouting), _) => return format!("{insert} iifname {bridge} accept"),
            (Some(Hook::Postrouting), _) => return format!("{insert} oifname {bridge} accept"),
            _ => {}
        }
        match (*family, table.as_str(), name.as_str()) {
            ("ip", "filter", "FORWARD") => format!("iptables{variant} -I FORWARD -i {bridge} -o {bridge} -j ACCEPT"),
            ("ip6", "filter", "FORWARD") => format!("ip6tables{variant} -I FORWARD -i {bridge} -o {bridge} -j ACCEPT"),
            ("bridge", ..) => format!("{insert} meta ibrname {bridge} accept"),
            _ => format!("{insert} iifname {bridge} oifname {bridge} accept"),
        }
    }
}

fn in_words(variant: &str) -> &'static str {
    if variant.is_empty() { "" } else { " (legacy iptables)" }
}
