//! The qemu hook as a real libvirtd calls it.

mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use support::domains::{bridge_of, define, define_network, domain, on_network};
use support::{Lab, told};

const MAC: &str = "52:54:00:00:00:50";

/// The rule of a host whose network has another name than that of the host that guests come from.
const RULE: &str = r#"
[[interface]]
from = { network = "lan-of-a" }
to = { network = "lan-of-b" }
"#;

/// A directory that every lab sees; it goes with this.
struct Shared(PathBuf);

impl Shared {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("virt-bridge-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Shared(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn on_bridge(bridge: &str) -> String {
    format!("<interface type='bridge'><mac address='{MAC}'/><source bridge='{bridge}'/></interface>")
}

/// A host whose network is called so, active on br0.
fn host(network: &str) -> Lab {
    let lab = Lab::start(["--no-ra"]);
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\n");
    define_network(&lab, network, "br0");
    lab.virsh(["net-start", network]);
    lab
}

/// A host with the guest `web` running on `lan-of-a`.
fn host_with_guest() -> Lab {
    let lab = host("lan-of-a");
    define(&lab, &domain("web", &on_network("lan-of-a", MAC)));
    lab.virsh(["start", "web"]);
    lab
}

/// A host with the rule, where guests of the other come to.
fn host_with_rule() -> Lab {
    let lab = host("lan-of-b");
    lab.write("/etc/virt-bridge.toml", &format!("[bridge.br0]\nuplink = \"eth0\"\n{RULE}"));
    lab
}

fn assert_has_arrived(lab: &Lab) {
    assert_eq!(lab.virsh(["domstate", "web"]).trim(), "running");
    let interfaces = lab.virsh(["domiflist", "web"]);
    assert!(interfaces.contains("lan-of-b") && interfaces.contains(MAC), "{interfaces}");
    assert_eq!(bridge_of(lab, "vnet0"), "br0");
    let log = lab.log();
    assert!(log.contains("source network lan-of-a → lan-of-b"), "{log}");
}

/// Calls the hook as libvirt does.
fn call(lab: &Lab, operation: [&str; 2], xml: &str) -> Output {
    let mut command = lab.command(["/etc/libvirt/hooks/qemu.d/50-virt-bridge", "web", operation[0], operation[1], "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Where the hook does not read this fails, as for libvirt.
    let _ = child.stdin.take().unwrap().write_all(xml.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn a_guest_gets_its_configured_bridge_when_it_starts() {
    let lab = Lab::start(["--no-ra"]);
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\n");
    define(&lab, &domain("web", &on_bridge("br0")));
    lab.virsh(["start", "web"]);
    assert_eq!((bridge_of(&lab, "vnet0"), bridge_of(&lab, "eth0")), ("br0".into(), "br0".into()));
    lab.router(["ping", "-c1", "-W2", "192.0.2.10"]);
    assert!(lab.log().contains("web prepare begin: br0 has taken over"), "{}", lab.log());
}

#[test]
fn a_guest_whose_bridge_cannot_be_had_does_not_start_and_says_why() {
    let lab = Lab::start(["--no-ra"]);
    let before = lab.state();
    define(&lab, &domain("web", &on_bridge("br7")));
    let said = lab.virsh_fails(["start", "web"]);
    assert!(said.contains("virt-bridge: there is no bridge br7") && said.contains("[bridge.br7]"), "{said}");
    lab.write("/etc/virt-bridge.toml", "[bridge.br7]\nuplink = \"eth9\"\n");
    let said = lab.virsh_fails(["start", "web"]);
    assert!(said.contains("virt-bridge: br7: ") && said.contains("eth9"), "{said}");
    lab.write("/etc/virt-bridge.toml", "[bridge.br7]\nuplink = 5\n");
    let said = lab.virsh_fails(["start", "web"]);
    assert!(said.contains("/etc/virt-bridge.toml:2"), "{said}");
    assert_eq!(lab.state(), before);
}

#[test]
fn somebodys_bridge_is_left_as_it_is_even_by_a_broken_configuration() {
    let lab = Lab::start(["--no-ra"]);
    support::bridges::make_bridge(&lab, "theirs");
    define(&lab, &domain("web", &on_bridge("theirs")));
    // The bridge itself takes the MAC of its ports.
    let others = || {
        lab.state()
            .lines()
            .filter(|line| !line.contains("theirs"))
            .map(|line| line.to_owned() + "\n")
            .collect::<String>()
    };
    let before = others();
    for configuration in ["", "this is no configuration"] {
        lab.write("/etc/virt-bridge.toml", configuration);
        lab.virsh(["start", "web"]);
        assert!(lab.host(["ip", "link", "show", "master", "theirs"]).contains("vnet"));
        lab.virsh(["destroy", "web"]);
        lab.wait_until("the host is as before", || others() == before);
    }
}

#[test]
fn a_starting_guest_finds_bridge_netfilter_right_where_no_network_does_that() {
    let lab = Lab::start(["--no-ra"]);
    let wrong = "ip link set theirs type bridge nf_call_ip6tables 1; sysctl -q net.bridge.bridge-nf-call-iptables=1";
    support::bridges::make_bridge(&lab, "theirs");
    define(&lab, &domain("web", &on_bridge("theirs")));
    for wrong in wrong.split("; ") {
        lab.host(["virt-bridge", "netfilter", "apply"]);
        support::bridges::script(&lab, wrong);
        lab.virsh(["start", "web"]);
        assert_eq!(
            (support::bridges::flags(&lab, "theirs"), support::bridges::sysctls(&lab)),
            ("000".into(), "000".into()),
            "{wrong}: {}",
            lab.log()
        );
        lab.virsh(["destroy", "web"]);
    }
}

#[test]
fn a_guest_saved_elsewhere_is_restored_on_this_hosts_network() {
    let shared = Shared::new("saved");
    let from = host_with_guest();
    from.virsh(["save", "web", &shared.file("web")]);
    drop(from);
    let lab = host_with_rule();
    lab.virsh(["restore", &shared.file("web")]);
    assert_has_arrived(&lab);
}

#[test]
fn a_guest_migrates_to_this_hosts_network() {
    let shared = Shared::new("migrated");
    let from = host_with_guest();
    let to = host_with_rule();
    // libvirt tells hosts apart by name and by the mainboard's UUID; its socket is where both see it.
    to.host(["daemon", "stop"]);
    std::fs::create_dir(shared.file("sockets")).unwrap();
    let settings = "host_uuid = \"00000000-0000-4000-8000-000000000002\"";
    let script = format!(
        "hostname other; echo '127.0.1.2 other' >>/etc/hosts; echo '{settings}' >>/etc/libvirt/libvirtd.conf
        echo 'unix_sock_dir = \"{}\"' >>/etc/libvirt/libvirtd.conf",
        shared.file("sockets")
    );
    to.host(["sh", "-c", &script]);
    let socket = shared.file("sockets/libvirt-sock");
    to.host(["sh", "-c", "libvirtd --daemon --pid-file /run/libvirtd.pid"]);
    to.wait_until("libvirtd answers", || Path::new(&socket).exists());
    to.host(["ln", "-sf", &socket, "/run/libvirt/libvirt-sock"]);

    let destination = format!("qemu+unix:///system?socket={socket}");
    from.virsh(["migrate", "--live", "--p2p", "--tunnelled", "web", &destination]);
    assert_has_arrived(&to);
    assert_eq!(from.virsh(["domstate", "web"]).trim(), "shut off");
}

#[test]
fn what_no_rule_changes_is_answered_with_nothing() {
    let lab = host_with_rule();
    for xml in [domain("web", &on_network("lan-of-b", MAC)), domain("web", &on_bridge("br0")), domain("web", "")] {
        let output = call(&lab, ["migrate", "begin"], &xml);
        assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(), "{}", told(&output));
    }
    let xml = domain("web", &on_network("lan-of-a", MAC));
    let output = call(&lab, ["restore", "begin"], &xml);
    assert_eq!(support::text(&output.stdout), xml.replace("lan-of-a", "lan-of-b"));
}

#[test]
fn an_arrival_that_cannot_be_judged_is_refused_with_the_reason() {
    let lab = host_with_rule();
    let output = call(&lab, ["migrate", "begin"], "<domain><devices>");
    let said = support::text(&output.stderr);
    assert!(!output.status.success() && output.stdout.is_empty() && said.contains("1:18"), "{}", told(&output));
    lab.write("/etc/virt-bridge.toml", "[[interface]]\n");
    let output = call(&lab, ["restore", "begin"], &domain("web", &on_network("lan-of-a", MAC)));
    let said = support::text(&output.stderr);
    assert!(!output.status.success() && output.stdout.is_empty(), "{}", told(&output));
    assert!(said.lines().count() == 1 && said.starts_with("virt-bridge: /etc/virt-bridge.toml:1"), "{said}");
}

#[test]
fn everything_else_succeeds_at_once_and_reads_nothing() {
    let lab = Lab::start(["--no-libvirt", "--no-ra"]);
    lab.write("/etc/virt-bridge.toml", "this is no configuration");
    let hook = "/etc/libvirt/hooks/qemu.d/50-virt-bridge";
    let operations = [
        ["reconnect", "begin"],
        ["start", "begin"],
        ["started", "begin"],
        ["stopped", "end"],
        ["release", "end"],
        ["attach", "begin"],
        ["new", "begin"],
    ];
    for [operation, sub_operation] in operations {
        let trace = ["strace", "-qq", "-e", "trace=read,openat,socket", hook, "web", operation, sub_operation, "-"];
        let mut command = lab.command(trace);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It is open, and nothing ever comes.
        let _stdin = child.stdin.take();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success() && output.stdout.is_empty(), "{}", told(&output));
        let calls = support::text(&output.stderr);
        assert!(!["read(0", "/etc", "socket("].iter().any(|ours| calls.contains(ours)), "{operation}: {calls}");
    }
}
