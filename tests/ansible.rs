//! The Ansible role of `packaging/ansible` on a fleet of three hosts, each a lab with an sshd of its own. The first installs
//! the package from a repository, the second has it, the third gets it as a file, and a bridge that lasts.

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::{fs, thread};

use support::programs::program;
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
        let options: [&[&str]; 3] = [&["--no-libvirt", "--no-ra"], &["--no-libvirt", "--no-ra"], &["--no-ra"]];
        let hosts: Vec<_> = options.map(|options| thread::spawn(|| ssh::lab_with(options))).into_iter().collect();
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
        fs::create_dir(directory.join("host_vars")).unwrap();
        Fleet { hosts, directory }
    }

    /// What Ansible knows of one host.
    fn set(&self, host: &str, variables: &str) {
        fs::write(self.directory.join("host_vars").join(host), variables).unwrap();
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

/// Takes virt-bridge from a host, and lets it change what else belongs to the real one.
const UNINSTALL: &str = "for directory in /usr /var/cache; do
        mkdir -p /run/lab/layers/whole$directory/upper /run/lab/layers/whole$directory/work
        mount -t overlay -o lowerdir=$directory,upperdir=/run/lab/layers/whole$directory/upper,workdir=/run/lab/layers/whole$directory/work \
            overlay $directory
    done
    rm -f /usr/sbin/virt-bridge /usr/lib/libvirt/virt-bridge-*";

/// Makes a package of the binaries that are tested, in this directory.
fn make_package(directory: &Path) -> PathBuf {
    let (tree, package) = (directory.join("package"), directory.join("virt-bridge_1_amd64.deb"));
    let make = "mkdir -p $1/DEBIAN $1/usr/sbin $1/usr/lib/libvirt
        printf 'Package: virt-bridge\\nVersion: 1\\nArchitecture: amd64\\nMaintainer: nobody <nobody@example.org>\\n%s\\n' \
            'Description: what is tested' >$1/DEBIAN/control
        strip -o $1/usr/sbin/virt-bridge $3
        strip -o $1/usr/lib/libvirt/virt-bridge-network $4
        strip -o $1/usr/lib/libvirt/virt-bridge-qemu $5
        dpkg-deb --root-owner-group -Znone --build $1 $2";
    let arguments = [tree.as_os_str(), package.as_os_str()];
    let hooks = ["virt-bridge-network", "virt-bridge-qemu"].map(program);
    let made = Command::new("sh")
        .args(["-ec", make, "sh"])
        .args(arguments)
        .arg(program("virt-bridge"))
        .args(hooks)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", told(&made));
    package
}

/// Makes the package known to a host's apt, and no other.
fn offer(host: &Lab, package: &Path) {
    host.host(["mkdir", "/run/lab/repository"]);
    fs::copy(package, host.path("/run/lab/repository/virt-bridge.deb")).unwrap();
    let offer = "cd /run/lab/repository
        { dpkg-deb --field virt-bridge.deb
          echo Filename: ./virt-bridge.deb; echo Size: $(stat -c %s virt-bridge.deb)
          echo SHA256: $(sha256sum virt-bridge.deb | cut -d ' ' -f 1); } >Packages
        rm -rf /etc/apt/sources.list*
        echo 'deb [trusted=yes] file:/run/lab/repository ./' >/etc/apt/sources.list
        apt-get --quiet=2 update";
    host.host(["sh", "-ec", offer]);
}

/// A libvirtd that a service starts anew, and an uplink that ifupdown configures at boot.
fn prepare_to_last(host: &Lab) {
    host.host(["mkdir", "-p", "/run/network", "/etc/init.d"]);
    // Whose name Ansible takes for the proof that systemd starts the services.
    host.host(["rm", "/usr/sbin/init"]);
    let service = "#!/bin/sh\nPATH=/run/lab/bin:/usr/sbin:/usr/bin:/sbin:/bin exec daemon \"$1\"\n";
    host.write("/etc/init.d/libvirtd", service);
    host.host(["chmod", "755", "/etc/init.d/libvirtd"]);
    host.write("/run/network/ifstate", "lo=lo\neth0=eth0\n");
    host.write(
        "/etc/network/interfaces",
        "auto eth0\niface eth0 inet static\n    address 192.0.2.10/24\n    gateway 192.0.2.1\n",
    );
}

#[test]
fn a_fleet_stops_at_a_host_that_cannot_be_reached_by_its_bridge_and_goes_on_when_that_is_mended() {
    let fleet = Fleet::start();
    let [first, second, third] = fleet.hosts.as_slice() else { unreachable!() };
    second.write("/run/lab/firewall", FIREWALL);
    second.host(["nft", "-f", "/run/lab/firewall"]);
    let package = make_package(&fleet.directory);
    for host in [first, third] {
        host.host(["sh", "-ec", UNINSTALL]);
    }
    offer(first, &package);
    fleet.set("kvm1", "virt_bridge_libvirt_service: ''");
    prepare_to_last(third);
    let lasting = "virt_bridge_persist: true\nvirt_bridge_network: lan";
    fleet.set("kvm3", &format!("virt_bridge_deb: {}\n{lasting}", package.display()));
    let before = fleet.states();

    fleet.run(&["--syntax-check"]);
    let foretold = fleet.run(&["--check", "--limit", "kvm2,kvm3"]);
    assert!(["kvm2", "kvm3"].iter().all(|host| count(&foretold, host, "changed") > Some(0)), "{foretold}");
    assert_eq!(fleet.states(), before);
    assert!([second, third].iter().all(|host| !host.path("/etc/virt-bridge.d").exists()));
    assert!(!third.path("/usr/sbin/virt-bridge").exists());

    // As long as the test has to wait until the second one goes back.
    fleet.set("kvm2", "virt_bridge_confirm: 20s");
    let failed = fleet.attempt(&[]);
    assert!(!failed.status.success(), "{}", told(&failed));
    let said = support::text(&failed.stdout);
    assert!(said.contains("went back by itself"), "{said}");
    assert!(is_on_its_bridge(first));
    assert!(first.host(["dpkg", "--status", "virt-bridge"]).contains("Status: install ok installed"));
    assert_eq!(fleet.states()[1..], before[1..]);
    assert_eq!(second.host(["ls", "/etc/virt-bridge.d"]), "50-ansible-br0.toml\n");
    assert!(!third.path("/etc/virt-bridge.d").exists());
    assert_eq!(count(&said, "kvm3", "ok"), None, "{said}");

    second.host(["nft", "flush", "ruleset"]);
    fs::remove_file(fleet.directory.join("host_vars/kvm2")).unwrap();
    let mended = fleet.run(&[]);
    assert_eq!(count(&mended, "kvm1", "changed"), Some(0), "{mended}");
    assert!(fleet.hosts.iter().all(is_on_its_bridge), "{mended}");
    assert!(third.read("/etc/network/interfaces").contains("bridge_ports eth0"));
    let network = third.virsh(["net-info", "lan"]).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(network.ends_with("Active: yes Persistent: yes Autostart: yes Bridge: br0"), "{network}");
    // The daemon has been started anew for it, and by Ansible.
    third.host(["virt-bridge", "check", "hook-seen", "hook-installed"]);

    let again = fleet.run(&[]);
    assert!(NAMES.iter().all(|host| count(&again, host, "changed") == Some(0)), "{again}");
}
