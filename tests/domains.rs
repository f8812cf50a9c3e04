//! Domains come onto the bridged network when they are defined, as `virt-bridge-watch` sees to it with a real libvirtd.

mod support;

use std::ops::Range;
use std::process::Stdio;
use std::time::{Duration, Instant};

use support::domains::{Watch, bridge_of, define, definition, domain, is_on, lab, on_network};
use support::{Lab, told};

const MAC: &str = "52:54:00:00:00:40";
const CHANGED: &str = "source network default → bridge-network";

/// Everything that is easily lost: passwords, another namespace, metadata, what an interface has beside its source.
fn rich_domain(name: &str) -> String {
    let interface = format!(
        "<interface type='network'>
      <mac address='{MAC}'/>
      <source network='default'/>
      <bandwidth><inbound average='1000'/></bandwidth>
      <model type='e1000'/>
      <link state='down'/>
      <mtu size='1400'/>
      <boot order='1'/>
    </interface>
    <interface type='user'><mac address='52:54:00:00:00:41'/></interface>
    <graphics type='vnc' port='-1' autoport='yes' passwd='secret' passwdValidTo='2031-01-01T00:00:00'/>"
    );
    let xml = domain(name, &interface);
    let xml = xml.replace("    <boot dev='network'/>\n", "");
    let xml = xml.replace(
        "<domain type='qemu'>",
        "<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <title>a &amp; b</title>
  <metadata><x:y xmlns:x='urn:x' z='1'>text</x:y></metadata>",
    );
    xml.replace("</domain>", "<qemu:commandline><qemu:env name='A' value='1'/></qemu:commandline></domain>")
}

fn define_on_default(lab: &Lab, name: &str) {
    define(lab, &domain(name, &on_network("default", MAC)));
}

#[test]
fn a_defined_domain_is_on_the_bridged_network_within_a_second_and_else_as_it_was() {
    let lab = lab();
    define(&lab, &rich_domain("before"));
    let before = definition(&lab, "before");
    assert!(before.contains("passwd='secret'") && before.contains("<qemu:env"), "{before}");
    let expected = before.replace("<source network='default'/>", "<source network='bridge-network'/>");
    let watch = Watch::start(&lab, &[]);
    assert_eq!(definition(&lab, "before"), expected);

    // One of three, since the machine may stand still for a moment.
    let mut in_time = ["web1", "web2", "web3"].into_iter().filter(|name| {
        define(&lab, &rich_domain(name));
        let defined = Instant::now();
        lab.wait_until("it is on bridge-network", || is_on(&lab, name, "bridge-network"));
        defined.elapsed() < Duration::from_secs(1)
    });
    let name = in_time.next().unwrap_or_else(|| panic!("{}", watch.log()));
    let uuid = |xml: &str| xml.lines().find(|line| line.contains("<uuid>")).unwrap().to_owned();
    let after = definition(&lab, name);
    let expected = expected.replace("<name>before", &format!("<name>{name}"));
    assert_eq!(after.replace(&uuid(&after), &uuid(&before)), expected);
    assert!(!watch.log().contains("secret"), "{}", watch.log());
}

#[test]
fn a_started_guest_is_a_port_of_the_bridge_and_seen_on_the_lan() {
    let lab = lab();
    let watch = Watch::start(&lab, &[]);
    define_on_default(&lab, "web");
    watch.wait_for(CHANGED, 1);
    lab.virsh(["net-start", "bridge-network"]);
    let seen = format!("timeout 120 tcpdump --immediate-mode -lnei lan -c1 ether src {MAC} 2>&1");
    let peer = lab.command(["peer", "sh", "-c", &seen]).stdout(Stdio::piped()).spawn().unwrap();
    lab.virsh(["start", "web"]);
    assert_eq!(bridge_of(&lab, "vnet0"), "br0");
    let seen = peer.wait_with_output().unwrap();
    assert!(seen.status.success(), "nothing came from the guest: {}", told(&seen));
}

#[test]
fn a_running_guest_is_moved_only_where_the_rule_says_live() {
    let lab = lab();
    lab.virsh(["net-start", "default"]);
    lab.virsh(["net-start", "bridge-network"]);
    define_on_default(&lab, "web");
    lab.virsh(["start", "web"]);
    lab.write("/run/lab/transient.xml", &domain("transient", &on_network("default", "52:54:00:00:00:42")));
    lab.virsh(["create", "/run/lab/transient.xml"]);
    let watch = Watch::start(&lab, &[]);
    assert!(is_on(&lab, "web", "bridge-network"));
    assert_eq!(bridge_of(&lab, "vnet0"), "virbr0");
    assert_eq!(watch.count("from its next start on"), 1, "{}", watch.log());

    let process = lab.read("/run/libvirt/qemu/web.pid");
    let live = support::domains::CONFIGURATION.replace("[[interface]]", "[[interface]]\nlive = true");
    lab.write("/etc/virt-bridge.toml", &live);
    watch.reload();
    lab.wait_until("both taps are ports of br0", || ["vnet0", "vnet1"].iter().all(|tap| bridge_of(&lab, tap) == "br0"));
    assert_eq!(lab.virsh(["domstate", "web"]).trim(), "running");
    assert_eq!(lab.read("/run/libvirt/qemu/web.pid"), process);
    assert!(lab.virsh(["domiflist", "web"]).contains("bridge-network"));
    assert_eq!(watch.count("running: "), 2, "{}", watch.log());
}

#[test]
fn a_thousand_domains_at_once_are_each_changed_once() {
    let lab = lab();
    let watch = Watch::start(&lab, &[]);
    let burst = |numbers: Range<usize>| {
        let mut script = String::new();
        for number in numbers {
            let mac = format!("52:54:00:01:{:02x}:{:02x}", number >> 8, number & 255);
            lab.write(&format!("/run/lab/{number}.xml"), &domain(&format!("g{number}"), &on_network("default", &mac)));
            script.push_str(&format!("define /run/lab/{number}.xml\n"));
        }
        lab.write("/run/lab/script", &script);
        lab.host(["sh", "-c", "virsh </run/lab/script"]);
    };
    burst(0..200);
    watch.wait_for(CHANGED, 200);
    let memory = watch.memory();
    burst(200..1200);
    watch.wait_for(CHANGED, 1200);
    let more = watch.memory().saturating_sub(memory);
    // What is remembered of a change is an hour's.
    assert!(more < 1024, "1,000 domains more took {more} KiB more");
    assert_all_changed_once(&lab, &watch, 1200);
}

/// Every one of `g0`… is on the bridged network, and none was changed twice.
fn assert_all_changed_once(lab: &Lab, watch: &Watch, domains: usize) {
    assert_all_changed(lab, watch, domains, 0);
}

/// That every domain was changed, none twice, and all but so many of the changes were logged.
fn assert_all_changed(lab: &Lab, watch: &Watch, domains: usize, unsaid: usize) {
    // A look at all of them would find what was lost, and change it.
    watch.reload();
    let log = watch.log();
    let said = |number| log.lines().filter(|line| line.starts_with(&format!("g{number}: "))).count();
    let said: Vec<usize> = (0..domains).map(said).collect();
    assert!(said.iter().all(|times| *times <= 1), "{log}");
    assert!(said.iter().sum::<usize>() + unsaid >= domains, "{log}");
    let still = lab.host(["sh", "-c", "grep -l \"network='default'\" /etc/libvirt/qemu/g*.xml | wc -l"]);
    assert_eq!(still.trim(), "0");
}

#[test]
fn a_killed_libvirtd_loses_no_domain() {
    let lab = lab();
    let watch = Watch::start(&lab, &[]);
    let script = r#"
        for number in {0..999}; do
            sed "s/NAME/g$number/; s/MAC/52:54:00:02:$((number / 100)):$((number % 100 / 10))$((number % 10))/" \
                /run/lab/template.xml >/run/lab/$number.xml
        done
        for number in {0..999}; do echo "define /run/lab/$number.xml"; done | virsh >/run/lab/defined 2>&1 &
        virsh=$!
        until (($(grep -c changed-marker /run/lab/watch.log) >= 50)); do sleep 0.01; done
        daemon kill
        wait "$virsh"
        daemon start
        for number in {0..999}; do
            [[ -e /etc/libvirt/qemu/g$number.xml ]] || echo "define /run/lab/$number.xml"
        done | virsh
    "#;
    lab.write("/run/lab/template.xml", &domain("NAME", &on_network("default", "MAC")));
    lab.host(["bash", "-c", &script.replace("changed-marker", "'network default'")]);
    let moved = "cat /etc/libvirt/qemu/g*.xml | grep -c \"network='bridge-network'\" || true";
    lab.wait_until("all are on the network", || lab.host(["sh", "-c", moved]).trim() == "1000");
    assert_eq!(watch.count("the connection is lost"), 1, "{}", watch.log());
    // The answer to the call that libvirtd was working on died with it.
    assert_all_changed(&lab, &watch, 1000, 1);
}

#[test]
fn a_libvirtd_that_comes_and_goes_leaves_nothing_behind() {
    let lab = lab();
    let watch = Watch::start(&lab, &[]);
    let open = || lab.host(["ls", &format!("/proc/{}/fd", watch.pid())]).lines().count();
    let restart = || {
        lab.host(["daemon", "restart"]);
        watch.wait_until_ready();
    };
    restart();
    let (before, memory) = (open(), watch.memory());
    (0..10).for_each(|_| restart());
    assert_eq!(open(), before);
    let more = watch.memory().saturating_sub(memory);
    assert!(more < 256, "10 connections more took {more} KiB more");
}

#[test]
fn what_is_set_back_twice_is_left_alone_until_a_reload() {
    let lab = lab();
    let watch = Watch::start(&lab, &[]);
    define_on_default(&lab, "web");
    watch.wait_for(CHANGED, 1);
    define_on_default_again(&lab);
    watch.wait_for(CHANGED, 2);
    define_on_default_again(&lab);
    watch.wait_for("set back twice within an hour", 1);
    define_on_default_again(&lab);
    // Another domain is changed as ever, and after it this one's turn would have been over.
    define(&lab, &domain("other", &on_network("default", "52:54:00:00:00:43")));
    watch.wait_for("other: ", 1);
    assert!(is_on(&lab, "web", "default"));
    assert_eq!((watch.count("web: "), watch.count(CHANGED)), (3, 3), "{}", watch.log());
    watch.reload();
    assert_eq!(watch.count(CHANGED), 4, "{}", watch.log());
    assert!(is_on(&lab, "web", "bridge-network"));
}

/// As an administrator does with `virsh edit`.
fn define_on_default_again(lab: &Lab) {
    let xml = definition(lab, "web").replace("network='bridge-network'", "network='default'");
    define(lab, &xml);
}

#[test]
fn a_broken_configuration_keeps_the_rules_of_before() {
    let lab = lab();
    let watch = Watch::start(&lab, &[]);
    lab.write("/etc/virt-bridge.toml", "[[interface]]\nto = 5\n");
    watch.signal("HUP");
    watch.wait_for("/etc/virt-bridge.toml:2", 1);
    assert_eq!(watch.count("the rules of before stay in force"), 1, "{}", watch.log());
    define_on_default(&lab, "web");
    watch.wait_for(CHANGED, 1);
}

#[test]
fn a_broken_configuration_at_the_start_ends_the_service_for_good() {
    let lab = lab();
    lab.write("/etc/virt-bridge.toml", "[[interface]]\nto = 5\n");
    let output = lab.attempt(["virt-bridge-watch"]);
    assert_eq!(output.status.code(), Some(78), "{}", told(&output));
    assert!(support::text(&output.stderr).contains("/etc/virt-bridge.toml:2"), "{}", told(&output));
}

#[test]
fn once_looks_once_and_a_dry_run_only_tells() {
    let lab = lab();
    define_on_default(&lab, "web");
    let before = definition(&lab, "web");
    let said = lab.host(["virt-bridge-watch", "--once", "--dry-run"]);
    assert!(said.contains("web: would change") && said.contains(CHANGED), "{said}");
    assert_eq!(definition(&lab, "web"), before);
    let said = lab.host(["virt-bridge-watch", "--once"]);
    assert!(said.lines().count() == 1 && said.contains(CHANGED), "{said}");
    assert!(is_on(&lab, "web", "bridge-network"));
    assert_eq!(lab.host(["virt-bridge-watch", "--once"]), "");
}

#[test]
fn an_edit_without_an_event_is_found_by_the_next_look() {
    let lab = lab();
    define(&lab, &domain("web", ""));
    let watch = Watch::start(&lab, &["--period", "1"]);
    lab.virsh(["attach-interface", "web", "network", "default", "--config"]);
    watch.wait_for(CHANGED, 1);
}

#[test]
fn the_service_tells_systemd_how_it_is_and_ends_at_once() {
    let lab = lab();
    lab.host(["daemon", "stop"]);
    let watch = Watch::begin(&lab, &[]);
    let waiting = watch.notification();
    assert!(waiting.contains("READY=1") && waiting.contains("STATUS=cannot connect"), "{waiting}");
    lab.host(["daemon", "start"]);
    watch.wait_until_ready();
    for _ in 0..3 {
        assert_eq!(watch.notification().trim(), "WATCHDOG=1");
    }
    // One that hangs answers nobody.
    let pid = lab.read("/run/libvirtd.pid");
    lab.host(["kill", "-s", "STOP", pid.trim()]);
    let took = watch.stop();
    lab.host(["kill", "-s", "CONT", pid.trim()]);
    // A second is what the unit promises; the machine may stand still as long again.
    assert!(took < Duration::from_secs(5), "{took:?}");
}
