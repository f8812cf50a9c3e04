//! dhcpcd goes on on another link. It makes its own identity of the MAC and of the host's DUID, adopts addresses that are
//! there, and replaces its routes by those of the new link.

use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use super::{Service, service};
use crate::owner::process::Process;
use crate::owner::{edit, ifupdown, lease};

/// Leases since version 9, on Debian (`DBDIR`).
const LEASES: &str = "/var/lib/dhcpcd";

/// What its scripts keep of each link, one directory for each thing that several links say.
const SCRIPTS_STATE: &str = "/run/dhcpcd/hook-state";

/// What ifupdown gives dhcpcd of its stanza (inet.defn of 0.8.41 and 0.8.44).
const OPTIONS: [(&str, &str); 5] =
    [("hostname", "-h"), ("vendor", "-i"), ("client", "-I"), ("leasetime", "-l"), ("metric", "-m")];

/// Whether the process serves this link alone, as ifupdown starts it.
pub fn can_move(process: &Process, link: &str) -> bool {
    is_title(process) && serves(process, link)
}

/// Whether the process serves this link alone, in the moment before it has its title, too.
pub fn serves(process: &Process, link: &str) -> bool {
    service(process) == Some(Service::Links(vec![link.as_bytes()]))
}

/// Goes on on another link; answers whether a server has confirmed the lease there.
///
/// # Errors
/// One line that says what failed.
pub fn go_on(client: &Process, from: &str, to: &str) -> Result<bool, String> {
    let lease = lease_of(to);
    let cannot = |error: io::Error| format!("cannot copy the lease of {from}: {error}");
    let has_lease = copy(&lease_of(from), &lease).map_err(cannot)?;
    forget_scripts_state(from).map_err(|error| format!("cannot remove {from} from {SCRIPTS_STATE}: {error}"))?;
    let known = written(&lease);
    lease::start(command(&client.args[0], &stanza_options(from, to), to), to)?;
    // Without a lease for IPv4 the link's routers are all that it listens to.
    Ok(!has_lease || lease::is_renewed(&known, || written(&lease)))
}

fn is_title(process: &Process) -> bool {
    process.args[0].starts_with(b"dhcpcd: ")
}

/// The command line: the title tells the protocols alone, so the rest is what ifupdown has of the link.
fn command(title: &[u8], options: &[(String, String)], to: &str) -> Vec<Vec<u8>> {
    let speaks = |protocol: &[u8]| title.split(|byte| *byte == b' ').any(|word| word == protocol);
    let mut words = vec!["dhcpcd", "--background"];
    match (speaks(b"[ip4]"), speaks(b"[ip6]")) {
        (true, false) => words.push("-4"),
        (false, true) => words.push("-6"),
        _ => {}
    }
    for (name, flag) in OPTIONS {
        let value = options.iter().find(|(option, _)| option == name);
        words.extend(value.into_iter().flat_map(|(_, value)| [flag, value]));
    }
    words.push(to);
    words.into_iter().map(|word| word.as_bytes().to_vec()).collect()
}

/// The options of whichever of the two links is to get its address by DHCP.
fn stanza_options(from: &str, to: &str) -> Vec<(String, String)> {
    let of = |link| ifupdown::dhcp_options(Path::new("/"), link).unwrap_or_default();
    [from, to].into_iter().flat_map(of).collect()
}

fn lease_of(link: &str) -> PathBuf {
    Path::new(LEASES).join(format!("{link}.lease"))
}

/// Whether there was something to copy.
fn copy(old: &Path, new: &Path) -> io::Result<bool> {
    match fs::read(old) {
        Ok(lease) => edit::replace(new, &lease, 0o640).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// dhcpcd writes the file with each answer of a server.
fn written(lease: &Path) -> Option<SystemTime> {
    lease.metadata().and_then(|lease| lease.modified()).ok()
}

/// Or the name servers of the old link would stay in `/etc/resolv.conf` for good.
fn forget_scripts_state(link: &str) -> io::Result<()> {
    let Ok(directories) = fs::read_dir(SCRIPTS_STATE) else { return Ok(()) };
    for directory in directories {
        for entry in fs::read_dir(directory?.path())? {
            let entry = entry?;
            let name = entry.file_name();
            if name.to_string_lossy().split_once('.').is_some_and(|(of, _)| of == link) {
                fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::owner::dhcpcd::COMM;

    fn words(title: &str, options: &[(&str, &str)]) -> String {
        let options: Vec<_> = options.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let words = command(title.as_bytes(), &options, "br0");
        words.iter().map(|word| String::from_utf8_lossy(word)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_command_speaks_what_was_spoken_and_has_the_options_of_the_stanza() {
        assert_eq!(words("dhcpcd: eth0 [ip4] [ip6]", &[]), "dhcpcd --background br0");
        assert_eq!(words("dhcpcd: eth0 [ip4]", &[("metric", "5")]), "dhcpcd --background -4 -m 5 br0");
        let options = [("metric", "5"), ("hostname", "web"), ("bridge-ports", "eth0")];
        assert_eq!(words("dhcpcd: eth0 [ip6]", &options), "dhcpcd --background -6 -h web -m 5 br0");
    }

    #[test]
    fn one_that_serves_every_link_or_another_stays() {
        let can_move = |title: &str| {
            let args = vec![title.as_bytes().to_vec()];
            can_move(&Process { pid: 1, comm: COMM.to_owned(), args }, "eth0")
        };
        assert!(can_move("dhcpcd: eth0 [ip4] [ip6]"));
        for title in ["dhcpcd: eth1 [ip4]", "dhcpcd: [manager] [ip4]", "dhcpcd: [privileged proxy] eth0", "dhcpcd"] {
            assert!(!can_move(title), "{title}");
        }
    }
}
