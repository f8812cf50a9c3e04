//! The doctor: each trap is set on purpose, `check` names it, its mend is run, and `check` is quiet.

mod bridges;
mod files;
mod hooks;
mod policies;
mod ports;
mod rivals;
#[path = "../support/mod.rs"]
mod support;

use serde_json::Value;
use support::{Lab, told};

/// A healthy host: br0 is configured and has taken over eth0, and libvirt's files know a network on it.
fn healthy() -> Lab {
    healthy_with(&[])
}

fn healthy_with(options: &[&str]) -> Lab {
    let lab = Lab::start(["--no-libvirt", "--no-ra"].iter().chain(options).copied());
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\n");
    let network = "<network><name>lan</name><forward mode='bridge'/><bridge name='br0'/></network>";
    lab.host(["mkdir", "-p", "/run/libvirt/qemu", "/run/libvirt/network", "/etc/libvirt/qemu/networks/autostart"]);
    for place in ["/etc/libvirt/qemu/networks/lan.xml", "/etc/libvirt/qemu/networks/autostart/lan.xml"] {
        lab.write(place, network);
    }
    lab.write("/run/libvirt/network/lan.xml", &format!("<networkstatus>{network}</networkstatus>"));
    lab.host(["virt-bridge", "netfilter", "apply"]);
    lab.host(["virt-bridge", "up", "br0"]);
    assert_quiet(&lab);
    lab
}

fn assert_quiet(lab: &Lab) {
    let output = lab.attempt(["virt-bridge", "check"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
}

/// The only finding of a host on which the trap of this check is set; the exit code tells how bad it is.
fn finding(lab: &Lab, check: &str, code: i32) -> Value {
    let output = lab.attempt(["virt-bridge", "check", "--json"]);
    assert_eq!(output.status.code(), Some(code), "{}", told(&output));
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found: Vec<&Value> = results.as_array().unwrap().iter().filter(|result| result["verdict"] != "ok").collect();
    assert_eq!(found.iter().map(|result| result["name"].as_str().unwrap()).collect::<Vec<_>>(), [check]);
    assert_eq!(found[0]["findings"].as_array().unwrap().len(), 1, "{}", found[0]);
    found[0]["findings"][0].clone()
}

fn mend(lab: &Lab, finding: &Value) {
    // The lab's host runs no systemd, and here its libvirtd does not run either.
    let command = finding["mend"].as_str().unwrap().replace(" && systemctl restart libvirtd", "");
    lab.host(["sh", "-ec", &command]);
}

const WARNING: i32 = 1;
const PROBLEM: i32 = 2;

/// Sets the trap, finds it, and mends it as the finding says.
fn falls_into(lab: &Lab, trap: &str, check: &str, code: i32, sentence: &str) {
    lab.host(["sh", "-ec", trap]);
    let finding = finding(lab, check, code);
    assert!(finding["sentence"].as_str().unwrap().contains(sentence), "{finding}");
    let text = lab.attempt(["virt-bridge", "check", check]);
    assert!(told(&text).contains("mend: ") && told(&text).contains(sentence), "{}", told(&text));
    mend(lab, &finding);
    assert_quiet(lab);
}

#[test]
fn every_check_is_listed_and_can_be_run_alone() {
    let lab = healthy();
    let list = lab.host(["virt-bridge", "check", "--list"]);
    let names: Vec<&str> = list.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names.len(), 36, "{list}");
    for name in names {
        let text = lab.host(["virt-bridge", "check", name]);
        assert!(text.starts_with(&format!("ok       {name} ")) && text.lines().count() == 1, "{text}");
    }
    let unknown = lab.attempt(["virt-bridge", "check", "tap-falen"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(told(&unknown).contains("a similar value exists: 'tap-fallen'"), "{}", told(&unknown));
}

/// A host's files below another root, as those of an image are.
#[test]
fn the_files_of_a_host_that_does_not_run() {
    let lab = Lab::start(["--no-libvirt", "--no-ra"]);
    let network = "<network><name>lan</name><forward mode='bridge'/><bridge name='br0'/></network>";
    lab.host(["mkdir", "-p", "/run/image/etc/libvirt/hooks", "/run/image/etc/libvirt/qemu/networks/autostart"]);
    lab.host(["mkdir", "-p", "/run/image/usr/lib/libvirt"]);
    lab.write("/run/image/etc/libvirt/qemu/networks/lan.xml", network);
    let check = |code: i32| {
        let output = lab.attempt(["virt-bridge", "check", "--root", "/run/image"]);
        assert_eq!(output.status.code(), Some(code), "{}", told(&output));
        told(&output)
    };
    // The hook of the host that runs is none of the image's.
    assert!(check(PROBLEM).contains("libvirt has no network hook of virt-bridge"));
    let link = "/usr/lib/libvirt/virt-bridge-network";
    lab.host(["ln", "-s", link, "/run/image/etc/libvirt/hooks/network"]);
    assert!(check(PROBLEM).contains("/etc/libvirt/hooks/network leads to nothing"));
    lab.host(["install", "-m", "755", "/bin/true", &format!("/run/image{link}")]);
    let text = check(WARNING);
    let mend = "ln -s ../lan.xml /etc/libvirt/qemu/networks/autostart/";
    assert!(text.contains("network lan does not start at boot") && text.contains(mend), "{text}");
    lab.host(["sh", "-ec", &mend.replace(" /", " /run/image/")]);
    assert_eq!(check(0).matches("ok       ").count(), 7);
    lab.write("/run/image/etc/virt-bridge.toml", "[bridge.br0]\nuplnk = \"eth0\"\n");
    let text = check(PROBLEM);
    assert!(text.contains("/run/image/etc/virt-bridge.toml:2") && text.contains("uplnk"), "{text}");
    let kernel = lab.attempt(["virt-bridge", "check", "--root", "/run/image", "tap-fallen"]);
    assert!(told(&kernel).contains("tap-fallen asks the kernel, and below --root are files only"), "{}", told(&kernel));
}
