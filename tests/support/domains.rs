//! Domains and the service that watches them, for tests.

use std::os::unix::net::UnixDatagram;
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::Lab;

const LOG: &str = "/run/lab/watch.log";
const NOTIFICATIONS: &str = "/run/lab/notify";

/// A configuration with a rule that moves what is on `default`.
pub const CONFIGURATION: &str = r#"
[bridge.br0]
uplink = "eth0"

[[interface]]
from = { network = "default" }
to = { network = "bridge-network" }
"#;

/// A lab with that configuration and `bridge-network`, defined and not started.
pub fn lab() -> Lab {
    configured(Lab::start(["--no-ra"]))
}

fn configured(lab: Lab) -> Lab {
    lab.write("/etc/virt-bridge.toml", CONFIGURATION);
    define_network(&lab, "bridge-network", "br0");
    lab
}

/// A host with br0 on eth0, and a guest with a lease on it.
pub fn online() -> Lab {
    with_guest(lab())
}

/// The same where a router advertises itself.
pub fn online_with_ipv6() -> Lab {
    with_guest(configured(Lab::start([""; 0])))
}

fn with_guest(lab: Lab) -> Lab {
    // Where it is to boot from, so that it asks for the MAC address behind that.
    lab.serve_dhcp(&["--dhcp-boot=nothing,router,192.0.2.1"]);
    lab.virsh(["net-start", "bridge-network"]);
    lab.host(["virt-bridge", "netfilter", "apply"]);
    lab.host(["guest", "web", "bridge-network"]);
    lab.host(["lan-dhcp", "lease", "52:54:00:00:00:30"]);
    lab.wait_until("the guest is online", || is_online(&lab, "web"));
    lab
}

/// Whether `why` finds nothing broken in the guest's way.
pub fn is_online(lab: &Lab, guest: &str) -> bool {
    lab.attempt(["virt-bridge", "why", guest]).status.code() == Some(0)
}

/// Defines a network whose guests are ports of `bridge`.
pub fn define_network(lab: &Lab, name: &str, bridge: &str) {
    let xml = format!("<network><name>{name}</name><forward mode='bridge'/><bridge name='{bridge}'/></network>");
    lab.write("/run/lab/network.xml", &xml);
    lab.virsh(["net-define", "/run/lab/network.xml"]);
}

/// A guest without disk, whose firmware asks for an address as long as it gets none.
pub fn domain(name: &str, interface: &str) -> String {
    format!(
        "<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>32</memory>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <boot dev='network'/>
  </os>
  <devices>
    {interface}
    <memballoon model='none'/>
  </devices>
</domain>
"
    )
}

/// An interface on a network.
pub fn on_network(network: &str, mac: &str) -> String {
    format!(
        "<interface type='network'>
      <mac address='{mac}'/>
      <source network='{network}'/>
      <model type='virtio'/>
    </interface>"
    )
}

/// Defines the domain of this XML.
pub fn define(lab: &Lab, xml: &str) {
    lab.write("/run/lab/domain.xml", xml);
    lab.virsh(["define", "/run/lab/domain.xml"]);
}

/// The definition, with passwords.
pub fn definition(lab: &Lab, domain: &str) -> String {
    lab.virsh(["dumpxml", "--inactive", "--security-info", domain])
}

/// Whether the definition of `domain` has an interface on `network`.
pub fn is_on(lab: &Lab, domain: &str, network: &str) -> bool {
    definition(lab, domain).contains(&format!("<source network='{network}'/>"))
}

/// The bridge that a link is a port of.
pub fn bridge_of(lab: &Lab, link: &str) -> String {
    let master = lab.attempt(["readlink", &format!("/sys/class/net/{link}/master")]);
    super::text(&master.stdout).trim().rsplit('/').next().unwrap_or_default().to_owned()
}

/// A running `virt-bridge-watch`; it ends with this.
pub struct Watch<'a> {
    lab: &'a Lab,
    child: Child,
    notifications: Receiver<String>,
}

impl<'a> Watch<'a> {
    /// Starts it, with what systemd would give it.
    pub fn begin(lab: &'a Lab, arguments: &[&str]) -> Self {
        lab.host(["rm", "-f", NOTIFICATIONS]);
        let socket = UnixDatagram::bind(lab.path(NOTIFICATIONS)).unwrap();
        let (sender, notifications) = channel();
        // As systemd does, at once: the queue is short, and the service would wait.
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length) = socket.recv(&mut buffer) {
                if sender.send(super::text(&buffer[..length])).is_err() {
                    break;
                }
            }
        });
        let script = format!("echo $$ >/run/lab/watch.pid; exec virt-bridge-watch \"$@\" >>{LOG} 2>&1");
        let mut command = lab.command(["sh", "-c", &script, "sh"]);
        command.args(arguments).env("NOTIFY_SOCKET", NOTIFICATIONS).env("WATCHDOG_USEC", "1000000");
        Watch { lab, child: command.spawn().unwrap(), notifications }
    }

    /// Starts it, and waits until it has looked at every domain.
    pub fn start(lab: &'a Lab, arguments: &[&str]) -> Self {
        let watch = Watch::begin(lab, arguments);
        watch.wait_until_ready();
        watch
    }

    /// Waits until systemd is told that it follows libvirt's events.
    pub fn wait_until_ready(&self) {
        while !self.notification().contains("STATUS=following") {}
    }

    /// Lets it read the rules again, and waits until it has looked at every domain.
    pub fn reload(&self) {
        while self.notifications.try_recv().is_ok() {}
        self.signal("HUP");
        self.wait_until_ready();
    }

    /// What systemd is told next.
    pub fn notification(&self) -> String {
        let next = self.notifications.recv_timeout(Duration::from_secs(30));
        next.unwrap_or_else(|error| panic!("{error}\n{}", self.log()))
    }

    /// What it has said; also what earlier ones of this lab have.
    pub fn log(&self) -> String {
        self.lab.read(LOG)
    }

    /// How often it has said so, in whole lines.
    pub fn count(&self, what: &str) -> usize {
        self.log().split_inclusive('\n').filter(|line| line.ends_with('\n') && line.contains(what)).count()
    }

    /// Waits until it has said so `times`.
    pub fn wait_for(&self, what: &str, times: usize) {
        let begun = Instant::now();
        while self.count(what) < times {
            let waited = begun.elapsed();
            assert!(waited < Duration::from_secs(60), "not said {times} times: {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Its process in the lab.
    pub fn pid(&self) -> String {
        self.lab.read("/run/lab/watch.pid").trim().to_owned()
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        self.lab.host(["kill", "-s", name, &self.pid()]);
    }

    /// Its resident memory in KiB.
    pub fn memory(&self) -> u64 {
        let status = self.lab.read(&format!("/proc/{}/status", self.pid()));
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("no VmRSS");
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Ends it as systemd does; how long it took.
    pub fn stop(mut self) -> Duration {
        let begun = Instant::now();
        self.signal("TERM");
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}\n{}", self.log());
        begun.elapsed()
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.signal("KILL");
            let _ = self.child.wait();
        }
    }
}
