//! udhcpc, the DHCP client of BusyBox.

use super::process::{Process, base_name};
use super::{Claim, Error, Host, Link, Owner, lease_claim};

pub const COMM: &str = "udhcpc";
pub const COMM_V6: &str = "udhcpc6";
pub const BUSYBOX: &str = "busybox";

/// The short options that take a value (BusyBox 1.35, and older ones' `-c`, `-h` and `-H`); `-a` may have one joined to it.
const WITH_VALUE: &[u8] = b"AFHOPTVchiprstx";

/// The link that is served when none is named (udhcpc(8)).
const DEFAULT: &[u8] = b"eth0";

pub fn claims(host: &Host, link: Link) -> Result<Vec<Claim>, Error> {
    let clients = host
        .processes
        .iter()
        .filter(|process| options(process).is_some_and(|options| link_name(options) == link.name.as_bytes()));
    Ok(clients.map(|process| lease_claim(Owner::Udhcpc, link, process, link.name)).collect())
}

/// The arguments after the applet's name, if the process is udhcpc.
fn options(process: &Process) -> Option<&[Vec<u8>]> {
    match process.comm.as_str() {
        COMM | COMM_V6 => Some(&process.args[1..]),
        BUSYBOX => {
            let applet = process.args.iter().take(2).position(|arg| is_udhcpc(base_name(arg)))?;
            Some(&process.args[applet + 1..])
        }
        _ => None,
    }
}

fn is_udhcpc(name: &[u8]) -> bool {
    name == COMM.as_bytes() || name == COMM_V6.as_bytes()
}

/// The link a command line names, by the rules of getopt_long; the last one counts.
fn link_name(options: &[Vec<u8>]) -> &[u8] {
    let mut name = DEFAULT;
    let mut args = options.iter();
    while let Some(arg) = args.next() {
        if let Some(long) = arg.strip_prefix(b"--") {
            let (option, joined) = split_at_equals(long);
            if option.starts_with(b"i") && b"interface".starts_with(option) {
                name = joined.or(args.next().map(Vec::as_slice)).unwrap_or(name);
            }
        } else if let Some(cluster) = arg.strip_prefix(b"-") {
            let Some(at) = cluster.iter().position(|c| *c == b'a' || WITH_VALUE.contains(c)) else { continue };
            let joined = Some(&cluster[at + 1..]).filter(|value| !value.is_empty());
            let value = if cluster[at] == b'a' { joined } else { joined.or_else(|| args.next().map(Vec::as_slice)) };
            if let (b'i', Some(value)) = (cluster[at], value) {
                name = value;
            }
        }
    }
    name
}

fn split_at_equals(long: &[u8]) -> (&[u8], Option<&[u8]>) {
    match long.iter().position(|byte| *byte == b'=') {
        Some(at) => (&long[..at], Some(&long[at + 1..])),
        None => (long, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_is_found_in_every_spelling() {
        let cases = [
            ("-b -R -i eth3", "eth3"),
            ("-bieth3", "eth3"),
            ("-bi eth3 -p /run/udhcpc.eth0.pid", "eth3"),
            ("--interface=eth3", "eth3"),
            ("--int eth3", "eth3"),
            ("-p -i -x hostname:eth3", "eth0"),
            ("-a -i eth3", "eth3"),
            ("-a500 -ieth3 -i eth4", "eth4"),
            ("-b", "eth0"),
            ("-i", "eth0"),
        ];
        for (command_line, expected) in cases {
            let args: Vec<Vec<u8>> = command_line.split_whitespace().map(|arg| arg.as_bytes().to_vec()).collect();
            assert_eq!(String::from_utf8_lossy(link_name(&args)), expected, "udhcpc {command_line}");
        }
    }
}
