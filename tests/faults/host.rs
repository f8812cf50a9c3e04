//! The host of a lab as the faults find it: what is asked of it, and what runs on it.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::state::State;
use crate::strace::{self, Call};
use crate::support::{Lab, text, told};

/// As tests/lab/network.sh has it.
const CABLE: &str = "link add eth0 address 52:54:00:00:00:10 type veth peer name host netns switch";

const ADDRESSES: &str = "\
address add 192.0.2.10/24 broadcast + dev eth0
address add 2001:db8:0:1::10/64 dev eth0 nodad
route prepend default via 192.0.2.1
route append default via 2001:db8:0:1::1";

/// Of each kind something, so that a way back that loses it is seen.
const BELONGINGS: &str = "\
address add 192.0.2.11/24 dev eth0
address add 203.0.113.5/32 dev eth0 label eth0:1
address add 2001:db8:0:1::11/64 dev eth0 valid_lft 36000 preferred_lft 18000 nodad
route add 203.0.113.128/25 via 192.0.2.1 metric 50 src 192.0.2.11
route add 198.51.100.128/25 via 192.0.2.1 table 100
route add 2001:db8:5::/48 via 2001:db8:0:1::1
neighbour add 192.0.2.77 lladdr 52:54:00:00:00:77 dev eth0 nud permanent
";

const CONFIGURATION: &str = "[bridge.br0]\nuplink = \"eth0\"\n";

/// What libvirt writes to the hook of a network on br0.
pub const NETWORK: &str = "<hookData><network><name>lan</name><uuid>7a8e2d3c-6c1c-4f0b-9d57-0242ac120002</uuid>\
    <forward mode='bridge'/><bridge name='br0'/></network></hookData>";

/// Where the hook's XML is on the host.
const XML: &str = "/run/lab/network.xml";

/// Each address asked anew who has it, then one echo.
const REACH: &str = "ip neighbour flush dev lan 2>/dev/null
ping -nqc1 -W2 192.0.2.10 & four=$!
ping -nqc1 -W2 2001:db8:0:1::10 & six=$!
wait $four; four=$?; wait $six && exit $four";

/// The ways to call the product.
pub const HOOK: &[&str] = &["/usr/lib/libvirt/virt-bridge-network", "lan", "start", "begin", "-"];
pub const UNDO: &[&str] = &["virt-bridge", "undo", "br0"];

/// How a program ended.
pub struct Ending {
    /// Its exit code; nothing when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub duration: Duration,
}

impl Ending {
    fn of(output: &Output, begun: Instant) -> Self {
        Ending {
            code: output.status.code(),
            signal: output.status.signal(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            duration: begun.elapsed(),
        }
    }

    /// What the program says happened: one line, and no other beside warnings.
    pub fn said(&self) -> Result<&str, String> {
        let lines: Vec<&str> = self.stderr.lines().filter(|line| !line.starts_with("warning: ")).collect();
        match lines.as_slice() {
            [line] if line.starts_with("virt-bridge: ") => Ok(line),
            _ => Err(format!("it does not say in one line what happened: {:?}", self.stderr)),
        }
    }
}

/// A host with an uplink `eth0` that has something of everything, and `eth1` with an equal default route. The thread
/// that made it is on it for good, with everything that it starts.
pub struct Host {
    lab: Lab,
    /// The state before anything.
    pub alone: State,
    /// The state after a takeover that nothing disturbed.
    pub bridged: State,
}

impl Host {
    /// Starts a lab, and moves the calling thread there.
    pub fn enter() -> Self {
        let lab = Lab::start(["--no-libvirt", "--no-ra", "--second-nic"]);
        lab.enter();
        std::fs::write(XML, NETWORK).unwrap();
        let mut host = Host { lab, alone: State::default(), bridged: State::default() };
        host.configure(CONFIGURATION);
        host.ip(BELONGINGS);
        host.lab.wait_until("all addresses are usable", || !State::of_host().is_tentative());
        assert!(host.is_reachable(), "the router does not reach the lab's host");
        host.alone = State::of_host();
        host.must(HOOK);
        host.bridged = State::settled(|state| state.has("br0"));
        host.must(UNDO);
        host.expect_alone();
        host
    }

    /// Writes `/etc/virt-bridge.toml`.
    pub fn configure(&self, text: &str) {
        std::fs::write("/etc/virt-bridge.toml", text).unwrap();
    }

    /// Runs commands of ip(8), one a line.
    pub fn ip(&self, commands: &str) {
        run(["sh", "-c", &format!("ip -batch - <<'END'\n{commands}\nEND")]);
    }

    /// Whether the router, which has forgotten the host, finds and reaches it by IPv4 and IPv6.
    pub fn is_reachable(&self) -> bool {
        attempt(["nsenter", "--net=/run/netns/router", "sh", "-c", REACH]).status.success()
    }

    /// Runs `command` with the network's XML on stdin.
    pub fn call<'a>(&self, command: impl IntoIterator<Item = &'a str>) -> Ending {
        let begun = Instant::now();
        let output = Command::new("timeout")
            .args(["--signal=KILL", "60"])
            .args(command)
            .stdin(File::open(XML).unwrap())
            .output()
            .unwrap();
        Ending::of(&output, begun)
    }

    /// Runs `command`, and lets `mishap` happen while it is stopped behind `call`; nothing where it did not come there.
    pub fn interrupt(&self, command: &[&str], call: &Call, mishap: impl FnOnce()) -> Option<Ending> {
        strace::forget();
        let begun = Instant::now();
        let mut strace = Command::new("timeout");
        strace.args(["--signal=KILL", "60"]).args(strace::stop_behind(call)).args(command);
        strace.stdin(File::open(XML).unwrap()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut strace = strace.spawn().unwrap();
        let pid = loop {
            if let Some(pid) = strace::stopped() {
                break pid;
            }
            if strace.try_wait().unwrap().is_some() {
                return None;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        mishap();
        run(["kill", "-CONT", &pid]);
        Some(Ending::of(&strace.wait_with_output().unwrap(), begun))
    }

    /// Runs `command`, which must succeed.
    pub fn must(&self, command: &[&str]) -> Ending {
        let ending = self.call(command.iter().copied());
        assert_eq!(ending.code, Some(0), "{command:?}\n{}{}", ending.stdout, ending.stderr);
        ending
    }

    /// The host must be as it was first.
    pub fn expect_alone(&self) {
        let state = State::settled(|state| *state == self.alone);
        assert!(state == self.alone, "the host is not as it was before:\n{}", self.alone.difference(&state));
        assert!(self.is_reachable(), "the router does not reach the host");
    }

    /// The bridge must have everything.
    pub fn expect_bridged(&self) {
        let state = State::settled(|state| *state == self.bridged);
        assert!(state == self.bridged, "the host is not complete on the bridge:\n{}", self.bridged.difference(&state));
        assert!(self.is_reachable(), "the router does not reach the host");
    }

    /// A new uplink, with the addresses of the old one where the bridge does not have them.
    pub fn plug_in(&self) {
        self.ip(CABLE);
        run(["/run/lab/bin/switch", "ip", "link", "set", "host", "addrgenmode", "none", "master", "lan", "up"]);
        run(["sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad"]);
        self.ip("link set eth0 up");
        if !run(["ip", "address", "show"]).contains("192.0.2.10/24") {
            self.ip(ADDRESSES);
            self.ip(BELONGINGS);
        }
    }

    /// A host as it was first, whatever it is now.
    pub fn clear(&self) {
        for link in ["br0", "eth0"] {
            attempt(["ip", "link", "delete", link]);
        }
        run(["rm", "-rf", "/run/virt-bridge"]);
        self.plug_in();
        self.expect_alone();
    }

    /// Back from whatever the last case has done, by the product alone.
    pub fn back(&self) {
        self.must(HOOK);
        self.must(UNDO);
        self.expect_alone();
    }
}

/// Runs a command on the host, whatever becomes of it.
pub fn attempt<'a>(command: impl IntoIterator<Item = &'a str>) -> Output {
    let words: Vec<&str> = command.into_iter().collect();
    Command::new(words[0]).args(&words[1..]).stdin(Stdio::null()).output().unwrap()
}

/// Runs a command on the host that must succeed, and answers with what it printed.
pub fn run<'a>(command: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<&str> = command.into_iter().collect();
    let output = attempt(words.iter().copied());
    assert!(output.status.success(), "{words:?}\n{}", told(&output));
    text(&output.stdout)
}
