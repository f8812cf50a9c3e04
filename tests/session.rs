//! One administrator at one shell: what is typed there, and what the screen shows of it.

mod support;

use support::Lab;
use support::domains::online;
use support::shell::Shell;

const INTERFACES: &str = "/etc/network/interfaces";

/// As a terminal is told to show them.
const PROBLEM: &str = "\x1b[31mproblem\x1b[0m";
const WARNING: &str = "\x1b[33mwarning\x1b[0m";

/// A host whose NIC is ifupdown's, with a guest's tap that is on no bridge.
fn lab() -> Lab {
    let lab = support::bridges::lab();
    let stanza = "auto eth0\niface eth0 inet static\n\taddress 192.0.2.10/24\n\tgateway 192.0.2.1\n";
    lab.write(INTERFACES, stanza);
    lab.host(["ip", "tuntap", "add", "vnet0", "mode", "tap"]);
    lab
}

/// What has to be the same when all is undone.
fn state(lab: &Lab) -> String {
    lab.state() + &lab.read(INTERFACES)
}

#[test]
fn a_sitting_at_a_shell_leads_to_the_bridge_and_back() {
    let lab = lab();
    let before = state(&lab);
    let mut session = Shell::open(&lab);
    let shell = &mut session;
    looks_around(shell);
    assert_eq!(state(&lab), before, "what was only looked at");
    takes_over_and_confirms_in_another_session(&lab, shell);
    reads_what_was_done(shell);
    falls_into_traps_and_mends_them(shell);
    undoes_it_though_a_guest_is_there(shell);
    assert_eq!(state(&lab), before, "after undo");
    lets_the_time_run_out(shell);
    assert_eq!(state(&lab), before, "after the time has run out");
    interrupts(shell);
    assert_eq!(state(&lab), before, "after Ctrl-C");
    stops_the_command_and_confirms_at_its_prompt(shell);
    assert_eq!(state(&lab), before, "after the command was stopped");
    goes_on_while_the_command_waits_in_the_background(shell);
    assert_eq!(state(&lab), before, "after the command was in the background");
    session.close();
}

fn looks_around(shell: &mut Shell) {
    let (code, misspelt) = shell.attempt("virt-bridge staus");
    assert_eq!(code, 2, "{misspelt}");
    assert!(misspelt.contains("\r\nhint: a similar subcommand exists: 'status'\r\n"), "{misspelt}");
    assert!(shell.run("virt-bridge").contains("there is no bridge; to see what making one would do: virt-bridge plan"));
    shell.run("source <(virt-bridge completions bash)");
    shell.press("virt-bridge plan br0 --uplink et\t");
    shell.see("--uplink eth0 ");
    let plan = shell.run("");
    for part in [
        "switch, in one batch that nothing interrupts:\r\n",
        "\r\n  # the host's ways out, before those there are go\r\n  add route default via 192.0.2.1 by br0\r\n",
        "\r\nexpected outage: ",
    ] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
}

fn takes_over_and_confirms_in_another_session(lab: &Lab, shell: &mut Shell) {
    shell.press("virt-bridge up br0 --uplink eth0 --confirm 60s\n");
    shell.see("br0 goes back in 60s unless you press Enter, or say in any session: virt-bridge confirm br0\r\n");
    shell.see("\r\x1b[?7l60 s [##############################]\x1b[K");
    // It runs down.
    shell.see("# ");
    let mut other = Shell::open(lab);
    let waiting = other.run("virt-bridge status br0");
    assert!(waiting.contains("\x1b[31mgoes back in ") && waiting.contains(" s unless: virt-bridge confirm br0"));
    assert!(other.run("virt-bridge confirm").contains("br0: confirmed, and stays\r\n"));
    let (code, shown) = shell.prompt();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.ends_with("]\x1b[K\x1b[?7h\r\x1b[Kbr0: confirmed, and stays\r\n\x1b[?2004h"), "{shown:?}");
    other.close();
}

fn reads_what_was_done(shell: &mut Shell) {
    let receipt = shell.run("virt-bridge receipt");
    for part in ["br0 took over eth0 on 2", "\r\n  address 192.0.2.10/24\r\n", "\r\noutage: at most "] {
        assert!(receipt.contains(part), "{part}: {receipt}");
    }
    shell.run("ip link set vnet0 master br0");
    let tree = shell.run("virt-bridge");
    for part in [
        "\x1b[1mLAN\x1b[0m  gateway 192.0.2.1 (52:54:00:00:00:01, ",
        "\r\n└─ \x1b[1meth0\x1b[0m  \x1b[32mup\x1b[0m, veth, ↓ ",
        "\r\n   └─ \x1b[1mbr0\x1b[0m  \x1b[32mup\x1b[0m, 192.0.2.10/24, 2001:db8:0:1::10/64\r\n",
        "\r\n      │  \x1b[2m52:54:00:00:00:10, MTU 1500, ",
        "\r\n      └─ \x1b[1mvnet0\x1b[0m  (tun)  ",
    ] {
        assert!(tree.contains(part), "{part:?}: {tree:?}");
    }
}

fn falls_into_traps_and_mends_them(shell: &mut Shell) {
    // Two are there already.
    for (verdict, check) in [(PROBLEM, "bridge-netfilter"), (WARNING, "bridge-lasting")] {
        let (_, shown) = shell.attempt("virt-bridge check");
        shell.run(&mend(&shown, &format!("{verdict}  {check}")));
    }
    let quiet = shell.run("virt-bridge check");
    for (trap, verdict, code, check) in [
        ("ip link set eth0 nomaster", PROBLEM, 2, "uplink-in-bridge"),
        ("ip link set eth0 down", PROBLEM, 2, "bridge-up"),
        ("ip address add 192.0.2.99/24 dev eth0", PROBLEM, 2, "address-on-port"),
        ("ip link set br0 type bridge stp_state 1", WARNING, 1, "spanning-tree"),
        ("sysctl net.bridge.bridge-nf-call-iptables=1", PROBLEM, 2, "bridge-netfilter"),
    ] {
        shell.run(trap);
        let (worst, shown) = shell.attempt("virt-bridge check");
        assert_eq!(worst, code, "{trap}: {shown}");
        let mended = shell.run(&mend(&shown, &format!("{verdict}  {check}")));
        assert!(!mended.contains("warning"), "{trap}: {mended}");
        assert_eq!(shell.run("virt-bridge check"), quiet, "{trap}");
    }
}

/// The command that mends this finding, as the screen shows it.
fn mend(shown: &str, finding: &str) -> String {
    let told = shown.split_once(finding).unwrap_or_else(|| panic!("{finding:?} is not in {shown:?}")).1;
    told.split_once("mend:").unwrap().1.lines().next().unwrap().trim().to_owned()
}

fn undoes_it_though_a_guest_is_there(shell: &mut Shell) {
    shell.press("virt-bridge undo b\t");
    shell.see("virt-bridge undo br0 ");
    shell.press("\n");
    shell.see("br0 still has the ports vnet0: undo it all the same, and leave their guests without a network? [y/N] ");
    let undone = shell.run("y");
    assert!(undone.contains("\r\noutage: at most ") && undone.contains("\r\nrestored /etc/network/interfaces\r\n"));
}

fn lets_the_time_run_out(shell: &mut Shell) {
    let (code, shown) = shell.attempt("virt-bridge up br0 --uplink eth0 --confirm 3s");
    assert_eq!(code, 3, "{shown}");
    assert!(shown.contains("\r\x1b[?7l3 s [####"), "{shown:?}");
    let said =
        "\r\x1b[Kvirt-bridge: br0 was not confirmed; the host is as it was before\r\nhint: try again with a longer";
    assert!(shown.contains(said), "{shown:?}");
}

/// Starts a takeover that waits, and waits until it does.
fn begins_a_takeover(shell: &mut Shell) {
    shell.press("virt-bridge up br0 --uplink eth0 --confirm 60s\n");
    shell.see("s [####");
}

fn interrupts(shell: &mut Shell) {
    begins_a_takeover(shell);
    shell.press("\x03");
    let (code, shown) = shell.prompt();
    assert_eq!(code, 3, "{shown}");
    assert!(shown.contains("^C\r\x1b[Keth0 has taken over 3 addresses, 5 routes "), "{shown:?}");
    assert!(shown.contains("virt-bridge: br0 was not confirmed; the host is as it was before\r\n"), "{shown:?}");
}

fn stops_the_command_and_confirms_at_its_prompt(shell: &mut Shell) {
    begins_a_takeover(shell);
    shell.press("\x1a");
    let (code, stopped) = shell.prompt();
    assert!(code == 148 && stopped.contains("[1]+  Stopped"), "{code}: {stopped}");
    shell.run("virt-bridge confirm");
    let resumed = shell.run("fg");
    assert!(resumed.contains("\r\x1b[Kbr0: confirmed, and stays\r\n"), "{resumed:?}");
    shell.run("virt-bridge undo br0");
}

/// Neither does it lack the terminal, nor does it draw over what is typed.
fn goes_on_while_the_command_waits_in_the_background(shell: &mut Shell) {
    shell.press("virt-bridge up br0 --uplink eth0 --confirm 60s &\n");
    let begun =
        shell.see_beside_prompt("br0 goes back in 60s unless you say in any session: virt-bridge confirm br0\r\n");
    let confirmed = shell.run("virt-bridge confirm");
    // Of a job that has ended the shell knows the exit code by its process only.
    let ended = shell.run("wait $!");
    let shown = begun + &confirmed + &ended;
    assert_eq!(shown.matches("br0: confirmed, and stays\r\n").count(), 2, "{shown}");
    assert!(!shown.contains("s [#") && !shown.contains("\r\x1b[K"), "{shown:?}");
    shell.run("virt-bridge undo br0");
}

#[test]
fn a_guest_that_is_offline_is_brought_back_by_what_why_says() {
    let lab = online();
    let mut shell = Shell::open(&lab);
    for (breakage, hop) in [
        ("ip link set vnet0 nomaster", "tap"),
        ("sysctl net.bridge.bridge-nf-call-iptables=1; iptables -P FORWARD DROP", "bridge"),
        ("ip link set eth0 nomaster", "uplink"),
    ] {
        shell.run(breakage);
        let (code, shown) = shell.attempt("virt-bridge why web");
        assert_eq!(code, 2, "{breakage}: {shown}");
        assert!(shown.contains(&format!("\r\nits way ends at the \x1b[31m{hop}\x1b[0m\r\n")), "{breakage}: {shown:?}");
        shell.run(&mend(&shown, &format!("\r\n{PROBLEM}  {hop:8}  ")));
        let mut way = (code, shown);
        lab.wait_until("the guest is online again", || {
            way = shell.attempt("virt-bridge why web");
            way.0 == 0
        });
        let good = way.1.matches("\r\n\x1b[32mok     \x1b[0m  ").count();
        assert!(way.1.contains("\x1b[1mweb\x1b[0m  52:54:00:00:00:30\r\n") && good == 5, "{breakage}: {:?}", way.1);
    }
    shell.close();
}
