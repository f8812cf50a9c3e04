//! A takeover that nobody confirms goes back, whoever of those that could take it back is killed.

mod support;

use std::process::{Child, Output, Stdio};
use std::time::Duration;

use support::terminal::Terminal;
use support::{Lab, told};

/// Where the takeover of br0 waits for its confirmation.
const FILE: &str = "/run/virt-bridge/br0.confirm";

fn lab() -> (Lab, String) {
    let lab = Lab::start(["--no-libvirt", "--no-ra"]);
    let before = lab.state();
    (lab, before)
}

fn up(confirm: &str) -> [&str; 7] {
    ["virt-bridge", "up", "br0", "--uplink", "eth0", "--confirm", confirm]
}

/// Starts `command` on the lab's host, without a terminal.
fn start(lab: &Lab, command: &[&str]) -> Child {
    lab.command(command).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn waits(lab: &Lab) -> bool {
    lab.read(FILE).contains("\"taken_over\":true")
}

fn wait_until_it_waits(lab: &Lab) {
    lab.wait_until("the takeover waits for its confirmation", || waits(lab));
}

fn assert_goes_back(lab: &Lab, before: &str) {
    lab.wait_until("nothing waits any more", || lab.read(FILE).is_empty());
    assert_eq!(lab.state(), before);
    lab.router(["ping", "-c1", "-W2", "192.0.2.10"]);
}

/// The process of the lab's host whose command line has these words.
fn process(lab: &Lab, words: &str) -> Option<String> {
    let found = lab.attempt(["pgrep", "--full", words]);
    String::from_utf8_lossy(&found.stdout).lines().next().map(str::to_owned)
}

fn kill(lab: &Lab, words: &str) {
    let process = process(lab, words).unwrap_or_else(|| panic!("there is no process {words}"));
    lab.host(["kill", "-9", &process]);
}

fn ends(lab: &Lab, words: &str) {
    lab.wait_until("the process has ended", || process(lab, words).is_none());
}

fn finished(child: Child) -> Output {
    child.wait_with_output().unwrap()
}

#[test]
fn what_is_confirmed_in_another_session_stays() {
    let (lab, _) = lab();
    let command = start(&lab, &up("30s"));
    wait_until_it_waits(&lab);
    assert!(lab.host(["virt-bridge", "confirm"]).contains("br0: confirmed, and stays"));
    let output = finished(command);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).contains("br0 goes back in 30s unless you say in any session: virt-bridge confirm br0"));
    ends(&lab, "virt-bridge guard");
    assert!(lab.read(FILE).is_empty() && lab.state().contains("\"br0\""));
    assert!(lab.host(["virt-bridge", "confirm", "br0"]).contains("nothing waits for confirmation, and it stays"));
}

#[test]
fn what_nobody_confirms_goes_back_in_time() {
    let (lab, before) = lab();
    let begun = std::time::Instant::now();
    let output = lab.attempt(up("2s"));
    assert_eq!(output.status.code(), Some(3), "{}", told(&output));
    assert!(told(&output).contains("virt-bridge: br0 was not confirmed; the host is as it was before\nhint: "));
    assert!((2..10).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    assert_goes_back(&lab, &before);
    let late = lab.attempt(["virt-bridge", "confirm", "br0"]);
    assert_eq!(late.status.code(), Some(1), "{}", told(&late));
    assert!(told(&late).contains("br0 is not taken over, so there is nothing to confirm"), "{}", told(&late));
    assert_eq!(lab.attempt(["virt-bridge", "confirm"]).status.code(), Some(1));
}

#[test]
fn enter_confirms_on_a_terminal_but_not_what_was_typed_before() {
    let (lab, _) = lab();
    let mut terminal = Terminal::run(&lab, &up("30s"), "\n\n");
    wait_until_it_waits(&lab);
    terminal.wait_for("30 s [##############################]");
    terminal.wait_for("29 s");
    assert!(waits(&lab), "typed ahead");
    terminal.press("\n");
    assert_eq!(terminal.end().code(), Some(0), "{}", terminal.screen());
    terminal.wait_for("br0: confirmed, and stays");
    assert!(lab.read(FILE).is_empty());
}

#[test]
fn ctrl_c_and_sigterm_go_back_at_once() {
    let (lab, before) = lab();
    let mut terminal = Terminal::run(&lab, &up("300s"), "");
    terminal.wait_for("300 s [");
    terminal.press("\x03");
    assert_eq!(terminal.end().code(), Some(3), "{}", terminal.screen());
    assert_goes_back(&lab, &before);
    let command = start(&lab, &up("300s"));
    wait_until_it_waits(&lab);
    let process = process(&lab, "virt-bridge up").unwrap();
    lab.host(["kill", &process]);
    assert_eq!(finished(command).status.code(), Some(3));
    assert_goes_back(&lab, &before);
}

#[test]
fn the_guardian_goes_back_when_the_command_is_killed() {
    let (lab, before) = lab();
    let command = start(&lab, &up("3s"));
    wait_until_it_waits(&lab);
    kill(&lab, "virt-bridge up");
    finished(command);
    assert!(waits(&lab), "the time to confirm goes on");
    assert_goes_back(&lab, &before);
    assert!(lab.log().contains("br0 was not confirmed in time: eth0 has taken over"), "{}", lab.log());
}

#[test]
fn what_a_killed_command_has_taken_over_can_still_be_confirmed() {
    let (lab, _) = lab();
    let command = start(&lab, &up("3s"));
    wait_until_it_waits(&lab);
    kill(&lab, "virt-bridge up");
    finished(command);
    lab.host(["virt-bridge", "confirm", "br0"]);
    std::thread::sleep(Duration::from_secs(4));
    ends(&lab, "virt-bridge guard");
    assert!(lab.state().contains("\"br0\""));
}

#[test]
fn a_killed_guardian_is_replaced_and_the_new_one_guards() {
    let (lab, before) = lab();
    let command = start(&lab, &up("5s"));
    wait_until_it_waits(&lab);
    let first = process(&lab, "virt-bridge guard").unwrap();
    lab.host(["kill", "-9", &first]);
    lab.wait_until("another guardian is there", || {
        process(&lab, "virt-bridge guard").is_some_and(|guardian| guardian != first)
    });
    kill(&lab, "virt-bridge up");
    assert!(told(&finished(command)).contains("another one stands by"));
    assert_goes_back(&lab, &before);
}

#[test]
fn the_command_goes_back_when_its_guardian_is_stopped() {
    let (lab, before) = lab();
    let command = start(&lab, &up("2s"));
    wait_until_it_waits(&lab);
    let guardian = process(&lab, "virt-bridge guard").unwrap();
    lab.host(["kill", "-STOP", &guardian]);
    assert_eq!(finished(command).status.code(), Some(3));
    assert_goes_back(&lab, &before);
}

#[test]
fn the_guardian_goes_back_when_the_command_is_stopped_in_the_middle() {
    let (lab, before) = lab();
    let mut command = start(&lab, &up("2s"));
    wait_until_it_waits(&lab);
    let process = process(&lab, "virt-bridge up").unwrap();
    lab.host(["kill", "-STOP", &process]);
    assert_goes_back(&lab, &before);
    command.kill().unwrap();
    lab.host(["kill", "-9", &process]);
    command.wait().unwrap();
}

#[test]
fn a_terminal_that_hangs_up_takes_nothing_with_it_but_the_command() {
    let (lab, before) = lab();
    let mut terminal = Terminal::run(&lab, &up("15s"), "");
    terminal.wait_for("15 s [");
    let guardian = process(&lab, "virt-bridge guard").unwrap();
    lab.host(["kill", "-HUP", &guardian]);
    terminal.hang_up();
    ends(&lab, "virt-bridge up");
    assert!(waits(&lab) && process(&lab, "virt-bridge guard").is_some());
    assert_goes_back(&lab, &before);
}

#[test]
fn a_command_that_is_killed_at_any_message_to_the_kernel_leaves_the_host_as_it_was() {
    let (lab, before) = lab();
    let mut kills = 0;
    for call in ["sendmsg", "sendto", "rename", "flock"] {
        for number in 1.. {
            let fault = format!("inject={call}:signal=SIGKILL:when={number}");
            let strace = ["strace", "-o", "/run/lab/strace", "-e", &format!("trace={call}"), "-e", &fault];
            let command: Vec<_> = strace.iter().copied().chain(up("1s")).collect();
            lab.attempt(&command);
            lab.wait_until("nothing waits any more", || lab.read(FILE).is_empty());
            assert_eq!(lab.state(), before, "killed at {call} {number}");
            if !lab.read("/run/lab/strace").contains("killed by SIGKILL") {
                break;
            }
            kills += 1;
        }
    }
    assert!(kills > 20, "only {kills} kills");
}

#[test]
fn when_all_were_killed_the_next_run_goes_back_first() {
    let (lab, before) = lab();
    let mut command = start(&lab, &up("2s"));
    wait_until_it_waits(&lab);
    // Stopped first, so that it starts no other guardian.
    let process = process(&lab, "virt-bridge up").unwrap();
    lab.host(["kill", "-STOP", &process]);
    kill(&lab, "virt-bridge guard");
    lab.host(["kill", "-9", &process]);
    // nsenter(1) stops when its child does.
    command.kill().unwrap();
    command.wait().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    assert!(waits(&lab));
    let output = lab.attempt(up("1s"));
    assert!(told(&output).contains("an earlier takeover by br0 was not confirmed in time, and was taken back"));
    assert_goes_back(&lab, &before);
}

#[test]
fn a_second_run_does_not_touch_what_waits() {
    let (lab, _) = lab();
    let first = start(&lab, &up("30s"));
    wait_until_it_waits(&lab);
    for command in [&up("1s")[..], &["virt-bridge", "up", "br0", "--uplink", "eth0"]] {
        let second = lab.attempt(command);
        assert_eq!(second.status.code(), Some(1), "{}", told(&second));
        assert!(told(&second).contains("hint: keep it with virt-bridge confirm br0"), "{}", told(&second));
    }
    assert!(waits(&lab));
    lab.host(["virt-bridge", "confirm", "br0"]);
    assert_eq!(finished(first).status.code(), Some(0));
    let again = lab.attempt(up("1s"));
    assert!(again.status.success() && told(&again).contains("br0: nothing to do"), "{}", told(&again));
}

#[test]
fn undo_in_another_session_ends_the_wait() {
    let (lab, before) = lab();
    let command = start(&lab, &up("30s"));
    wait_until_it_waits(&lab);
    lab.host(["virt-bridge", "undo", "br0"]);
    assert_eq!(finished(command).status.code(), Some(3));
    ends(&lab, "virt-bridge guard");
    assert_goes_back(&lab, &before);
}

#[test]
fn a_repair_cannot_be_taken_back_alone_and_says_so() {
    let (lab, _) = lab();
    lab.host(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    lab.host(["ip", "link", "set", "br0", "down"]);
    let refused = lab.attempt(up("5s"));
    assert_eq!(refused.status.code(), Some(1), "{}", told(&refused));
    assert!(told(&refused).contains("was taken over before"), "{}", told(&refused));
    lab.host(["virt-bridge", "up", "br0", "--uplink", "eth0", "--no-confirm"]);
    assert!(lab.read(FILE).is_empty());
}

#[test]
fn a_failed_takeover_leaves_no_guardian() {
    let (lab, before) = lab();
    let output = lab.attempt(["virt-bridge", "up", "br0", "--uplink", "eth9", "--confirm", "30s"]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    lab.host(["ip", "link", "add", "br0", "type", "veth", "peer", "name", "x"]);
    assert_eq!(lab.attempt(up("30s")).status.code(), Some(1));
    lab.host(["ip", "link", "delete", "br0"]);
    ends(&lab, "virt-bridge guard");
    assert_goes_back(&lab, &before);
}

#[test]
fn a_detached_takeover_waits_behind_the_command() {
    let (lab, before) = lab();
    let detached: Vec<_> = up("2s").into_iter().chain(["--detach"]).collect();
    let output = lab.attempt(&detached);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(waits(&lab));
    assert_goes_back(&lab, &before);
}

#[test]
fn guests_do_not_keep_an_unconfirmed_takeover() {
    let (lab, _) = lab();
    let command = start(&lab, &up("2s"));
    wait_until_it_waits(&lab);
    lab.host(["ip", "tuntap", "add", "vnet0", "mode", "tap"]);
    lab.host(["ip", "link", "set", "vnet0", "master", "br0"]);
    assert_eq!(finished(command).status.code(), Some(3));
    assert!(!lab.state().contains("\"br0\""));
    lab.router(["ping", "-c1", "-W2", "192.0.2.10"]);
}

#[test]
fn a_network_that_starts_meanwhile_neither_confirms_nor_hinders() {
    let lab = Lab::start(["--no-ra"]);
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\n");
    lab.write(
        "/run/lab/network.xml",
        "<network><name>lan</name><forward mode='bridge'/><bridge name='br0'/></network>",
    );
    lab.virsh(["net-define", "/run/lab/network.xml"]);
    let before = lab.state();
    let command = start(&lab, &up("4s"));
    wait_until_it_waits(&lab);
    lab.virsh(["net-start", "lan"]);
    assert!(waits(&lab));
    assert_eq!(finished(command).status.code(), Some(3));
    assert_goes_back(&lab, &before);
}
