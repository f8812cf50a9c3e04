//! Whether the host forwards, and who sets that.

use std::fmt::{self, Display, Formatter};
use std::path::Path;

use serde::Serialize;

use crate::config::{Config, Forwarding};
use crate::libvirt::routed_networks;
use crate::netfilter::docker::Docker;
use crate::netfilter::writers;
use crate::printable::Printable;
use crate::{sysctl, sysctl_d};

/// Forwarding of one family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// `IPv4` or `IPv6`.
    pub family: &'static str,
    /// The sysctl.
    pub sysctl: String,
    /// Its value; nothing where the kernel does not have the family.
    pub present: Option<u8>,
    /// Whether our own configuration turns it on.
    pub configured: bool,
    /// Who else sets it, with file and line where there is one.
    pub setters: Vec<String>,
}

/// Both families, IPv4 first. Below `root` (`/` on a host) is read who sets what; the values are the kernel's.
pub fn report(root: &Path, config: &Config) -> [Report; 2] {
    [
        of_family("IPv4", &[&super::IPV4, &["net", "ipv4", "conf", "all", "forwarding"]], config.host.ip_forward, root),
        of_family("IPv6", &[&super::IPV6], config.host.ip6_forward, root),
    ]
}

/// The first of the names is the sysctl's own, others are of the same value.
fn of_family(family: &'static str, names: &[&[&str]], configured: Forwarding, root: &Path) -> Report {
    let setting = |name: &&[&str]| {
        let settings = sysctl_d::settings(root, &name.join("."));
        settings.into_iter().map(|setting| format!("{setting} ({})", Printable(&setting.value)))
    };
    let networks = routed_networks::all(root).into_iter().filter(|network| network.families.contains(&family));
    let network =
        networks.map(|network| format!("libvirt network {} ({})", Printable(&network.name), Printable(&network.mode)));
    let dockerd =
        (Docker::read(root).forwards(family) && writers::is_running(root, "dockerd")).then(|| "dockerd".into());
    Report {
        family,
        sysctl: names[0].join("."),
        present: sysctl::read_digit(names[0]),
        configured: configured == Forwarding::On,
        setters: names.iter().flat_map(setting).chain(network).chain(dockerd).collect(),
    }
}

/// One line: `IPv4 forwarding is on (net.ipv4.ip_forward = 1); who sets it: libvirt network default (nat)`.
impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Report { family, sysctl, .. } = self;
        match self.present {
            Some(0) => write!(f, "{family} forwarding is off ({sysctl} = 0)")?,
            Some(value) => write!(f, "{family} forwarding is on ({sysctl} = {value})")?,
            None => write!(f, "{family} forwarding: this kernel has no {sysctl}")?,
        }
        let own = self.configured.then_some("[host] of /etc/virt-bridge.toml");
        let setters: Vec<&str> = own.into_iter().chain(self.setters.iter().map(String::as_str)).collect();
        if setters.is_empty() { Ok(()) } else { write!(f, "; who sets it: {}", setters.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::Host;

    #[test]
    fn whoever_sets_forwarding_is_named_with_file_and_line() {
        let root = std::env::temp_dir().join(format!("virt-bridge-forwarding-{}", std::process::id()));
        let write = |file: &str, text: &str| {
            let file = root.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        let setters = || report(&root, &Config::default()).map(|report| report.setters);
        assert_eq!(setters(), [Vec::<String>::new(), Vec::new()]);
        write("etc/sysctl.conf", "\nnet.ipv4.ip_forward = 1\n");
        write("etc/sysctl.d/x.conf", "net.ipv4.conf.all.forwarding=0\nnet/ipv6/conf/all/forwarding = 1\n");
        let ip = "<ip address='192.0.2.1'/>";
        write("etc/libvirt/qemu/networks/default.xml", &format!("<network><forward/>{ip}</network>"));
        write("etc/libvirt/qemu/networks/closed.xml", &format!("<network>{ip}</network>"));
        write("proc/17/comm", "dockerd\n");
        let root_of = |file: &str| root.join(file).display().to_string();
        let main = format!("{}:2 (1)", root_of("etc/sysctl.conf"));
        let other = format!("{}:1 (0)", root_of("etc/sysctl.d/x.conf"));
        let ipv6 = format!("{}:2 (1)", root_of("etc/sysctl.d/x.conf"));
        assert_eq!(setters()[0], [main.as_str(), other.as_str(), "libvirt network default (nat)", "dockerd"]);
        assert_eq!(setters()[1], [ipv6]);
        write("etc/docker/daemon.json", r#"{"ip-forward": false}"#);
        assert!(!setters()[0].contains(&"dockerd".to_owned()));
        let config = Config { host: Host { ip_forward: Forwarding::On, ..Host::default() }, ..Config::default() };
        assert!(report(&root, &config)[0].to_string().contains("; who sets it: [host] of /etc/virt-bridge.toml, "));
        fs::remove_dir_all(&root).unwrap();
    }
}
