//! The policy for bridge netfilter on a real kernel: by command, by the hook, and where things are missing.

mod support;

use support::bridges::{HOOK, flags, hook_calls, lab, make_bridge, script, sysctls};
use support::programs::program;
use support::{Lab, text};

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
    assert_eq!((code, said.lines().count()), (1, 2), "{said}");
    assert!(said.contains("this process lacks the capability CAP_NET_ADMIN"), "{said}");

    let without_arptables = "mkdir /run/some; cd /proc/sys/net/bridge; cp bridge-nf-call-ip{,6}tables /run/some
        mount --bind /run/some /proc/sys/net/bridge";
    let dry = format!("{without_arptables}; {apply} --dry-run");
    let dry = lab.host(["unshare", "-m", "bash", "-ec", &dry]);
    assert!(
        dry.starts_with("this kernel has no net.bridge.bridge-nf-call-arptables\nbridge-nf-call-iptables 1 → 0"),
        "{dry}"
    );
    lab.host(["rm", "-r", "/run/some"]);
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
    let event = format!("env SUBSYSTEM=module ACTION=add {}", program("virt-bridge-udev"));
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
    let told = "somebody set net.bridge.bridge-nf-call-iptables to 1; likely /etc/sysctl.d/k8s.conf:1";
    assert!(lab.log().contains(told), "{}", lab.log());

    script(&lab, "mount -t tmpfs tmpfs /usr/local/sbin; mv /usr/sbin/virt-bridge /usr/local/sbin/");
    script(&lab, &format!("sysctl -q net.bridge.bridge-nf-call-iptables=1; {HOOK}"));
    assert_eq!(sysctls(&lab), "000", "the command is where make install PREFIX=/usr/local has put it");

    script(&lab, &format!("sysctl -q net.bridge.bridge-nf-call-iptables=1; umount /usr/local/sbin; {HOOK}"));
    assert!(lab.log().contains("cannot run virt-bridge"), "a network starts without it: {}", lab.log());
}

#[test]
fn a_hook_sees_each_sysctl_and_is_held_up_by_no_fifo_where_writers_are_looked_for() {
    let lab = lab();
    script(&lab, "mkdir -p /etc/sysctl.d /etc/docker; ip link add br0 type bridge; ip link set br0 up");
    script(&lab, "mkfifo /etc/sysctl.d/fifo.conf /etc/docker/daemon.json");
    lab.host(["virt-bridge", "netfilter", "apply"]);
    for table in ["iptables", "ip6tables", "arptables"] {
        script(
            &lab,
            &format!("sysctl -q net.bridge.bridge-nf-call-{table}=1; {}", HOOK.replace("| ", "| timeout 10 ")),
        );
        assert_eq!(sysctls(&lab), "000", "{table}");
        assert!(lab.log().contains(&format!("somebody set net.bridge.bridge-nf-call-{table} to 1")), "{}", lab.log());
    }
}

#[test]
fn a_hook_puts_the_flags_of_its_networks_bridge_right() {
    let lab = lab();
    script(&lab, "ip link add br0 type bridge; ip link set br0 up");
    lab.host(["virt-bridge", "netfilter", "apply"]);
    for table in ["iptables", "ip6tables", "arptables"] {
        script(&lab, &format!("ip link set br0 type bridge nf_call_{table} 1; {HOOK}"));
        assert_eq!(flags(&lab, "br0"), "000", "{table}");
        assert!(lab.log().contains(&format!("br0: nf_call_{table} 1 → 0")), "{}", lab.log());
    }
}

#[test]
fn a_repair_ends_with_the_hooks_deadline() {
    let lab = lab();
    // To look through all of this takes far longer than it has.
    script(
        &lab,
        "mkdir -p /etc/sysctl.d; yes a=1 | head -c 1000000 >/etc/sysctl.d/0.conf
         cd /etc/sysctl.d; python3 -c 'import os; [os.link(\"0.conf\", f\"{i}.conf\") for i in range(1, 5000)]'",
    );
    // No wall time is held: while the kernel takes another test's namespace apart, nobody is served (rtnl_lock).
    lab.host(["virt-bridge", "host", "apply", "--for-hook", "2000"]);
    assert_eq!(sysctls(&lab), "000", "what matters comes first");
    assert!(!lab.log().contains("somebody set"), "it was to be cut off: {}", lab.log());
}

#[test]
fn who_applies_the_policy_by_hand_reads_who_wrote_and_so_does_the_log() {
    let lab = lab();
    lab.host(["virt-bridge", "netfilter", "apply"]);
    script(&lab, "mkdir -p /etc/sysctl.d");
    lab.write("/etc/sysctl.d/k8s.conf", "net.bridge.bridge-nf-call-ip6tables = 1\n");
    lab.host(["sysctl", "-q", "-p", "/etc/sysctl.d/k8s.conf"]);
    let said = lab.host(["virt-bridge", "netfilter", "apply"]);
    let told = "somebody set net.bridge.bridge-nf-call-ip6tables to 1; likely /etc/sysctl.d/k8s.conf:1";
    assert!(said.contains(told), "{said}");
    lab.wait_until("the log has it too", || lab.log().contains(told));
}

#[test]
fn a_hook_that_finds_all_right_stays_within_sixty_system_calls() {
    let lab = lab();
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\n");
    script(&lab, HOOK);
    lab.host(["virt-bridge", "netfilter", "apply"]);
    for before in [":", "mkdir /etc/virt-bridge.d; echo netfilter.policy = \\'containers\\' >/etc/virt-bridge.d/a.toml"]
    {
        script(&lab, before);
        let (total, trace) = hook_calls(&lab);
        assert!(total <= 60, "{total} system calls:\n{trace}");
    }
}
