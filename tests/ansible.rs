//! The Ansible role of `packaging/ansible` on a fleet of three hosts, each a lab with an sshd of its own.

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{fs, thread};

use support::{Lab, ssh, told};

const NAMES: [&str; 3] = ["kvm1", "kvm2", "kvm3"];

/// Lets SSH in by eth0 only, as a firewall does that names its interfaces; what is connected stays so.
const FIREWALL: &str = "table inet filter {
    chain input {
        type filter hook input priority 0
        tcp dport 22 tcp flags & (syn | ack) == syn iifname != eth0 drop
    }
}";

const CONFIGURATION: &str = "[defaults]
inventory = hosts
host_key_checking = false
nocolor = true
timeout = 4
[connection]
pipelining = true
";

/// The hosts kvm1, kvm2, kvm3, and what Ansible needs to reach them.
struct Fleet {
    hosts: Vec<Lab>,
    directory: PathBuf,
}

impl Fleet {
    fn start() -> Self {
        let hosts: Vec<_> = (0..3).map(|_| thread::spawn(ssh::lab)).collect();
        let hosts: Vec<Lab> = hosts.into_iter().map(|host| host.join().unwrap()).collect();
        // Short: the paths of SSH's sockets are below it.
        let directory = std::env::temp_dir().join(format!("virt-bridge-ansible-{}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let lines = hosts.iter().zip(NAMES).map(|(host, name)| {
            let peer = host.path("/run/netns/peer");
            let through = format!("nsenter --net={} busybox nc 192.0.2.10 22", peer.display());
            let key = host.path(ssh::KEY);
            format!(
                "{name} ansible_ssh_private_key_file={} ansible_ssh_common_args=\"-F none -o IdentitiesOnly=yes \
                 -o UserKnownHostsFile=/dev/null -o ProxyCommand='{through}'\"\n",
                key.display()
            )
        });
        let inventory = "[kvm:vars]\nansible_user=root\nvirt_bridge_uplink=eth0\n\
             virt_bridge_confirm=120s\nansible_remote_tmp=/run/lab/ansible\nansible_python_interpreter=/usr/bin/python3\n";
        fs::write(directory.join("hosts"), format!("[kvm]\n{}{inventory}", lines.collect::<String>())).unwrap();
        fs::write(directory.join("ansible.cfg"), CONFIGURATION).unwrap();
        Fleet { hosts, directory }
    }

    fn attempt(&self, options: &[&str]) -> Output {
        let role = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/ansible");
        Command::new("ansible-playbook")
            .args(options)
            .arg(role.join("playbook.yml"))
            .current_dir(&self.directory)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", &self.directory)
            .env("ANSIBLE_CONFIG", self.directory.join("ansible.cfg"))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// What a run says that must succeed.
    fn run(&self, options: &[&str]) -> String {
        let output = self.attempt(options);
        assert!(output.status.success(), "{}", told(&output));
        support::text(&output.stdout)
    }

    fn states(&self) -> Vec<String> {
        self.hosts.iter().map(Lab::state).collect()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// The count of this name in the recap of a host; nothing for a host that was not touched.
fn count(said: &str, host: &str, what: &str) -> Option<u32> {
    let line = said.lines().find(|line| line.starts_with(host) && line.contains(" : "))?;
    line.split_whitespace().find_map(|word| word.strip_prefix(what)?.strip_prefix('=')?.parse().ok())
}

fn is_on_its_bridge(host: &Lab) -> bool {
    let addresses = host.host(["ip", "-brief", "address", "show", "br0"]);
    addresses.contains("192.0.2.10/24") && addresses.contains("2001:db8:0:1::10/64")
}

#[test]
fn a_fleet_stops_at_a_host_that_cannot_be_reached_by_its_bridge_and_goes_on_when_that_is_mended() {
    let fleet = Fleet::start();
    let [first, second, third] = fleet.hosts.as_slice() else { unreachable!() };
    second.write("/run/lab/firewall", FIREWALL);
    second.host(["nft", "-f", "/run/lab/firewall"]);
    let before = fleet.states();

    fleet.run(&["--syntax-check"]);
    let foretold = fleet.run(&["--check", "--limit", "kvm3"]);
    assert!(count(&foretold, "kvm3", "changed") > Some(0), "{foretold}");
    assert_eq!(fleet.states(), before);
    assert!(!third.path("/etc/virt-bridge.d").exists());

    // As long as the test has to wait until the second one goes back.
    fs::create_dir(fleet.directory.join("host_vars")).unwrap();
    fs::write(fleet.directory.join("host_vars/kvm2"), "virt_bridge_confirm: 20s").unwrap();
    let failed = fleet.attempt(&[]);
    assert!(!failed.status.success(), "{}", told(&failed));
    let said = support::text(&failed.stdout);
    assert!(said.contains("went back by itself"), "{said}");
    assert!(is_on_its_bridge(first));
    assert_eq!(fleet.states()[1..], before[1..]);
    assert_eq!(second.host(["ls", "/etc/virt-bridge.d"]), "50-ansible-br0.toml\n");
    assert!(!third.path("/etc/virt-bridge.d").exists());
    assert_eq!(count(&said, "kvm3", "ok"), None, "{said}");

    second.host(["nft", "flush", "ruleset"]);
    fs::remove_dir_all(fleet.directory.join("host_vars")).unwrap();
    let mended = fleet.run(&[]);
    assert_eq!(count(&mended, "kvm1", "changed"), Some(0), "{mended}");
    assert!(fleet.hosts.iter().all(is_on_its_bridge), "{mended}");

    let again = fleet.run(&[]);
    assert!(NAMES.iter().all(|host| count(&again, host, "changed") == Some(0)), "{again}");
}
