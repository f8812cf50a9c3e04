//! A takeover by an administrator who is logged in over the very network that it moves.

mod support;

use std::process::{Child, Stdio};

use support::{Lab, ssh, told};

const FILE: &str = "/run/virt-bridge/br0.confirm";

/// A lab whose host runs an sshd, and its state.
fn lab() -> (Lab, String) {
    let lab = ssh::lab();
    let before = lab.state();
    (lab, before)
}

/// `command` in a session of its own from the peer to the host.
fn session<'a>(options: &[&'a str], command: &'a str) -> Vec<&'a str> {
    let known = ["-i", ssh::KEY, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"];
    let quiet = ["-o", "LogLevel=ERROR", "root@192.0.2.10"];
    ["peer", "ssh"].iter().chain(&known).chain(options).chain(&quiet).chain([&command]).copied().collect()
}

fn start(lab: &Lab, options: &[&str], command: &str) -> Child {
    let mut ssh = lab.command(session(options, command));
    ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn wait_until_it_waits(lab: &Lab) {
    lab.wait_until("the takeover waits", || lab.read(FILE).contains("\"taken_over\":true"));
}

fn assert_goes_back(lab: &Lab, before: &str) {
    lab.wait_until("nothing waits any more", || lab.read(FILE).is_empty());
    assert_eq!(lab.state(), before);
    lab.peer(["ping", "-c1", "-W2", "192.0.2.10"]);
}

#[test]
fn a_takeover_over_ssh_waits_for_sixty_seconds_unless_told_otherwise() {
    let (lab, _) = lab();
    let first = start(&lab, &[], "virt-bridge up br0 --uplink eth0");
    wait_until_it_waits(&lab);
    assert!(lab.read(FILE).contains("\"allowed\":60000"), "{}", lab.read(FILE));
    lab.host(session(&[], "virt-bridge confirm"));
    let output = first.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    lab.host(session(&[], "virt-bridge undo br0"));
    lab.host(session(&[], "virt-bridge up br0 --uplink eth0 --no-confirm"));
    assert!(lab.read(FILE).is_empty());
}

#[test]
fn a_login_is_known_when_its_variables_are_gone() {
    let (lab, _) = lab();
    let first = start(&lab, &[], "env -i PATH=/usr/sbin:/usr/bin sh -c 'virt-bridge up br0 --uplink eth0; exit $?'");
    wait_until_it_waits(&lab);
    lab.host(session(&[], "virt-bridge confirm br0"));
    assert!(first.wait_with_output().unwrap().status.success());
}

#[test]
fn a_session_that_ends_in_the_middle_leaves_a_guardian_that_goes_back() {
    for options in [&["-tt"][..], &["-T"]] {
        let (lab, before) = lab();
        let mut first = start(&lab, options, "virt-bridge up br0 --uplink eth0 --confirm 4s");
        wait_until_it_waits(&lab);
        let server = lab.host(["pgrep", "--full", "sshd: root"]);
        server.lines().for_each(|process| drop(lab.attempt(["kill", "-9", process])));
        first.wait().unwrap();
        assert!(lab.read(FILE).contains("br0"), "it waits on");
        assert_goes_back(&lab, &before);
    }
}

#[test]
fn a_host_that_nobody_can_reach_any_more_goes_back() {
    let (lab, before) = lab();
    let mut first = start(&lab, &["-tt"], "virt-bridge up br0 --uplink eth0 --confirm 4s");
    wait_until_it_waits(&lab);
    // The switch takes offence at what comes from this port now, for as long as it does.
    lab.host(["switch", "ip", "link", "set", "host", "nomaster"]);
    lab.wait_until("the host has gone back", || lab.read(FILE).is_empty());
    lab.host(["switch", "ip", "link", "set", "host", "master", "lan"]);
    assert_goes_back(&lab, &before);
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn a_detached_takeover_lets_the_session_end() {
    let (lab, before) = lab();
    lab.host(session(&[], "virt-bridge up br0 --uplink eth0 --confirm 3s --detach"));
    assert!(lab.read(FILE).contains("\"taken_over\":true"));
    assert_goes_back(&lab, &before);
}
