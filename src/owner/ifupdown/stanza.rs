//! What ifupdown's files make it configure at boot.

use std::path::Path;

use super::interfaces::{self, File, Kind, Line};
use crate::owner::edit::below;
use crate::owner::{Claim, Owner};

/// A link as ifupdown's files have it.
#[derive(Debug, PartialEq, Eq)]
pub struct Stanza {
    pub claim: Claim,
    /// Whether ifupdown starts a DHCP client for it.
    pub asks_for_lease: bool,
}

/// What brings up the link at boot and gives it addresses or a bridge, below `root`; nothing where no ifupdown is there
/// to read its files.
///
/// # Errors
/// One line that names the file that cannot be read.
pub fn stanza(root: &Path, link: &str) -> Result<Option<Stanza>, String> {
    if !["/usr/sbin/ifup", "/sbin/ifup"].iter().any(|ifup| below(root, Path::new(ifup)).exists()) {
        return Ok(None);
    }
    Ok(of_files(&interfaces::read(root)?, link))
}

fn of_files(files: &[File], link: &str) -> Option<Stanza> {
    let mut stanza: Option<Stanza> = None;
    // The name and the method of the stanza in which a line stands.
    let mut inside = (String::new(), String::new());
    for (file, line) in files.iter().flat_map(|file| file.lines.iter().map(move |line| (file, line))) {
        let words = line.words();
        let is_meant = match (line.kind, words.as_slice()) {
            (Kind::Iface, [_, name, rest @ ..]) => {
                inside = (name.clone(), rest.last().cloned().unwrap_or_default());
                name == link && !matches!(inside.1.as_str(), "manual" | "loopback")
            }
            (Kind::Option, [_, ports @ ..]) => {
                line.option().as_deref() == Some("bridge-ports") && ports.iter().any(|port| port == link)
            }
            _ => false,
        };
        if is_meant && comes_up(files, &inside.0) {
            // `auto` of inet6 may have `dhcp 1` (interfaces(5)).
            let asks = line.kind == Kind::Iface && matches!(inside.1.as_str(), "dhcp" | "auto");
            let stanza = stanza.get_or_insert_with(|| Stanza { claim: claim(file, line, link), asks_for_lease: false });
            stanza.asks_for_lease |= asks;
        }
    }
    stanza
}

/// Whether ifupdown brings up a link of this name at boot, or when it is plugged in.
fn comes_up(files: &[File], name: &str) -> bool {
    let lists = files.iter().flat_map(|file| &file.lines).filter(|line| line.kind == Kind::List).map(Line::words);
    let mut lists =
        lists.filter(|words| words.first().is_some_and(|word| word == "auto" || word.starts_with("allow-")));
    lists.any(|words| words[1..].iter().any(|word| word == name))
}

fn claim(file: &File, line: &Line, link: &str) -> Claim {
    let path = file.path.display();
    Claim {
        owner: Owner::Ifupdown,
        evidence: format!("{path}:{} says {}", line.number, line.words().join(" ").escape_debug()),
        live: false,
        can_move: true,
        hint: format!("take {link} out of {path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_comes_up_at_boot_with_addresses_or_as_a_port_is_configured() {
        for (text, link, expected) in [
            ("auto eth0\niface eth0 inet dhcp\n", "eth0", Some(("/f:2 says iface eth0 inet dhcp", true))),
            (
                "allow-hotplug eth0\niface eth0 inet6 static\n",
                "eth0",
                Some(("/f:2 says iface eth0 inet6 static", false)),
            ),
            (
                "auto eth0\niface eth0 inet manual\niface eth0 inet dhcp\n",
                "eth0",
                Some(("/f:3 says iface eth0 inet dhcp", true)),
            ),
            (
                "auto br0\niface br0 inet dhcp\n bridge_ports eth0 eth1\n",
                "eth1",
                Some(("/f:3 says bridge_ports eth0 eth1", false)),
            ),
            ("iface br0 inet dhcp\n bridge_ports eth0\n", "eth0", None),
            (
                "auto eth0\niface eth0 inet6 static\niface eth0 inet dhcp\n",
                "eth0",
                Some(("/f:2 says iface eth0 inet6 static", true)),
            ),
            ("\\\n\nauto eth0 \\\n\niface eth0 inet dhcp\n", "eth0", Some(("/f:5 says iface eth0 inet dhcp", true))),
            ("iface eth0 inet dhcp\n", "eth0", None),
            ("auto eth0\niface eth0 inet manual\n", "eth0", None),
            ("no-auto-down eth0\niface eth0 inet dhcp\n", "eth0", None),
            ("auto eth1\niface eth1 inet dhcp\n", "eth0", None),
        ] {
            let files = [File { path: "/f".into(), lines: interfaces::parse(text) }];
            let found = of_files(&files, link);
            let found = found.as_ref().map(|found| (found.claim.evidence.as_str(), found.asks_for_lease));
            assert_eq!(found, expected, "{text}");
        }
    }
}
