//! What somebody else does to a bridge between a takeover and its undoing.

use std::fs::File;

mod support;

use support::{Lab, told};

/// A host on which br0 has taken over eth0, and its state before that.
fn taken_over() -> (Lab, String) {
    let lab = Lab::start(["--no-libvirt", "--no-ra"]);
    let before = lab.state();
    lab.host(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    (lab, before)
}

#[test]
fn undo_gives_the_uplink_back_what_a_deleted_bridge_had() {
    let (lab, before) = taken_over();
    lab.host(["ip", "link", "delete", "br0"]);
    let said = lab.host(["virt-bridge", "undo", "br0"]);
    assert!(said.contains("br0 was deleted: eth0 has its addresses and routes back"), "{said}");
    assert_eq!(lab.state(), before);
    assert!(lab.host(["virt-bridge", "undo", "br0"]).contains("nothing to undo"));
}

#[test]
fn up_makes_a_deleted_bridge_anew_with_all_that_it_had() {
    let (lab, before) = taken_over();
    lab.host(["ip", "link", "delete", "br0"]);
    lab.host(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    lab.router(["ping", "-c1", "-W2", "192.0.2.10"]);
    lab.router(["ping", "-c1", "-W2", "2001:db8:0:1::10"]);
    lab.host(["virt-bridge", "undo", "br0"]);
    assert_eq!(lab.state(), before);
}

#[test]
fn an_uplink_that_got_other_addresses_meanwhile_keeps_them_alone() {
    let (lab, _) = taken_over();
    lab.host(["ip", "link", "delete", "br0"]);
    lab.host(["ip", "address", "add", "192.0.2.77/24", "dev", "eth0"]);
    lab.host(["virt-bridge", "undo", "br0"]);
    let addresses = lab.host(["ip", "-4", "-brief", "address", "show", "dev", "eth0"]);
    assert!(addresses.contains("192.0.2.77/24") && !addresses.contains("192.0.2.10/"), "{addresses}");
}

#[test]
fn undo_of_an_adopted_bridge_does_not_cut_guests_off_unless_forced() {
    let lab = Lab::start(["--no-libvirt", "--no-ra"]);
    lab.host(["ip", "link", "add", "br0", "type", "bridge"]);
    lab.host(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    lab.host(["ip", "tuntap", "add", "vnet0", "mode", "tap"]);
    lab.host(["ip", "link", "set", "vnet0", "master", "br0"]);
    let refused = lab.attempt(["virt-bridge", "undo", "br0"]);
    assert_eq!(refused.status.code(), Some(1), "{}", told(&refused));
    assert!(told(&refused).contains("br0 still has the ports vnet0"), "{}", told(&refused));
    lab.host(["virt-bridge", "undo", "br0", "--force"]);
}

#[test]
fn an_uplink_with_a_secret_for_its_addresses_is_taken_over_with_a_warning() {
    let lab = Lab::start(["--no-libvirt", "--no-ra"]);
    lab.host(["sysctl", "-q", "net.ipv6.conf.eth0.stable_secret=2001:db8::5ec"]);
    let output = lab.attempt(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    assert!(output.status.success() && told(&output).contains("as its uplink does"), "{}", told(&output));
    assert!(!lab.read("/run/virt-bridge/br0.json").contains("5ec"), "the secret is in the receipt");
    lab.router(["ping", "-c1", "-W2", "2001:db8:0:1::10"]);
}

#[test]
fn an_output_that_nobody_reads_or_that_is_full_makes_no_verb_panic() {
    let (lab, _) = taken_over();
    for verb in [&["status"][..], &["plan", "br1", "--uplink", "none"], &["netfilter", "show"]] {
        let mut command = lab.command(std::iter::once("virt-bridge").chain(verb.iter().copied()));
        let output = command.stdout(File::options().write(true).open("/dev/full").unwrap()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{verb:?}: {}", told(&output));
        let piped =
            lab.attempt(["bash", "-c", &format!("virt-bridge {} | true; echo ${{PIPESTATUS[0]}}", verb.join(" "))]);
        assert!(["0\n", "141\n"].contains(&String::from_utf8_lossy(&piped.stdout).as_ref()), "{}", told(&piped));
    }
}
