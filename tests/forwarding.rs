//! IP forwarding: asked for, left alone, and never at the cost of the host's own default route.

mod support;

use support::Lab;
use support::bridges::{HOOK, hook_calls, script};

/// The values of `net.ipv4.ip_forward` and `net.ipv6.conf.all.forwarding`.
fn forwards(lab: &Lab) -> String {
    script(lab, "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding").split_whitespace().collect()
}

fn accept_ra(lab: &Lab, link: &str) -> String {
    script(lab, &format!("cat /proc/sys/net/ipv6/conf/{link}/accept_ra")).trim().to_owned()
}

/// The host's default routes that a router advertised, by their links.
fn advertised_defaults(lab: &Lab) -> Vec<String> {
    let routes = lab.host(["ip", "-6", "route", "show", "default", "proto", "ra"]);
    let link = |route: &str| route.split_once(" dev ").and_then(|(_, rest)| rest.split(' ').next()).map(str::to_owned);
    routes.lines().filter_map(link).collect()
}

/// A host whose only IPv6 default route is advertised.
fn lab_with_advertised_default() -> Lab {
    let lab = Lab::start(["--no-libvirt"]);
    lab.host(["ip", "-6", "route", "delete", "default", "via", "2001:db8:0:1::1"]);
    assert_eq!(advertised_defaults(&lab), ["eth0"]);
    lab
}

fn configure(lab: &Lab, host: &str) {
    lab.write("/etc/virt-bridge.toml", &format!("[bridge.br0]\nuplink = \"eth0\"\n[host]\n{host}\n"));
}

#[test]
fn left_alone_nothing_is_read_or_written_and_the_hook_stays_within_sixty_system_calls() {
    let lab = Lab::start(["--no-libvirt", "--no-ra"]);
    configure(&lab, "ip-forward = \"leave\"");
    script(&lab, HOOK);
    assert_eq!(forwards(&lab), "00");
    let (total, trace) = hook_calls(&lab);
    assert!(!trace.contains("forward\"") && !trace.contains("forwarding") && !trace.contains("accept_ra"), "{trace}");
    assert!(total <= 60, "{total} system calls:\n{trace}");

    configure(&lab, "ip-forward = true\nip6-forward = true");
    script(&lab, HOOK);
    assert_eq!(forwards(&lab), "11");
    let (with_both, trace) = hook_calls(&lab);
    assert!(trace.contains("ip_forward") && !trace.contains("execve(\"/usr/sbin"), "{trace}");
    assert_eq!(with_both, total + 9, "open, read and close for each of three files:\n{trace}");
}

#[test]
fn ipv6_forwarding_by_hand_loses_the_advertised_default_route_and_ours_keeps_it() {
    let lab = lab_with_advertised_default();
    lab.host(["sysctl", "-q", "net.ipv6.conf.all.forwarding=1"]);
    assert_eq!(advertised_defaults(&lab), [] as [&str; 0], "what the kernel does by itself");

    let lab = lab_with_advertised_default();
    configure(&lab, "ip6-forward = true");
    // No advertisement comes that could bring back what was lost; a radvd that ends by itself takes its routes back.
    script(&lab, "kill -KILL $(cat /run/lab/radvd.pid)");
    script(&lab, HOOK);
    assert_eq!((forwards(&lab).as_str(), accept_ra(&lab, "br0").as_str()), ("01", "2"));
    assert_eq!(advertised_defaults(&lab), ["br0"]);
    let log = lab.log();
    let order = ["net.ipv6.conf.br0.accept_ra 1 → 2", "net.ipv6.conf.all.forwarding 0 → 1"].map(|part| log.find(part));
    assert!(order[0].is_some() && order[0] < order[1], "{log}");
    lab.router(["ping", "-c1", "-W2", "2001:db8:0:1::10"]);

    lab.host(["virt-bridge", "undo", "br0"]);
    assert_eq!(advertised_defaults(&lab), ["eth0"]);
    assert_eq!(accept_ra(&lab, "eth0"), "2", "so that the next advertisement counts there, too");
}

#[test]
fn advertisements_go_on_to_count_on_a_host_that_forwards() {
    let lab = lab_with_advertised_default();
    configure(&lab, "ip6-forward = true");
    script(&lab, HOOK);
    let expires =
        || script(&lab, "ip -6 -j route show default proto ra | jq '.[0].expires'").trim().parse::<u32>().unwrap();
    lab.host([
        "ip", "-6", "route", "change", "default", "via", "fe80::1", "dev", "br0", "proto", "ra", "expires", "60",
    ]);
    lab.wait_until("an advertisement renews the route", || expires() > 1000);
}

#[test]
fn forwarding_that_somebody_turned_off_is_turned_on_again_by_the_hook_and_the_boot_unit() {
    let lab = Lab::start(["--no-libvirt", "--no-ra"]);
    configure(&lab, "ip-forward = true");
    script(&lab, HOOK);
    assert_eq!(forwards(&lab), "10");
    lab.host(["sysctl", "-q", "net.ipv4.ip_forward=0"]);
    script(&lab, HOOK);
    assert_eq!(forwards(&lab), "10");
    assert_eq!(lab.log().matches("net.ipv4.ip_forward 0 → 1").count(), 2, "{}", lab.log());

    lab.host(["sysctl", "-q", "net.ipv4.ip_forward=0"]);
    let unit = include_str!("../packaging/virt-bridge-netfilter.service");
    let command = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    assert_eq!(script(&lab, command), "net.ipv4.ip_forward 0 → 1\n");
    assert_eq!(script(&lab, command), "nothing to do\n");
    assert_eq!(forwards(&lab), "10");
}

#[test]
fn an_advertisement_that_comes_after_the_boot_unit_counts() {
    let lab = lab_with_advertised_default();
    configure(&lab, "ip6-forward = true");
    // As at boot, before the network is up.
    lab.host(["ip", "-6", "route", "flush", "default"]);
    lab.host(["virt-bridge", "host", "apply"]);
    assert_eq!((forwards(&lab).as_str(), accept_ra(&lab, "eth0").as_str()), ("01", "2"));
    lab.wait_until("a router is the default again", || advertised_defaults(&lab) == ["eth0"]);
}

#[test]
fn what_cannot_be_set_is_told_and_ipv6_forwarding_is_not_turned_on_without_its_default_route() {
    let lab = lab_with_advertised_default();
    configure(&lab, "ip6-forward = true");
    let file = "/proc/sys/net/ipv6/conf/eth0/accept_ra";
    let output =
        lab.attempt(["unshare", "-m", "sh", "-c", &format!("mount -o bind,ro {file} {file}; virt-bridge host apply")]);
    let said = support::told(&output);
    assert!(said.contains("cannot set net.ipv6.conf.eth0.accept_ra: "), "{said}");
    assert_eq!((output.status.success(), forwards(&lab).as_str()), (false, "00"), "{said}");
    assert_eq!(advertised_defaults(&lab), ["eth0"]);
}

#[test]
fn status_shows_who_sets_forwarding() {
    let lab = Lab::start([]);
    lab.virsh(["net-start", "default"]);
    lab.write("/etc/sysctl.d/router.conf", "# a router\nnet.ipv4.ip_forward = 1\n");
    let status = lab.host(["virt-bridge", "status"]);
    let line =
        status.lines().find(|line| line.starts_with("IPv4 forwarding is on")).unwrap_or_else(|| panic!("{status}"));
    assert!(line.contains("/etc/sysctl.d/router.conf:2 (1)"), "{line}");
    assert!(line.contains("libvirt network default (nat)"), "{line}");
    assert!(status.contains("IPv6 forwarding is off (net.ipv6.conf.all.forwarding = 0)\n"), "{status}");
    let json: serde_json::Value = serde_json::from_str(&lab.host(["virt-bridge", "status", "--json"])).unwrap();
    assert_eq!((&json["ip_forwarding"][0]["present"], &json["ip_forwarding"][1]["present"]), (&1.into(), &0.into()));
}
