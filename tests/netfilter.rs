//! Bridge netfilter on a real kernel: events through a real systemd-udevd, and what it takes when things are missing.

mod support;

use support::{Lab, text, told};

const PROGRAM: &str = env!("CARGO_BIN_EXE_virt-bridge-udev");
const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/udev/90-virt-bridge.rules");

fn lab() -> Lab {
    Lab::start(["--no-libvirt", "--no-ra"])
}

/// A lab whose udevd has our rules and program.
fn lab_with_udev() -> Lab {
    let lab = lab();
    start_udev(&lab);
    lab
}

fn start_udev(lab: &Lab) {
    lab.host(["udev", "start", PROGRAM, RULES]);
}

fn script(lab: &Lab, script: &str) -> String {
    lab.host(["bash", "-ec", script])
}

fn make_bridge(lab: &Lab, name: &str) {
    lab.host(["ip", "link", "add", name, "type", "bridge"]);
}

/// The three sysctls as one word.
fn sysctls(lab: &Lab) -> String {
    script(lab, "cd /proc/sys/net/bridge; cat bridge-nf-call-{ip,ip6,arp}tables").split_whitespace().collect()
}

/// A bridge's three flags as one word.
fn flags(lab: &Lab, bridge: &str) -> String {
    let details = lab.host(["ip", "-d", "-j", "link", "show", bridge]);
    let json: serde_json::Value = serde_json::from_str(&details).unwrap();
    let data = &json[0]["linkinfo"]["info_data"];
    ["iptables", "ip6tables", "arptables"].map(|table| data[format!("nf_call_{table}")].to_string()).concat()
}

/// How often udevd has started our program, after it has worked through every event.
fn starts(lab: &Lab) -> usize {
    lab.host(["udevadm", "settle", "--timeout=20"]);
    lab.read("/run/lab/udevd.log").lines().filter(|line| line.contains("Starting 'virt-bridge-udev'")).count()
}

fn has_port(lab: &Lab, port: &str) -> bool {
    text(&lab.attempt(["ip", "-o", "link", "show", "master", "br0"]).stdout).contains(&format!(" {port}@"))
}

#[test]
fn when_the_module_is_loaded_the_policy_holds_at_once() {
    let lab = lab();
    for bridge in ["br0", "docker0", "br-0123456789ab"] {
        make_bridge(&lab, bridge);
    }
    assert_eq!((sysctls(&lab).as_str(), flags(&lab, "docker0").as_str()), ("111", "000"), "the kernel's own values");
    start_udev(&lab);
    lab.host(["udev", "module", "bridge"]);
    assert_eq!(starts(&lab), 0, "another module");
    lab.host(["udev", "module", "br_netfilter"]);
    lab.wait_until("the sysctls are 0", || sysctls(&lab) == "000");
    assert_eq!(starts(&lab), 1);
    assert_eq!([flags(&lab, "br0"), flags(&lab, "docker0"), flags(&lab, "br-0123456789ab")], ["000", "111", "111"]);
    assert!(lab.log().contains("bridge-nf-call-iptables 1 → 0"), "{}", lab.log());
}

#[test]
fn a_container_engines_bridge_has_its_flags_when_it_appears_or_gets_its_name() {
    let lab = lab_with_udev();
    make_bridge(&lab, "docker0");
    make_bridge(&lab, "br0");
    make_bridge(&lab, "new");
    assert_eq!(starts(&lab), 3);
    assert_eq!([flags(&lab, "docker0"), flags(&lab, "br0"), flags(&lab, "new")], ["111", "000", "000"]);
    lab.host(["ip", "link", "set", "new", "name", "podman1"]);
    assert_eq!((starts(&lab), flags(&lab, "podman1")), (4, "111".into()));
    assert_eq!(sysctls(&lab), "111", "a bridge's event is about that bridge alone");

    lab.host(["ip", "link", "set", "docker0", "type", "bridge", "nf_call_iptables", "0"]);
    lab.host(["udevadm", "trigger", "--action=add", "/sys/class/net/docker0"]);
    assert_eq!((starts(&lab), flags(&lab, "docker0")), (5, "111".into()), "a synthetic event");
    lab.host(["udevadm", "trigger", "--action=change", "/sys/class/net/docker0"]);
    assert_eq!(starts(&lab), 5);
}

#[test]
fn a_bridge_that_libvirt_uses_is_no_container_engines_whatever_its_name() {
    let lab = lab_with_udev();
    script(&lab, "mkdir -p /etc/libvirt/qemu/networks");
    lab.write("/etc/libvirt/qemu/networks/lan.xml", "<network><name>lan</name><bridge name='cni0'/></network>");
    make_bridge(&lab, "cni0");
    make_bridge(&lab, "cbr0");
    assert_eq!(starts(&lab), 2);
    assert_eq!([flags(&lab, "cni0"), flags(&lab, "cbr0")], ["000", "111"]);
}

#[test]
fn a_guests_tap_or_a_containers_veth_starts_nothing() {
    let lab = lab_with_udev();
    script(
        &lab,
        "ip link add left type veth peer name right; ip tuntap add tap9 mode tap; ip link set left name l2
         ip link add link eth0 name mv0 type macvlan; ip link set tap9 up",
    );
    assert_eq!(starts(&lab), 0);
    make_bridge(&lab, "br9");
    script(&lab, "ip link set l2 master br9; ip link set tap9 master br9");
    assert_eq!(starts(&lab), 1, "only for the bridge");
}

#[test]
fn the_rules_are_ones_that_udev_understands() {
    let lab = lab_with_udev();
    make_bridge(&lab, "docker0");
    let tested = lab.attempt(["udevadm", "test", "--action=add", "/sys/class/net/docker0"]);
    let said = told(&tested);
    assert!(said.contains("run: 'virt-bridge-udev'"), "{said}");
    assert!(!said.contains("90-virt-bridge.rules:") || !said.contains("nvalid"), "{said}");
    let eth0 = told(&lab.attempt(["udevadm", "test", "--action=add", "/sys/class/net/eth0"]));
    assert!(!eth0.contains("run: 'virt-bridge-udev'"), "{eth0}");
}

/// The lab's NIC is a veth, so an administrator's rule has to name it an uplink.
fn lab_with_uplink(uplink: &str) -> Lab {
    let lab = lab_with_udev();
    let rule = "SUBSYSTEM==\"net\", KERNEL==\"eth0|nic7\", ENV{VIRT_BRIDGE_UPLINK}=\"1\"\n";
    script(&lab, "mkdir -p /etc/udev/rules.d");
    lab.write("/etc/udev/rules.d/50-uplink.rules", rule);
    lab.host(["udevadm", "control", "--reload"]);
    lab.write("/etc/virt-bridge.toml", &format!("[bridge.br0]\nuplink = \"{uplink}\"\n"));
    lab
}

#[test]
fn an_uplink_that_comes_back_is_a_port_of_its_bridge_again() {
    let lab = lab_with_uplink("eth0");
    lab.host(["virt-bridge", "up", "br0"]);
    assert!(has_port(&lab, "eth0"));
    script(&lab, "ip netns add away; ip link set eth0 netns away");
    assert!(!has_port(&lab, "eth0"));
    script(&lab, "ip -n away link set eth0 netns 1");
    lab.wait_until("eth0 is a port of br0", || has_port(&lab, "eth0"));
    lab.router(["ping", "-c1", "-W5", "192.0.2.10"]);
}

#[test]
fn an_uplink_with_another_name_is_found_by_its_mac() {
    let lab = lab_with_uplink("eth0");
    let mac = script(&lab, "cat /sys/class/net/eth0/address");
    lab.write("/etc/virt-bridge.toml", &format!("[bridge.br0]\nuplink = \"mac:{}\"\n", mac.trim()));
    lab.host(["virt-bridge", "up", "br0"]);
    script(&lab, "ip link set eth0 nomaster");
    lab.host(["udevadm", "settle"]);
    assert!(!has_port(&lab, "eth0"));
    script(&lab, "ip link set eth0 name nic7");
    lab.wait_until("nic7 is a port of br0", || has_port(&lab, "nic7"));
}

#[test]
fn before_its_bridge_exists_an_uplink_is_left_alone() {
    let lab = lab_with_uplink("eth0");
    let before = lab.state();
    lab.host(["udevadm", "trigger", "--action=add", "/sys/class/net/eth0"]);
    assert_eq!(starts(&lab), 1);
    assert_eq!(lab.state(), before);
}

#[test]
fn a_thousand_bridges_are_one_dump_and_few_batches_and_then_nothing() {
    let lab = lab();
    script(&lab, "for i in {1000..1999}; do echo link add podman$i type bridge; done | ip -batch -");
    let run =
        "strace -f -e trace=sendmsg -o /run/calls virt-bridge netfilter apply >/run/said; grep -c sendmsg /run/calls";
    let sent: usize = script(&lab, run).trim().parse().unwrap();
    assert!(sent <= 11, "{sent} messages");
    assert_eq!(
        (flags(&lab, "podman1000"), flags(&lab, "podman1999"), sysctls(&lab)),
        ("111".into(), "111".into(), "000".into())
    );
    assert_eq!(script(&lab, run).trim(), "1");
    assert_eq!(lab.read("/run/said"), "nothing to do\n");
    assert!(!lab.read("/run/calls").contains("RTM_NEWLINK"));
}

#[test]
fn the_policy_of_the_configuration_is_applied_and_a_dry_run_only_says_so() {
    let lab = lab();
    make_bridge(&lab, "br0");
    make_bridge(&lab, "docker0");
    for (policy, sysctl, br0, docker0) in
        [("containers", "000", "000", "111"), ("off", "000", "000", "000"), ("on", "111", "111", "111")]
    {
        lab.write("/etc/virt-bridge.toml", &format!("netfilter.policy = '{policy}'"));
        let before = (sysctls(&lab), flags(&lab, "br0"), flags(&lab, "docker0"));
        let dry = lab.host(["virt-bridge", "netfilter", "apply", "--dry-run"]);
        assert_eq!((sysctls(&lab), flags(&lab, "br0"), flags(&lab, "docker0")), before);
        assert_eq!(lab.host(["virt-bridge", "netfilter", "apply"]), dry, "done as said");
        assert_eq!([sysctls(&lab), flags(&lab, "br0"), flags(&lab, "docker0")], [sysctl, br0, docker0], "{policy}");
        assert_eq!(lab.host(["virt-bridge", "netfilter", "apply"]), "nothing to do\n");
    }
    lab.write("/etc/virt-bridge.toml", "netfilter.policy = 'leave'");
    lab.host(["sysctl", "-q", "net.bridge.bridge-nf-call-iptables=0"]);
    assert_eq!(lab.host(["virt-bridge", "netfilter", "apply"]), "nothing to do\n");
    assert_eq!(sysctls(&lab), "011");
    lab.write("/etc/virt-bridge.toml", "netfilter.policy = 'on'\nbridge.br0.nf-call-arptables = false");
    lab.host(["virt-bridge", "netfilter", "apply"]);
    assert_eq!([sysctls(&lab), flags(&lab, "br0"), flags(&lab, "docker0")], ["110", "110", "111"], "one key wins");
}

/// What the command says where it cannot do all, and how it ends.
fn fails(lab: &Lab, before: &str, command: &str) -> (i32, String) {
    let output = lab.attempt(["unshare", "-m", "bash", "-ec", &format!("{before}; exec {command}")]);
    (output.status.code().unwrap(), text(&output.stderr))
}

#[test]
fn what_cannot_be_set_is_one_line_and_the_rest_is_set() {
    let lab = lab();
    make_bridge(&lab, "docker0");
    let apply = "virt-bridge netfilter apply";
    let (code, said) = fails(&lab, "mount -o bind,ro /proc/sys /proc/sys", apply);
    assert_eq!((code, said.lines().count()), (4, 3), "{said}");
    assert!(said.contains("cannot set net.bridge.bridge-nf-call-iptables: Read-only file system"), "{said}");
    assert_eq!((sysctls(&lab), flags(&lab, "docker0")), ("111".into(), "111".into()));

    let unprivileged = format!("setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all {apply}");
    lab.host(["ip", "link", "set", "docker0", "type", "bridge", "nf_call_iptables", "0"]);
    let (code, said) = fails(&lab, "true", &unprivileged);
    assert_eq!((code, said.lines().count()), (1, 4), "{said}");
    assert!(said.contains("cannot set the nf_call flags of docker0: Operation not permitted"), "{said}");

    let without_arptables = "mkdir /run/some; cd /proc/sys/net/bridge; cp bridge-nf-call-ip{,6}tables /run/some
        mount --bind /run/some /proc/sys/net/bridge";
    let (code, said) = fails(&lab, without_arptables, apply);
    assert_eq!((code, said.as_str()), (4, "virt-bridge: this kernel has no net.bridge.bridge-nf-call-arptables\n"));
    assert_eq!(lab.read("/run/some/bridge-nf-call-iptables").trim(), "0");

    lab.write("/etc/virt-bridge.toml", "netfilter.policy = 'docker'");
    let (code, said) = fails(&lab, "true", apply);
    assert_eq!((code, said.lines().count()), (1, 1), "{said}");
    assert!(said.contains("/etc/virt-bridge.toml:1: netfilter.policy: \"docker\" is not known; allowed: "), "{said}");
}

const WITHOUT_MODULE: &str = "mkdir -p /run/none; mount --bind /run/none /proc/sys/net";

#[test]
fn without_the_module_flags_are_set_and_nothing_fails() {
    let lab = lab();
    make_bridge(&lab, "docker0");
    let (code, said) = fails(&lab, WITHOUT_MODULE, "virt-bridge netfilter apply");
    assert_eq!((code, said.as_str()), (0, ""));
    assert_eq!(flags(&lab, "docker0"), "111");
    let shown = format!("{WITHOUT_MODULE}; virt-bridge netfilter show");
    assert!(lab.host(["unshare", "-m", "bash", "-ec", &shown]).starts_with("br_netfilter is not loaded"));
}

#[test]
fn sysctls_that_come_after_the_modules_event_are_waited_for_but_not_for_ever() {
    let lab = lab();
    let event = format!("env SUBSYSTEM=module ACTION=add {PROGRAM}");
    let (code, said) = fails(&lab, WITHOUT_MODULE, &event);
    assert_eq!(code, 1);
    assert!(said.contains("after 1s there is no /proc/sys/net/bridge"), "{said}");
    let late = format!("{WITHOUT_MODULE}; (sleep 0.3; umount /proc/sys/net) & true");
    assert_eq!(fails(&lab, &late, &event), (0, String::new()));
    assert_eq!(sysctls(&lab), "000");
}

#[test]
fn show_tells_what_is_why_and_who() {
    let lab = lab();
    script(&lab, "mkdir -p /etc/docker /etc/sysctl.d; ip link add docker0 type bridge; ip link add br0 type bridge");
    lab.write("/etc/docker/daemon.json", "{\"icc\": false}");
    lab.write("/etc/sysctl.d/k8s.conf", "# kubernetes\nnet.bridge.bridge-nf-call-iptables = 1\n");
    lab.write("/etc/virt-bridge.toml", "netfilter.policy = 'off'\nbridge.br0.nf-call-ip6tables = true");
    let json: serde_json::Value =
        serde_json::from_str(&lab.host(["virt-bridge", "netfilter", "show", "--json"])).unwrap();
    assert_eq!(json["sysctls"]["present"]["iptables"], true);
    assert_eq!(json["sysctls"]["wanted"]["iptables"], false);
    let writer = "/etc/sysctl.d/k8s.conf:2 (systemd-sysctl, sysctl)";
    assert_eq!(json["sysctls"]["likely_writers"]["iptables"][0], writer);
    assert_eq!(json["bridges"]["br0"]["present"]["iptables"], false);
    assert_eq!(json["bridges"]["br0"]["effective"]["iptables"], true, "the sysctl filters, whatever the flag says");
    assert_eq!(json["bridges"]["br0"]["configured"]["ip6tables"], true);
    assert_eq!(json["conflicts"][0]["bridge"], "docker0");
    let shown = lab.host(["virt-bridge", "netfilter", "show"]);
    assert!(shown.contains(&format!("bridge-nf-call-iptables was likely set by {writer}")), "{shown}");
    assert!(shown.contains("nf-call-iptables = true under [bridge.docker0]"), "{shown}");
}

const HOOK: &str = "echo \"<hookData><network><name>lan</name><forward mode='bridge'/><bridge name='br0'/></network>\
    </hookData>\" | /etc/libvirt/hooks/network lan start begin -";

#[test]
fn a_hook_repairs_what_others_wrote_meanwhile_and_says_who() {
    let lab = lab();
    script(&lab, "mkdir -p /etc/sysctl.d; ip link add br0 type bridge; ip link set br0 up");
    lab.host(["virt-bridge", "netfilter", "apply"]);
    lab.write("/etc/sysctl.d/k8s.conf", "net.bridge.bridge-nf-call-iptables = 1\n");
    lab.host(["sysctl", "-q", "-p", "/etc/sysctl.d/k8s.conf"]);
    assert_eq!(sysctls(&lab), "100");
    script(&lab, HOOK);
    assert_eq!(sysctls(&lab), "000");
    let told = "somebody had set net.bridge.bridge-nf-call-iptables to 1; likely /etc/sysctl.d/k8s.conf:1";
    assert!(lab.log().contains(told), "{}", lab.log());

    script(&lab, &format!("sysctl -q net.bridge.bridge-nf-call-iptables=1; mv /usr/sbin/virt-bridge /run/; {HOOK}"));
    assert!(lab.log().contains("cannot run virt-bridge"), "a network starts without it: {}", lab.log());
}

#[test]
fn a_hook_that_finds_all_right_stays_within_sixty_system_calls() {
    let lab = lab();
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\n");
    script(&lab, HOOK);
    lab.host(["virt-bridge", "netfilter", "apply"]);
    // fcntl is what std's own debug build asks of every descriptor.
    let count = HOOK.replace("/etc/libvirt", "strace -f -c -U calls,name -e '!fcntl' -o /run/calls /etc/libvirt");
    script(&lab, &count);
    let calls = lab.read("/run/calls");
    let total = calls.lines().find_map(|line| line.trim().strip_suffix(" total")).unwrap().trim();
    assert!(total.parse::<u32>().unwrap() <= 60, "{calls}");
}
