//! dhclient of ISC DHCP.

mod hand_over;

use super::{Claim, Error, Host, Link, Owner, lease_claim};

pub use hand_over::{can_move, go_on, is_ipv6};

pub const COMM: &str = "dhclient";

/// The options that take a value (dhclient.c of 4.4.3; the last five are of Fedora's patches).
const WITH_VALUE: [&str; 19] = [
    "-p",
    "-D",
    "--dad-wait-time",
    "--prefix-len-hint",
    "--decline-wait-time",
    "--address-prefix-len",
    "-s",
    "-g",
    "-cf",
    "-df",
    "-lf",
    "-pf",
    "-e",
    "-sf",
    "-timeout",
    "-C",
    "-F",
    "-H",
    "-V",
];

/// One claim for each dhclient: those for IPv4 and IPv6 are different processes.
pub fn claims(host: &Host, link: Link) -> Result<Vec<Claim>, Error> {
    let mut claims = Vec::new();
    for process in host.processes_named(COMM) {
        let names = link_names(&process.args[1..]);
        let scope = match names.is_empty() {
            true => "every link",
            false if names.contains(&link.name.as_bytes()) => link.name,
            false => continue,
        };
        let claim = lease_claim(Owner::Dhclient, link, process, scope);
        claims.push(match can_move(&process.args, link.name) {
            true if is_ipv6(&process.args) && has_lasting_ipv6_address(host, link)? => {
                let hint = format!(
                    "the first thing that dhclient does on a link is to delete its lasting IPv6 addresses, so give {} either those \
                     or a lease of DHCPv6, and reboot",
                    link.name
                );
                Claim { hint, ..claim }
            }
            true => claim.movable(link),
            false => claim,
        });
    }
    Ok(claims)
}

/// As dhclient-script's PREINIT6 means it: of global scope and permanent (`IFA_F_PERMANENT` of linux/if_addr.h).
fn has_lasting_ipv6_address(host: &Host, link: Link) -> Result<bool, Error> {
    let addresses = host.text("proc/net/if_inet6")?.unwrap_or_default();
    let is_lasting = |line: &str| match line.split_whitespace().collect::<Vec<_>>()[..] {
        [_, _, _, "00", flags, name] => {
            name == link.name && u32::from_str_radix(flags, 16).is_ok_and(|flags| flags & 0x80 != 0)
        }
        _ => false,
    };
    Ok(addresses.lines().any(is_lasting))
}

/// The links a command line names; none means all (dhclient(8)).
fn link_names(args: &[Vec<u8>]) -> Vec<&[u8]> {
    let mut names = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if WITH_VALUE.iter().any(|option| option.as_bytes() == arg.as_slice()) {
            args.next();
        } else if !arg.starts_with(b"-") {
            names.push(arg.as_slice());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(command_line: &str) -> Vec<String> {
        let args: Vec<Vec<u8>> = command_line.split_whitespace().map(|arg| arg.as_bytes().to_vec()).collect();
        link_names(&args).into_iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
    }

    #[test]
    fn names_are_told_from_values_of_options() {
        // As Debian's ifupdown starts it.
        let debian = "-4 -v -i -pf /run/dhclient.eth0.pid -lf /var/lib/dhcp/dhclient.eth0.leases -I -df \
                      /var/lib/dhcp/dhclient6.eth0.leases eth0";
        assert_eq!(names(debian), ["eth0"]);
        assert_eq!(names("-1 eth1 -cf eth0 eth2"), ["eth1", "eth2"]);
        assert_eq!(names("-6 -D LL -e eth0=1"), Vec::<String>::new());
    }
}
