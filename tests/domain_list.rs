//! `virt-bridge domain list` beside a real libvirtd.

mod support;

use support::Lab;
use support::domains::{define, define_network, domain, on_network};

/// A host with a bridge on its uplink, a guest on its network, and one on `default` that runs.
fn lab() -> Lab {
    let lab = support::domains::lab();
    lab.virsh(["net-start", "bridge-network"]);
    lab.virsh(["net-start", "default"]);
    define_network(&lab, "nowhere", "br9");
    define(&lab, &domain("bridged", &on_network("bridge-network", "52:54:00:00:00:60")));
    define(&lab, &domain("web", &on_network("default", "52:54:00:00:00:61")));
    lab.virsh(["start", "web"]);
    let two = [on_network("nowhere", "52:54:00:00:00:62"), "<interface type='user'/>".into()].concat();
    define(&lab, &domain("two", &two));
    lab
}

#[test]
fn every_interface_is_listed_with_its_way_and_the_rule_that_would_change_it() {
    let lab = lab();
    let list = lab.host(["virt-bridge", "domain", "list"]);
    let user = list.lines().find(|line| line.ends_with(": user")).expect("no interface of type user").to_owned();
    let expected = format!(
        "bridged: shut off
  52:54:00:00:00:60: network bridge-network → br0 → eth0
two: shut off
  52:54:00:00:00:62: network nowhere → br9
{user}
web: running
  52:54:00:00:00:61: network default (nat) → virbr0, vnet0
    to change: source network default → bridge-network, by /etc/virt-bridge.toml:5
"
    );
    assert_eq!(list, expected);

    // What the service does to the definition, the running guest has not yet.
    lab.host(["virt-bridge-watch", "--once"]);
    let web = lab.host(["virt-bridge", "domain", "list", "web"]);
    let expected = "web: running
  52:54:00:00:00:61: network bridge-network → br0 → eth0, vnet0
    until its next start: network default (nat) → virbr0
";
    assert_eq!(web, expected);
}

#[test]
fn the_same_is_there_for_programs_and_from_another_root() {
    let lab = lab();
    let json = |arguments: &[&str]| -> serde_json::Value {
        let command = ["virt-bridge", "domain", "list", "--json"].iter().chain(arguments).copied();
        serde_json::from_str(&lab.host(command)).unwrap()
    };
    let web = &json(&["web"])[0];
    assert_eq!((&web["name"], &web["defined"], &web["running"]), (&"web".into(), &true.into(), &true.into()));
    let interface = &web["interfaces"][0];
    assert_eq!(interface["way"]["bridge"], "virbr0");
    assert_eq!(interface["rule"]["verdict"], "change");
    let rest = json(&["bridged", "two"]);
    assert_eq!(rest[0]["interfaces"][0]["way"]["uplink"], "eth0");
    assert_eq!(rest[1]["interfaces"][0]["way"]["uplink"], serde_json::Value::Null);

    lab.host([
        "sh",
        "-c",
        "mkdir /run/lab/root && cp -a --parents /etc/libvirt/qemu /etc/virt-bridge.toml /run/lab/root",
    ]);
    let elsewhere = json(&["--root", "/run/lab/root"]);
    assert_eq!(elsewhere.as_array().unwrap().len(), 3);
    assert_eq!(elsewhere[2]["running"], false);
    lab.host(["mkdir", "/run/lab/nothing"]);
    assert_eq!(json(&["--root", "/run/lab/nothing"]), serde_json::json!([]));
}

#[test]
fn a_file_that_is_broken_hides_no_other() {
    let lab = support::domains::lab();
    define(&lab, &domain("web", ""));
    lab.write("/etc/libvirt/qemu/broken.xml", "<domain>");
    let output = lab.attempt(["virt-bridge", "domain", "list"]);
    assert_eq!(support::text(&output.stdout), "web: shut off\n");
    let said = support::text(&output.stderr);
    assert!(said.starts_with("warning: /etc/libvirt/qemu/broken.xml:1:"), "{said}");
    let said = support::text(&lab.attempt(["virt-bridge", "domain", "list", "absent"]).stderr);
    assert!(said.ends_with("virt-bridge: there is no domain absent\nhint: virsh list --all\n"), "{said}");
}
