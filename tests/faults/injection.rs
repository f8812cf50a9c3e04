//! Every fault at every system call of a program, one run each.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use crate::host::{Ending, HOOK, Host, UNDO};
use crate::state::{Place, State};
use crate::strace::{self, Call, Fault, Injection};
use crate::tally::Tally;

/// libvirtd waits no longer for the hook than its deadline, which a fault must not stretch.
const LONGEST: Duration = Duration::from_secs(20);

/// A program to put faults into.
#[derive(Clone, Copy)]
pub struct Subject {
    /// What it is, for the table.
    pub what: &'static str,
    /// Its words.
    pub command: &'static [&'static str],
    /// Whether it finds the host on the bridge, and is to lead it back.
    pub from_bridge: bool,
}

/// Puts each fault into each call, on several hosts at once: a run mostly waits for the kernel.
pub fn everywhere(subject: Subject) {
    let hosts = 2 * std::thread::available_parallelism().map_or(1, usize::from);
    let (injections, tally) = (Mutex::new(None), Mutex::new(Tally::default()));
    // A thread cannot leave its host, so each host has a thread of its own.
    let on_a_host = || {
        let host = Host::enter();
        loop {
            let next = injections.lock().unwrap().get_or_insert_with(|| list(&host, subject)).pop();
            let Some(injection) = next else { return true };
            let result = one(&host, subject, &injection);
            let is_spoilt = result.is_err();
            tally.lock().unwrap().count(injection, result);
            if is_spoilt {
                return false;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..hosts {
            scope.spawn(|| while !std::thread::scope(|scope| scope.spawn(on_a_host).join().unwrap()) {});
        }
    });
    let tally = tally.into_inner().unwrap();
    tally.print(subject.what);
    assert!(tally.is_clean(), "{}", tally.failures());
}

/// How one run went: nothing when the program did not come to that call.
pub type Outcome = Result<Option<Landing>, String>;

/// Where the host was after a fault.
#[derive(Clone, Copy, Debug)]
pub struct Landing {
    pub place: Place,
    /// The program said that it could not go back.
    pub stranded: bool,
    pub duration: Duration,
}

/// All faults. How often a program looks for a router's answer varies a little from run to run: of some, those that
/// looked about as often as the quickest count together.
fn list(host: &Host, subject: Subject) -> Vec<Injection> {
    let mut runs: Vec<Vec<Call>> = (0..6).map(|_| calls(host, subject)).collect();
    let shortest = runs.iter().map(Vec::len).min().unwrap();
    runs.retain(|calls| calls.len() <= shortest + shortest / 8);
    let all: BTreeSet<Injection> = runs.iter().flatten().flat_map(strace::faults).collect();
    all.into_iter().collect()
}

fn calls(host: &Host, subject: Subject) -> Vec<Call> {
    prepare(host, subject);
    let words = strace::watch().into_iter().chain(subject.command.iter().copied());
    assert_eq!(host.call(words).code, Some(0));
    let calls = strace::calls();
    host.back();
    calls
}

fn prepare(host: &Host, subject: Subject) {
    if subject.from_bridge {
        host.must(HOOK);
    }
}

/// One fault, then the next call of the hook, then an undo: three states that must be right.
fn one(host: &Host, subject: Subject, injection: &Injection) -> Outcome {
    let strace = injection.strace();
    let run = || {
        prepare(host, subject);
        host.call(strace.iter().map(String::as_str).chain(subject.command.iter().copied()))
    };
    let mut ending = run();
    if ending.duration > LONGEST {
        // Once may be the machine that stood still.
        host.back();
        ending = run();
    }
    let mut story = format!("{injection} {}\n", subject.command.join(" "));
    let _ = writeln!(story, "exit code {:?}, signal {:?}, stderr: {}", ending.code, ending.signal, ending.stderr);
    if !injection.has_happened() {
        host.back();
        return Ok(None);
    }
    let reachable = host.is_reachable();
    let state = State::settled(|state| state.place(&host.alone, &host.bridged) != Place::Between);
    let place = state.place(&host.alone, &host.bridged);
    let nearest = if place == Place::Between { host.nearest(&state) } else { String::new() };
    let stranded = judge(subject, injection, &ending, place).map_err(|wrong| format!("{story}{wrong}\n{nearest}"))?;
    if !reachable {
        return Err(format!("{story}{place:?}, and the router does not reach the host\n{}", host.nearest(&state)));
    }
    host.try_next(HOOK, &host.bridged).map_err(|wrong| format!("{story}{place:?}; the next call: {wrong}"))?;
    host.try_next(UNDO, &host.alone).map_err(|wrong| format!("{story}{place:?}; undo after the next call: {wrong}"))?;
    Ok(Some(Landing { place, stranded, duration: ending.duration }))
}

/// Whether what the program said is true; answers with whether it said that it could not go back.
fn judge(subject: Subject, injection: &Injection, ending: &Ending, place: Place) -> Result<bool, String> {
    let (old, new) = match subject.from_bridge {
        false => (Place::Alone, Place::Bridged),
        true => (Place::Bridged, Place::Alone),
    };
    if place == Place::Between {
        return Err("the host is neither as before nor complete".into());
    }
    if ending.duration > LONGEST {
        return Err(format!("it took {:?}", ending.duration));
    }
    if injection.fault == Fault::Killed || (injection.is_end_of_memory() && ending.code.is_none()) {
        return Ok(false);
    }
    match ending.code {
        Some(0) if place == new => return Ok(false),
        Some(0) => return Err(format!("exit code 0, but the host is {place:?}")),
        Some(_) => {}
        None => return Err("it died".into()),
    }
    let line = ending.said()?;
    let stranded = line.contains("going back failed");
    if !stranded && place != old {
        return Err(format!("it says that nothing has changed, but the host is {place:?}"));
    }
    // The hook has one exit code for all failures.
    let expected = match () {
        () if subject.command == HOOK => 1,
        () if stranded => 4,
        () if line.contains("as it was before") => 3,
        () => 1,
    };
    if ending.code != Some(expected) {
        return Err(format!("exit code {:?} instead of {expected}", ending.code));
    }
    Ok(stranded)
}

impl Host {
    fn try_next(&self, command: &[&str], expected: &State) -> Result<(), String> {
        let mut ending = self.call(command.iter().copied());
        if ending.stderr.contains(" does not answer through ") {
            // Once may be the machine, which left no time for the router, which is on it too.
            ending = self.call(command.iter().copied());
        }
        if ending.code != Some(0) {
            return Err(format!("exit code {:?}: {}", ending.code, ending.stderr));
        }
        let reachable = self.is_reachable();
        let state = State::settled(|state| state == expected);
        if state != *expected {
            return Err(format!("the host is not as expected:\n{}", expected.difference(&state)));
        }
        if !reachable {
            return Err("the router does not reach the host".into());
        }
        // A file that was being written when its writer was killed is written over by the next one.
        let left = ["br0.journal", "br0.new"]
            .into_iter()
            .find(|name| Path::new("/run/virt-bridge").join(name).exists() && !(command == HOOK && *name == "br0.new"));
        left.map_or(Ok(()), |name| Err(format!("{name} is left in /run/virt-bridge")))
    }

    /// What this state lacks and has beside the state that it is most like.
    fn nearest(&self, state: &State) -> String {
        let differences = [("as before", &self.alone), ("on the bridge", &self.bridged)]
            .map(|(what, other)| format!("{what} would be:\n{}", state.difference(other)));
        differences.into_iter().min_by_key(|text| text.lines().count()).unwrap_or_default()
    }
}
