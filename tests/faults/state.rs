//! The state of the host's network in ip(8)'s words, to be compared.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::host::attempt;
use crate::support::text;

/// What is asked for: links, addresses, routes of all tables, what was said about neighbours, and which link is
/// preferred to the router, to what is behind it, and to the LAN.
const QUESTIONS: &str = "ip -o -d -force -batch - <<'END' 2>/dev/null
link show
address show
route show table all
neighbour show nud permanent
route get 192.0.2.1
route get 203.0.113.200
route get 2001:db8:0:1::1
END";

/// The kernel tells of an operational state a moment after it is reached (linkwatch).
const PATIENCE: Duration = Duration::from_millis(500);

/// Where the host's addresses and routes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// On the uplink, and there is no bridge: the state before a takeover.
    Alone,
    /// On the uplink, beside a bridge that is down and has no ports.
    BesideBareBridge,
    /// On both ends, and preferred on the bridge.
    BothByBridge,
    /// On both ends, and preferred on the uplink.
    BothByUplink,
    /// On the bridge, complete.
    Bridged,
    /// Anything else.
    Between,
}

/// One line for each object, sorted, without what changes by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State(BTreeSet<String>);

impl State {
    /// The state now.
    pub fn of_host() -> Self {
        State(text(&attempt(["sh", "-c", QUESTIONS]).stdout).lines().flat_map(objects).collect())
    }

    /// The state when it is as `expected`, or what it is when time is up.
    pub fn settled(expected: impl Fn(&State) -> bool) -> Self {
        let begun = Instant::now();
        loop {
            let state = State::of_host();
            if expected(&state) || begun.elapsed() > PATIENCE {
                return state;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether an address waits for the end of its duplicate address detection.
    pub fn is_tentative(&self) -> bool {
        self.0.iter().any(|line| line.contains("tentative"))
    }

    /// Whether there is a link of this name.
    pub fn has(&self, link: &str) -> bool {
        self.0.iter().any(|line| line.starts_with(&format!("{link} <")))
    }

    /// Which of the states this is, that a takeover or an undo may leave.
    pub fn place(&self, alone: &State, bridged: &State) -> Place {
        let mine = |line: &&String| !line.contains("br0");
        let has_all_of = |other: &State, link: &str| {
            let wanted = other.0.iter().filter(|line| is_belonging(line, link)).map(|line| undetected(line));
            let present: BTreeSet<String> = self.0.iter().map(|line| undetected(line)).collect();
            wanted.into_iter().all(|line| present.contains(&line))
        };
        let prefers =
            |other: &State| other.0.iter().filter(|line| is_preference(line)).all(|line| self.0.contains(line));
        if self == alone {
            Place::Alone
        } else if self == bridged {
            Place::Bridged
        } else if self.0.iter().filter(mine).eq(alone.0.iter()) && self.0.iter().any(|line| is_bare_bridge(line)) {
            Place::BesideBareBridge
        } else if has_all_of(alone, "eth0") && has_all_of(bridged, "br0") && prefers(bridged) {
            Place::BothByBridge
        } else if has_all_of(alone, "eth0") && self.has_half_of(bridged) && prefers(alone) {
            Place::BothByUplink
        } else {
            Place::Between
        }
    }

    /// An undo takes the IPv6 routes from the bridge at once: of equal metric, they would share the traffic.
    fn has_half_of(&self, bridged: &State) -> bool {
        let is_ipv6_route = |line: &str| line.starts_with("unicast") && line.contains("pref medium");
        let wanted = bridged.0.iter().filter(|line| is_belonging(line, "br0") && !is_ipv6_route(line));
        wanted.into_iter().all(|line| self.0.contains(line))
    }

    /// The lines that one of both lacks.
    pub fn difference(&self, other: &State) -> String {
        let lacks = self.0.difference(&other.0).map(|line| format!("  - {line}\n"));
        let has = other.0.difference(&self.0).map(|line| format!("  + {line}\n"));
        lacks.chain(has).collect()
    }
}

fn is_belonging(line: &str, link: &str) -> bool {
    !line.starts_with("prefers") && !line.contains(" <") && line.split(' ').any(|word| word == link)
}

fn is_preference(line: &str) -> bool {
    line.starts_with("prefers")
}

fn is_bare_bridge(line: &str) -> bool {
    line.starts_with("br0 <BROADCAST,MULTICAST> ")
}

/// Until the commit an IPv6 address bears the mark by which its duplicates were not searched for.
fn undetected(line: &str) -> String {
    line.replace(" nodad", "")
}

/// The objects of a line of ip(8): a route is one for each of its hops, however many there are.
fn objects(line: &str) -> Vec<String> {
    let line = line.replace('\\', " ");
    let mut words: Vec<&str> = line.split_whitespace().collect();
    // The number of a link, of an address's link, and of a link's peer.
    if words[0].strip_suffix(':').is_some_and(|number| number.parse::<u32>().is_ok()) {
        words.remove(0);
    }
    if words.get(1).is_some_and(|word| word.starts_with('<')) {
        words[0] = words[0].split(['@', ':']).next().unwrap_or_default();
    }
    // What `route get` says, of IPv4 and of IPv6.
    if words.contains(&"cache") || words.contains(&"from") {
        words.insert(0, "prefers");
    }
    let is_timer = |word: &str| word.ends_with("_timer");
    for name in ["valid_lft", "preferred_lft", "expires", "uid", "weight"] {
        remove_pairs(&mut words, |word| word == name);
    }
    remove_pairs(&mut words, is_timer);
    // An uplink that was released takes the bridge's carrier with it, in its time.
    words.retain(|word| *word != "linkdown");
    let Some(first) = words.iter().position(|word| ["nexthop", "via"].contains(word)) else {
        return vec![words.join(" ")];
    };
    if words[first] == "nexthop" {
        let (route, hops) = words.split_at(first);
        let hops = hops.split(|word| *word == "nexthop").skip(1);
        return hops.map(|hop| format!("{} hop {}", route.join(" "), hop.join(" "))).collect();
    }
    let hop: Vec<&str> = words.drain(first..first + 4).collect();
    vec![format!("{} hop {}", words.join(" "), hop.join(" "))]
}

/// Takes out each word that `is_name` accepts, and its value.
fn remove_pairs(words: &mut Vec<&str>, is_name: impl Fn(&str) -> bool) {
    while let Some(at) = words.iter().position(|word| is_name(word)) {
        words.drain(at..(at + 2).min(words.len()));
    }
}
