//! dhcpcd.

mod hand_over;

use super::process::Process;
use super::{Claim, Error, Host, Link, Owner, lease_claim};

pub use hand_over::{can_move, go_on, serves};

pub const COMM: &str = "dhcpcd";

/// The short options that take a value (if-options.h, `IF_OPTS`).
const WITH_VALUE: &[u8] = b"cefhijlmorstuvyzCFIOQSWXZ";

/// One claim for each instance; the children that separate its privileges are no claim of their own.
pub fn claims(host: &Host, link: Link) -> Result<Vec<Claim>, Error> {
    let mut claims = Vec::new();
    for process in host.processes_named(COMM) {
        let scope = match service(process) {
            Some(Service::Links(names)) if names.contains(&link.name.as_bytes()) => link.name,
            Some(Service::Every { denied }) if !denied.iter().any(|list| lists(list, link.name)) => {
                if !may_serve(&host.text("etc/dhcpcd.conf")?.unwrap_or_default(), link.name) {
                    continue;
                }
                "every link that it finds"
            }
            _ => continue,
        };
        let claim = lease_claim(Owner::Dhcpcd, link, process, scope);
        claims.push(if can_move(process, link.name) { claim.movable(link) } else { claim });
    }
    Ok(claims)
}

/// What an instance serves.
#[derive(Debug, PartialEq)]
enum Service<'a> {
    Links(Vec<&'a [u8]>),
    /// Every link but those in the lists of `-Z`.
    Every {
        denied: Vec<String>,
    },
}

/// What the process serves, by the title it gives itself since version 9 or by its arguments; `None` for a child.
fn service(process: &Process) -> Option<Service<'_>> {
    let Some(title) = process.args[0].strip_prefix(b"dhcpcd: ") else {
        return Some(from_arguments(&process.args[1..]));
    };
    match title.split(|byte| *byte == b' ').next()? {
        // The title hides the links that the arguments named or denied: all are taken as served.
        b"[manager]" | b"[master]" => Some(Service::Every { denied: Vec::new() }),
        child if child.starts_with(b"[") => None,
        name => Some(Service::Links(vec![name])),
    }
}

fn from_arguments(args: &[Vec<u8>]) -> Service<'_> {
    let (mut names, mut surely_named, mut denied) = (Vec::new(), false, Vec::new());
    let mut args = args.iter().peekable();
    while let Some(arg) = args.next() {
        if let Some(list) = arg.strip_prefix(b"--denyinterfaces=") {
            denied.push(String::from_utf8_lossy(list).into_owned());
        } else if arg.starts_with(b"--") && !arg.contains(&b'=') {
            // Its value or a link: a table of all options is not worth it, so the word is taken as both.
            names.extend(args.next_if(|word| !word.starts_with(b"-")).map(Vec::as_slice));
        } else if let Some(cluster) = arg.strip_prefix(b"-").filter(|cluster| !cluster.starts_with(b"-")) {
            let Some(at) = cluster.iter().position(|c| WITH_VALUE.contains(c)) else { continue };
            let joined = &cluster[at + 1..];
            let value = if joined.is_empty() { args.next().map_or(joined, Vec::as_slice) } else { joined };
            if cluster[at] == b'Z' {
                denied.push(String::from_utf8_lossy(value).into_owned());
            }
        } else if !arg.starts_with(b"-") {
            names.push(arg.as_slice());
            surely_named = true;
        }
    }
    if surely_named { Service::Links(names) } else { Service::Every { denied } }
}

/// Whether dhcpcd.conf leaves the link to dhcpcd: `denyinterfaces` wins over `allowinterfaces` (dhcpcd.conf(5)).
fn may_serve(configuration: &str, link: &str) -> bool {
    let (mut has_allow_list, mut allowed) = (false, false);
    for line in configuration.lines().map(str::trim) {
        let (option, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let value = value.split('#').next().unwrap_or_default();
        match option {
            "denyinterfaces" if lists(value, link) => return false,
            "allowinterfaces" => {
                has_allow_list = true;
                // A bracket expression is taken to match, so that a link is rather refused than lost.
                allowed |= lists(value, link) || value.contains('[');
            }
            // What follows is for one interface, network or profile only.
            "interface" | "ssid" | "profile" => break,
            _ => {}
        }
    }
    !has_allow_list || allowed
}

fn lists(patterns: &str, link: &str) -> bool {
    patterns.split([' ', '\t', ',']).any(|pattern| matches(pattern.as_bytes(), link.as_bytes()))
}

/// fnmatch(3) without bracket expressions, which match nothing here.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => matches(rest, name) || (!name.is_empty() && matches(pattern, &name[1..])),
        ([b'?', rest @ ..], [_, others @ ..]) => matches(rest, others),
        ([first, rest @ ..], [byte, others @ ..]) => first == byte && matches(rest, others),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(args: &[&str]) -> Process {
        Process { pid: 1, comm: COMM.to_owned(), args: args.iter().map(|arg| arg.as_bytes().to_vec()).collect() }
    }

    fn every(denied: &[&str]) -> Option<Service<'static>> {
        Some(Service::Every { denied: denied.iter().map(|list| (*list).to_owned()).collect() })
    }

    #[test]
    fn titles_say_what_an_instance_serves() {
        assert_eq!(service(&process(&["dhcpcd: eth0 [ip4] [ip6]"])), Some(Service::Links(vec![b"eth0"])));
        assert_eq!(service(&process(&["dhcpcd: [manager] [ip4]"])), every(&[]));
        assert_eq!(service(&process(&["dhcpcd: [master] [ip4]"])), every(&[]));
        for child in ["[privileged proxy] eth0 [ip4]", "[BPF ARP] eth0", "[control proxy]", "[network proxy] fe80::1"] {
            assert_eq!(service(&process(&[&format!("dhcpcd: {child}")])), None, "{child}");
        }
    }

    #[test]
    fn arguments_say_it_before_version_nine() {
        assert_eq!(service(&process(&["/sbin/dhcpcd", "-q", "-b"])), every(&[]));
        assert_eq!(service(&process(&["dhcpcd", "-t", "eth0", "-4", "eth1"])), Some(Service::Links(vec![b"eth1"])));
        assert_eq!(service(&process(&["dhcpcd", "-bZ", "eth0", "-Zeth1"])), every(&["eth0", "eth1"]));
    }

    #[test]
    fn a_word_that_may_be_a_value_or_a_link_is_taken_as_both() {
        assert_eq!(service(&process(&["dhcpcd", "--timeout", "5"])), every(&[]));
        assert_eq!(service(&process(&["dhcpcd", "--nobackground", "eth0"])), every(&[]));
        let both = Some(Service::Links(vec![b"eth0", b"eth1"]));
        assert_eq!(service(&process(&["dhcpcd", "--nobackground", "eth0", "eth1"])), both);
        assert_eq!(service(&process(&["dhcpcd", "--timeout=5", "eth0"])), Some(Service::Links(vec![b"eth0"])));
    }

    #[test]
    fn the_configuration_may_keep_dhcpcd_from_a_link() {
        let cases = [
            ("", true),
            ("denyinterfaces eth1", true),
            ("denyinterfaces veth* eth0", false),
            ("denyinterfaces wlan0,eth?", false),
            ("allowinterfaces wlan*", false),
            ("allowinterfaces wlan* eth0", true),
            ("allowinterfaces eth[0-3]", true),
            ("allowinterfaces eth0\ndenyinterfaces eth0", false),
            ("#denyinterfaces eth0", true),
            ("denyinterfaces eth1 # eth0", true),
            ("interface eth1\ndenyinterfaces eth0", true),
        ];
        for (configuration, expected) in cases {
            assert_eq!(may_serve(configuration, "eth0"), expected, "{configuration}");
        }
    }
}
