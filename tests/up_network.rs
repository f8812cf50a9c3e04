//! One command makes the bridge and its libvirt network, with a real libvirtd, and leaves nothing of it where it fails.

mod support;

use support::{Lab, told};

const UP: [&str; 7] = ["virt-bridge", "up", "br0", "--uplink", "eth0", "--network", "lan"];

fn with(more: &[&str]) -> Vec<String> {
    UP.iter().chain(more).map(|word| (*word).to_owned()).collect()
}

/// What libvirt says of the network; nothing where it has none.
fn network(lab: &Lab) -> String {
    let output = lab.attempt(["virsh", "net-info", "lan"]);
    support::text(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ")
}

const WHOLE: &str = "Active: yes Persistent: yes Autostart: yes Bridge: br0";

#[test]
fn one_command_makes_the_bridge_and_a_network_that_runs_and_starts_at_boot() {
    let lab = Lab::start(["--no-ra"]);
    let before = lab.state();
    let plan = lab.host(with(&[]).iter().map(|word| if word == "up" { "plan" } else { word }));
    let steps = "by virsh, network lan: define, start, start at boot\n<network>\n  <name>lan</name>\n";
    assert!(plan.contains("make eth0 a port of br0") && plan.contains(steps), "{plan}");
    assert!(plan.contains("warning: network lan starts at boot, and br0 has no uplink then"), "{plan}");
    assert_eq!((lab.state(), network(&lab)), (before, String::new()), "a plan changes nothing");

    let done = lab.host(with(&[]));
    assert!(done.contains(steps), "{done}");
    assert!(network(&lab).ends_with(WHOLE), "{}", network(&lab));
    lab.router(["ping", "-c1", "-W2", "192.0.2.10"]);
    let state = lab.state();

    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\n");
    let again = lab.host(with(&[]));
    assert_eq!(again, "br0: nothing to do\nnetwork lan is there, runs and starts at boot\n");
    lab.virsh(["net-destroy", "lan"]);
    let started = lab.host(with(&[]));
    assert!(started.contains("by virsh, network lan: start\n") && !started.contains("<network>"), "{started}");
    assert_eq!(lab.state(), state);
}

#[test]
fn a_network_that_leads_elsewhere_is_shown_with_the_difference_and_nothing_is_changed() {
    let lab = Lab::start(["--no-ra"]);
    lab.write("/run/lab/lan.xml", "<network><name>lan</name><forward mode='bridge'/><bridge name='br1'/></network>");
    lab.virsh(["net-define", "/run/lab/lan.xml"]);
    let before = (lab.state(), network(&lab));
    let output = lab.attempt(with(&[]));
    let text = told(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("-  <bridge name='br1'/>\n+  <bridge name='br0'/>"), "{text}");
    assert!(text.contains("virt-bridge: there is a network lan already, whose guests are no ports of br0"), "{text}");
    assert_eq!((lab.state(), network(&lab)), before);
}

#[test]
fn no_network_is_left_of_a_takeover_that_fails_or_is_not_confirmed() {
    let lab = Lab::start(["--no-ra"]);
    let before = lab.state();
    let refused = lab.attempt(["virt-bridge", "up", "br0", "--uplink", "eth9", "--network", "lan"]);
    assert_eq!(refused.status.code(), Some(1), "{}", told(&refused));
    let late = lab.attempt(with(&["--confirm", "1s"]));
    assert_eq!(late.status.code(), Some(3), "{}", told(&late));
    let remembered =
        [&["sh", "-c", "echo $$ >/run/lab/up.pid; exec \"$@\"", "sh"][..], &UP, &["--confirm", "3s"]].concat();
    let mut killed = lab.command(remembered).spawn().unwrap();
    lab.wait_until("the bridge waits", || told(&lab.attempt(["virt-bridge", "status"])).contains("confirm"));
    lab.host(["kill", "-KILL", lab.read("/run/lab/up.pid").trim()]);
    killed.wait().unwrap();
    lab.wait_until("the guardian has gone back", || lab.state() == before);
    lab.host(["daemon", "stop"]);
    let alone = lab.attempt(with(&[]));
    assert_eq!(alone.status.code(), Some(1), "{}", told(&alone));
    assert!(told(&alone).contains("virt-bridge: cannot ask libvirt for network lan"), "{}", told(&alone));
    lab.host(["daemon", "start"]);
    assert_eq!((lab.state(), network(&lab)), (before, String::new()));
}

#[test]
fn the_network_is_made_when_the_takeover_is_confirmed() {
    let lab = Lab::start(["--no-ra"]);
    let waiting = lab.command(with(&["--confirm", "60s"])).stdout(std::process::Stdio::piped()).spawn().unwrap();
    lab.wait_until("the bridge waits", || told(&lab.attempt(["virt-bridge", "status"])).contains("confirm"));
    assert_eq!(network(&lab), "");
    lab.host(["virt-bridge", "confirm"]);
    let output = waiting.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    assert!(network(&lab).ends_with(WHOLE), "{}", network(&lab));
}

#[test]
fn whoever_confirms_makes_the_network_where_nobody_waits() {
    let lab = Lab::start(["--no-ra"]);
    lab.host(with(&["--confirm", "60s", "--detach"]));
    assert_eq!(network(&lab), "");
    let said = lab.host(["virt-bridge", "confirm"]);
    assert!(said.contains("br0: confirmed, and stays\n") && said.contains("by virsh, network lan: define"), "{said}");
    assert!(network(&lab).ends_with(WHOLE), "{}", network(&lab));
    let again = lab.host(["virt-bridge", "confirm", "br0"]);
    assert_eq!(again, "br0: nothing waits for confirmation, and it stays\n");
    let undone = lab.attempt(["virt-bridge", "undo", "br0"]);
    let warning = "warning: network lan still runs, and br0 is gone: virsh net-destroy lan\n";
    assert!(undone.status.success() && support::text(&undone.stderr) == warning, "{}", told(&undone));
    lab.host(["virsh", "net-destroy", "lan"]);
    lab.host(with(&["--confirm", "60s", "--detach"]));
    let said: serde_json::Value = serde_json::from_str(&lab.host(["virt-bridge", "confirm", "--json"])).unwrap();
    assert_eq!(said, serde_json::json!({ "bridge": "br0", "confirmed": true, "went_on": true }));
    assert!(network(&lab).ends_with(WHOLE), "{}", network(&lab));
}

#[test]
fn a_network_that_libvirt_does_not_start_is_not_left_defined() {
    let lab = Lab::start(["--no-ra"]);
    // Its start calls the hook, which cannot have this.
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth9\"\n");
    let output = lab.attempt(with(&[]));
    let text = told(&output);
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(text.contains("br0 is there, network lan is not: ") && text.contains("eth9"), "{text}");
    assert!(text.contains("go back: virt-bridge undo br0"), "{text}");
    assert_eq!(network(&lab), "");
}
