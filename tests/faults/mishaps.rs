//! The network, the bridge or the host's own services break while a takeover is under way.

use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::host::{Ending, HOOK, Host, UNDO, attempt, run};
use crate::strace::{self, Call};

/// The hook's own deadline, and a machine that stands still meanwhile: while the kernel takes another test's network
/// apart, it serves nobody (rtnl_lock).
const LONGEST: Duration = Duration::from_secs(40);

/// The router's plug in the switch: pulled, it answers nothing, and eth0 notices nothing.
fn router_plug(state: &str) {
    run(["/run/lab/bin/switch", "ip", "link", "set", "router", state]);
}

/// The host knows the router's answers of a moment ago.
fn know_routers() {
    for router in ["192.0.2.1", "2001:db8:0:1::1"] {
        run(["ping", "-nqc1", "-W2", router]);
    }
}

fn expect_failure(ending: &Ending, code: i32, words: &str) {
    assert_eq!(ending.code, Some(code), "{}", ending.stderr);
    let line = ending.said().unwrap();
    assert!(line.contains(words), "{words} is not in: {line}");
}

#[test]
fn a_router_that_no_longer_answers_leads_back() {
    let host = Host::enter();
    know_routers();
    router_plug("down");
    let ending = host.call(HOOK.iter().copied());
    expect_failure(&ending, 1, "does not answer through br0");
    expect_failure(&ending, 1, "the host is as it was before");
    assert!(ending.duration < LONGEST, "{:?}", ending.duration);
    router_plug("up");
    host.expect_alone();

    host.must(HOOK);
    host.expect_bridged();
    know_routers();
    router_plug("down");
    expect_failure(&host.call(UNDO.iter().copied()), 3, "the host is as it was before");
    router_plug("up");
    host.expect_bridged();
    host.must(UNDO);
    host.expect_alone();
}

#[test]
fn a_router_that_no_longer_answers_is_nothing_where_nobody_asks_it() {
    let host = Host::enter();
    host.configure("[bridge.br0]\nuplink = \"eth0\"\ngateway-check = \"0s\"\n");
    know_routers();
    router_plug("down");
    let ending = host.must(HOOK);
    assert!(ending.duration < Duration::from_secs(2), "{:?}", ending.duration);
    router_plug("up");
    host.expect_bridged();
    host.must(UNDO);
    host.expect_alone();
}

#[test]
fn a_host_whose_routers_did_not_answer_before_is_taken_over_all_the_same() {
    let host = Host::enter();
    router_plug("down");
    run(["ip", "neighbour", "flush", "dev", "eth0"]);
    host.must(HOOK);
    router_plug("up");
    host.expect_bridged();
    host.must(UNDO);
    host.expect_alone();
}

/// The messages to the kernel from one that has the words `first` to before one that has the words `end`; of several
/// questions of one kind in a row, the first.
fn middle(host: &Host, command: &[&str], first: &[&str], end: &[&str]) -> Vec<Call> {
    host.must(&[&strace::watch()[..], command].concat());
    let mut calls: Vec<Call> = strace::calls().into_iter().filter(|call| call.name == "sendmsg").collect();
    let has = |words: &[&str], call: &Call| words.iter().all(|word| call.detail.contains(word));
    let first = calls.iter().position(|call| has(first, call)).unwrap();
    let mut calls = calls.split_off(first);
    calls.truncate(calls.iter().position(|call| has(end, call)).unwrap());
    let kind = |call: &Call| call.detail.split("nlmsg_type=").nth(1).unwrap().split(',').next().map(str::to_owned);
    calls.dedup_by_key(|call| kind(call));
    calls
}

/// Behind the last look at the routers nothing is asked any more: a bridge that is deleted then is as one that is
/// deleted right after the takeover.
#[test]
fn a_bridge_that_is_deleted_in_the_middle_of_a_takeover_leaves_the_host_as_it_was() {
    let host = Host::enter();
    let calls = middle(&host, HOOK, &["NLM_F_EXCL"], &["RTM_GETNEIGH", "\"br0\""]);
    host.back();
    assert!(calls.len() > 4, "only {calls:?}");
    for call in calls {
        let ending = host.interrupt(HOOK, &call, || drop(run(["ip", "link", "delete", "br0"]))).unwrap();
        expect_failure(&ending, 1, "the host is as it was before");
        host.expect_alone();
        host.back();
    }
}

#[test]
fn a_bridge_that_is_deleted_in_the_middle_of_its_undo_is_undone() {
    let host = Host::enter();
    host.must(HOOK);
    let calls = middle(&host, UNDO, &["RTM_NEWADDR", "NLM_F_EXCL"], &["RTM_DELLINK"]);
    for call in calls {
        host.must(HOOK);
        let ending = host.interrupt(UNDO, &call, || drop(attempt(["ip", "link", "delete", "br0"])));
        if ending.is_some_and(|ending| ending.code == Some(0)) {
            host.expect_alone();
        } else {
            // The hook goes on from there.
            host.back();
        }
    }
}

#[test]
fn an_uplink_that_disappears_in_the_middle_leaves_what_the_next_call_can_go_on_from() {
    let host = Host::enter();
    let mut points: Vec<_> =
        middle(&host, HOOK, &["NLM_F_EXCL"], &["RTM_DELADDR"]).into_iter().map(|call| (HOOK, call)).collect();
    points.extend(
        middle(&host, UNDO, &["RTM_NEWADDR", "NLM_F_EXCL"], &["RTM_DELLINK"]).into_iter().map(|call| (UNDO, call)),
    );
    host.expect_alone();
    for (command, call) in points {
        if command == UNDO {
            host.must(HOOK);
        }
        let ending = host.interrupt(command, &call, || drop(run(["ip", "link", "delete", "eth0"])));
        let Some(ending) = ending else {
            host.back();
            continue;
        };
        let story = format!("{command:?} behind {call:?}: {:?} {}", ending.code, ending.stderr);
        assert!(ending.code.is_some_and(|code| code != 0), "{story}");
        ending.said().unwrap();
        assert!(ending.duration < LONGEST, "{story} took {:?}", ending.duration);
        let without = host.call(HOOK.iter().copied());
        assert_eq!(without.code, Some(1), "{story}; without uplink: {}", without.stderr);
        without.said().unwrap();
        host.plug_in();
        let next = host.call(HOOK.iter().copied());
        assert_eq!(next.code, Some(0), "{story}; with a new uplink: {}", next.stderr);
        assert!(host.is_reachable(), "{story}; with a new uplink the router does not reach the host");
        host.clear();
    }
}

#[test]
fn a_syslog_that_nobody_reads_and_none_at_all_cost_no_takeover() {
    let host = Host::enter();
    let syslog = std::fs::read_to_string("/run/lab/syslog.pid").unwrap();
    run(["kill", syslog.trim()]);
    let silence = |host: &Host| {
        let ending = host.must(HOOK);
        assert!(ending.duration < LONGEST, "{:?}", ending.duration);
        host.expect_bridged();
        host.must(UNDO);
        host.expect_alone();
    };
    std::fs::remove_file("/dev/log").unwrap();
    silence(&host);

    let _unread = UnixDatagram::bind("/dev/log").unwrap();
    let flood = UnixDatagram::unbound().unwrap();
    flood.set_nonblocking(true).unwrap();
    while flood.send_to(b"flood", "/dev/log").is_ok() {}
    silence(&host);
}

#[test]
fn a_run_directory_that_cannot_be_written_stops_what_could_not_be_undone_and_nothing_else() {
    let host = Host::enter();
    run(["mount", "-t", "tmpfs", "tmpfs", "/run/virt-bridge"]);
    run(["mount", "-o", "remount,ro", "/run/virt-bridge"]);
    expect_failure(&host.call(HOOK.iter().copied()), 1, "nothing was changed");
    host.expect_alone();
    run(["mount", "-o", "remount,rw", "/run/virt-bridge"]);
    host.must(HOOK);
    run(["mount", "-o", "remount,ro", "/run/virt-bridge"]);
    host.must(HOOK);
    host.expect_bridged();
    expect_failure(&host.call(UNDO.iter().copied()), 1, "nothing was changed");
    host.expect_bridged();
    run(["mount", "-o", "remount,rw", "/run/virt-bridge"]);
    host.must(UNDO);
    host.expect_alone();
}

#[test]
fn a_full_run_directory_has_room_for_a_journal_or_nothing_begins() {
    let host = Host::enter();
    run(["rm", "-r", "/run/virt-bridge"]);
    for (options, room) in [("nr_inodes=1", false), ("size=4k", false), ("size=8k", true)] {
        std::fs::create_dir_all("/run/virt-bridge").unwrap();
        run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", "/run/virt-bridge"]);
        if room {
            // What would be the receipt has no room beside the journal, which becomes the receipt.
            host.must(HOOK);
            host.expect_bridged();
            std::fs::write("/run/virt-bridge/fill", [0; 8192]).unwrap_err();
            host.must(HOOK);
            run(["rm", "-f", "/run/virt-bridge/fill"]);
            run(["mount", "-o", "remount,size=1m", "/run/virt-bridge"]);
            host.must(UNDO);
        } else {
            expect_failure(&host.call(HOOK.iter().copied()), 1, "nothing was changed");
        }
        host.expect_alone();
        run(["umount", "/run/virt-bridge"]);
    }
}

/// Addresses and routes that come and go while the kernel is asked for all of them, so that its answers say that they
/// are not of one moment (NLM_F_DUMP_INTR).
const UNREST: &str = "while :; do
    for i in $(seq 8); do
        echo address add 198.51.100.77/32 dev eth1
        echo route add 203.0.113.64/26 via 198.51.100.1
        echo address add 2001:db8:0:100::77/128 dev eth1 nodad
        echo route add 2001:db8:6::/48 via 2001:db8:0:100::1
        echo route delete 2001:db8:6::/48
        echo address delete 2001:db8:0:100::77/128 dev eth1
        echo route delete 203.0.113.64/26
        echo address delete 198.51.100.77/32 dev eth1
    done | ip -force -batch -
done";

#[test]
fn a_host_whose_other_addresses_never_rest_is_taken_over() {
    let host = Host::enter();
    // More than the kernel puts into one answer.
    let many: Vec<String> = (0..600).map(|i| format!("address add 10.{}.{}.1/32 dev eth1", i / 200, i % 200)).collect();
    host.ip(&many.join("\n"));
    let mut unrest =
        Command::new("sh").args(["-c", UNREST]).stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut interrupted = 0;
    for _ in 0..15 {
        host.must(&[&strace::watch()[..], HOOK].concat());
        interrupted += strace::calls().iter().filter(|call| call.detail.contains("NLM_F_DUMP_INTR")).count();
        assert!(host.is_reachable());
        host.must(UNDO);
        assert!(host.is_reachable());
    }
    unrest.kill().unwrap();
    unrest.wait().unwrap();
    assert!(interrupted > 0, "no reading was interrupted");
    // The shell's last batch ends by itself.
    std::thread::sleep(Duration::from_millis(500));
    host.ip(&many.join("\n").replace("address add", "address delete"));
    host.expect_alone();
}
