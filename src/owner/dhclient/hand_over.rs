//! The lease goes from one link to another: same server, same client identifier, same MAC, so the same address.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::link_names;
use crate::owner::lease::renamed;
use crate::owner::process::Process;
use crate::owner::{edit, lease};

/// The options whose values are files of one link.
const FILES: [&[u8]; 3] = [b"-lf", b"-df", b"-pf"];

/// Whether the command line is that of a client which serves this link alone and keeps its lease in a file of the link's
/// name, as ifupdown starts one for IPv4 and one for IPv6.
pub fn can_move(args: &[Vec<u8>], link: &str) -> bool {
    let has_own_leases = args.windows(2).any(|pair| pair[0] == b"-lf" && renamed(&pair[1], link, "").is_some());
    link_names(&args[1..]) == [link.as_bytes()] && has_own_leases
}

/// Whether the command line is that of a client for IPv6.
pub fn is_ipv6(args: &[Vec<u8>]) -> bool {
    args.iter().any(|arg| arg == b"-6")
}

/// Goes on on another link; answers whether a server has confirmed the lease there.
///
/// # Errors
/// One line that says what failed.
pub fn go_on(client: &Process, from: &str, to: &str) -> Result<bool, String> {
    let leases =
        move_files(&client.args, from, to).map_err(|error| format!("cannot copy the lease of {from}: {error}"))?;
    let known = expiries(&leases);
    lease::start(command(&client.args, from, to), to)?;
    // That a server has confirmed an IPv6 address, the file does not show.
    Ok(is_ipv6(&client.args) || lease::is_renewed(&known, || expiries(&leases)))
}

/// The command line for another link, which goes into the background at once.
fn command(args: &[Vec<u8>], from: &str, to: &str) -> Vec<Vec<u8>> {
    let mut command = vec![args[0].clone(), b"-nw".to_vec()];
    let mut is_file = false;
    for arg in args[1..].iter().filter(|arg| *arg != b"-nw") {
        let other = if is_file { renamed(arg, from, to) } else { (arg == from.as_bytes()).then(|| to.into()) };
        command.push(other.unwrap_or_else(|| arg.clone()));
        is_file = FILES.contains(&arg.as_slice());
    }
    command
}

/// Copies the lease and the client's identifier; answers with the place of the lease.
fn move_files(args: &[Vec<u8>], from: &str, to: &str) -> io::Result<PathBuf> {
    let mut leases = PathBuf::new();
    for pair in args.windows(2).filter(|pair| pair[0] == b"-lf" || pair[0] == b"-df") {
        let Some(other) = renamed(&pair[1], from, to) else { continue };
        let (old, new) = (PathBuf::from(OsString::from_vec(pair[1].clone())), PathBuf::from(OsString::from_vec(other)));
        // The other file is that of the client of the other family, who may be at work already; all that is wanted of it is the
        // host's identifier.
        if pair[0] == b"-df" && new.exists() {
            continue;
        }
        if let Some(text) = edit::text(&old)? {
            // dhclient passes over leases of another link.
            let moved = latest(&text).replace(&format!("interface \"{from}\";"), &format!("interface \"{to}\";"));
            edit::replace(&new, moved.as_bytes(), 0o644)?;
        }
        if pair[0] == b"-lf" {
            leases = new;
        }
    }
    Ok(leases)
}

/// The file with nothing but the last lease: at its start dhclient deletes what it has twice, and a lease that is added
/// could not be told from that.
fn latest(text: &str) -> String {
    let mut at = 0;
    let mut begins = Vec::new();
    for line in text.split_inclusive('\n') {
        if line.starts_with("lease {") || line.starts_with("lease6 {") {
            begins.push(at);
        }
        at += line.len();
    }
    match (begins.first(), begins.last()) {
        (Some(first), Some(last)) => format!("{}{}", &text[..*first], &text[*last..]),
        _ => text.to_owned(),
    }
}

/// Until when each lease of the file lasts; dhclient adds a lease for every answer of a server, which within the same second
/// lasts as long as the one before.
fn expiries(leases: &Path) -> Vec<String> {
    let text = fs::read_to_string(leases).unwrap_or_default();
    text.lines().filter(|line| line.trim_start().starts_with("expire ")).map(|line| line.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Vec<Vec<u8>> {
        line.split(' ').map(|arg| arg.as_bytes().to_vec()).collect()
    }

    #[test]
    fn the_command_of_ifupdown_is_that_of_the_other_link() {
        let line = "dhclient -4 -v -i -pf /run/dhclient.eth0.pid -lf /var/lib/dhcp/dhclient.eth0.leases -I -df \
                    /var/lib/dhcp/dhclient6.eth0.leases eth0";
        let other = command(&args(line), "eth0", "br0");
        let expected = line.replace("eth0", "br0").replace("dhclient -4", "dhclient -nw -4");
        assert_eq!(other, args(&expected));
        assert_eq!(command(&other, "br0", "eth0"), args(&line.replace("dhclient -4", "dhclient -nw -4")));
        assert!(can_move(&args(line), "eth0") && !can_move(&args(line), "eth1"));
        assert!(can_move(&other, "br0"));
    }

    #[test]
    fn the_last_lease_goes_over_with_the_identifier() {
        let lease =
            |address: &str| format!("lease {{\n  fixed-address {address};\n  expire 3 2026/11/25 22:54:20;\n}}\n");
        let head = "default-duid \"\\000\";\n";
        let all = head.to_owned() + &lease("192.0.2.7") + &lease("192.0.2.8");
        assert_eq!(latest(&all), head.to_owned() + &lease("192.0.2.8"));
        assert_eq!(latest(head), head);
    }

    #[test]
    fn a_client_that_shares_its_leases_stays() {
        assert!(!can_move(&args("dhclient eth0"), "eth0"));
        assert!(!can_move(&args("dhclient -lf /var/lib/dhcp/dhclient.leases eth0"), "eth0"));
        assert!(!can_move(&args("dhclient -lf /l/dhclient.eth0.leases eth0 eth1"), "eth0"));
        assert!(can_move(&args("dhclient -6 -lf /l/dhclient6.eth0.leases eth0"), "eth0"));
    }
}
