//! What every verb says on a host with a guest, word by word: `UPDATE=1 cargo test --test output` writes it down anew.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use similar::TextDiff;
use support::{Lab, text};

/// What was said, and what of it is written down.
struct Session<'a> {
    lab: &'a Lab,
    told: Vec<PathBuf>,
}

impl Session<'_> {
    /// Says each of these and compares what comes with the file of this name.
    fn holds(&mut self, name: &str, commands: &[&str]) {
        let said: String = commands.iter().map(|command| self.say(command)).collect();
        let said = steady(&said);
        let file = directory().join(name).with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&file, &said).unwrap();
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        let difference = TextDiff::from_lines(&expected, &said).unified_diff().to_string();
        assert!(difference.is_empty(), "{}:\n{difference}", file.display());
        self.told.push(file);
    }

    /// A command as one sees it in a terminal, but with what it has for stderr behind what it has for stdout.
    fn say(&self, command: &str) -> String {
        let output = self.lab.attempt(["sh", "-c", command]);
        let code = match output.status.code() {
            Some(0) => String::new(),
            code => format!("[exit code {}]\n", code.expect("it was killed")),
        };
        format!("$ {command}\n{}{}{code}\n", text(&output.stdout), text(&output.stderr))
    }
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/output")
}

/// The text with placeholders for what differs from run to run.
fn steady(said: &str) -> String {
    let unsteady = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("output-{}", std::process::id()));
    fs::write(&unsteady, said).unwrap();
    let script = directory().join("varies.sed");
    let sed = Command::new("sed").arg("-Ef").args([&script, &unsteady]).env("LC_ALL", "C").output().unwrap();
    assert!(sed.status.success(), "{}", support::told(&sed));
    fs::remove_file(unsteady).unwrap();
    text(&sed.stdout)
}

/// The verbs that do something, as they are typed.
fn verbs(command: &clap::Command, above: &str) -> Vec<String> {
    let visible = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    let below: Vec<String> = visible.flat_map(|verb| verbs(verb, &format!("{above} {}", verb.get_name()))).collect();
    if below.is_empty() { vec![above.into()] } else { below }
}

/// The key of a line of JSON; what is below `bridges` of `netfilter show` has the bridges' own names.
fn key(line: &str) -> Option<&str> {
    let (key, _) = line.trim_start().strip_prefix('"')?.split_once("\":")?;
    let is_phase_of_words = key.contains(' ');
    (!is_phase_of_words && !key.starts_with("br") || ["bridge", "bridges", "bridge_was_up", "broken"].contains(&key))
        .then_some(key)
}

/// Whether a manual page has the word in bold.
fn is_documented(page: &str, key: &str) -> bool {
    let bold = page.lines().filter(|line| [".B ", ".BR ", ".RB "].iter().any(|request| line.starts_with(request)));
    bold.flat_map(|line| line.split([' ', ','])).any(|word| word == key)
}

fn lab() -> Lab {
    let lab = Lab::start(["--no-ra"]);
    lab.host(["mkdir", "-p", "/etc/network/if-pre-up.d", "/run/network"]);
    // bridge-utils, or its place: without it other lines are written.
    lab.host(["ln", "-sfn", "/dev/null", "/etc/network/if-pre-up.d/bridge"]);
    lab.write(
        "/etc/network/interfaces",
        "auto eth0\niface eth0 inet static\n    address 192.0.2.10/24\n    gateway 192.0.2.1\n",
    );
    lab.write("/run/network/ifstate", "lo=lo\neth0=eth0\n");
    lab.write("/run/lab/old.xml", OLD);
    make_image(&lab);
    lab
}

/// The files of another host, which does not run.
fn make_image(lab: &Lab) {
    let make =
        "mkdir -p /run/image/etc/libvirt/qemu/networks /run/image/sys/class/net/eth0 /run/image/sys/class/net/eth2
        cp -a /etc/network /run/image/etc/
        echo 52:54:00:00:00:77 | tee /run/image/sys/class/net/eth0/address >/run/image/sys/class/net/eth2/address";
    lab.host(["sh", "-ec", make]);
    lab.write("/run/image/etc/virt-bridge.toml", "[bridge.br5]\nuplink = \"eth0\"\nnf-call-iptables = true\n");
    let network = "<network><name>nat</name><forward mode='nat'/><bridge name='virbr0'/></network>";
    lab.write("/run/image/etc/libvirt/qemu/networks/nat.xml", network);
}

const OLD: &str = "<domain type='qemu'>
  <name>old</name>
  <devices>
    <interface type='network'>
      <mac address='52:54:00:00:00:31'/>
      <source network='default'/>
    </interface>
  </devices>
</domain>
";

const RULE: &str = "[bridge.br0]
uplink = \"eth0\"

[[interface]]
from = { network = \"default\" }
to = { network = \"lan\" }
";

#[test]
fn every_verb_says_what_is_written_down() {
    let lab = lab();
    let mut session = Session { lab: &lab, told: Vec::new() };
    session.holds("status-without-a-bridge", &["virt-bridge"]);
    session.holds("check-list", &["virt-bridge check --list", "virt-bridge check --list --json takeover-unfinished"]);
    session.holds(
        "plan",
        &[
            "virt-bridge plan br0 --uplink eth0 --persist --network lan",
            "virt-bridge plan br0 --uplink eth0 --rehearse",
            "virt-bridge plan br0 --uplink eth9",
        ],
    );
    session.holds("plan-json", &["virt-bridge plan br0 --uplink eth0 --json"]);
    session.holds(
        "plan-persist-json",
        &["virt-bridge plan br0 --uplink eth0 --persist --network lan --rehearse --json | jq '{persistence, network, rehearsal}'"],
    );
    session.holds(
        "root",
        &[
            "virt-bridge plan br5 --persist --root /run/image",
            "virt-bridge plan br5 --persist --root /run/image --uplink auto",
            "virt-bridge plan br5 --persist --root /run/image --uplink eth1",
            "virt-bridge plan br5 --persist --root /run/image --uplink eth2",
            "virt-bridge netfilter show --root /run/image",
            "virt-bridge netfilter show --root /run/image --json | jq -c '.bridges | keys'",
            "virt-bridge check --root /run/image",
            "virt-bridge up br5 --persist --root /run/image --json",
            "virt-bridge up br5 --persist --root /run/image",
            "virt-bridge undo br5 --root /run/image --json",
            "virt-bridge undo br5 --root /run/image",
            "virt-bridge undo br5 --root /run/image --json",
        ],
    );
    session.holds(
        "up-undo-json",
        &[
            "virt-bridge up br0 --uplink eth0 --json --persist",
            "virt-bridge up br0 --uplink eth0 --json",
            "virt-bridge undo br0 --json",
            "virt-bridge undo br0 --json",
        ],
    );
    // What the routers' answers taught.
    lab.host(["ip", "neighbour", "flush", "dev", "eth0"]);
    lab.write("/etc/virt-bridge.toml", RULE);
    session.holds(
        "netfilter",
        &[
            "virt-bridge netfilter show",
            "virt-bridge netfilter apply --dry-run --json",
            "virt-bridge netfilter apply --dry-run",
            "virt-bridge netfilter apply",
        ],
    );
    session.holds(
        "up-confirm",
        &["virt-bridge up br0 --confirm 60s --detach", "virt-bridge confirm", "virt-bridge confirm br0 --json"],
    );
    session
        .holds("up-persist-network", &["virt-bridge up br0 --persist --network lan", "virt-bridge up br0 --persist"]);
    session.holds("receipt", &["virt-bridge receipt", "virt-bridge receipt br7"]);
    session.holds("receipt-json", &["virt-bridge receipt --json"]);
    session.holds("netfilter-json", &["virt-bridge netfilter show --json"]);
    session.holds("host", &["virt-bridge host apply", "virt-bridge host apply --json"]);

    lab.serve_dhcp(&[]);
    lab.host(["guest", "web", "lan"]);
    lab.host(["lan-dhcp", "lease", "52:54:00:00:00:30"]);
    let is_online = || lab.attempt(["virt-bridge", "why", "web"]).status.success();
    lab.wait_until("the guest is online", is_online);
    session.holds("why", &["virt-bridge why web", "virt-bridge why mail"]);
    session.holds(
        "status",
        &[
            "virt-bridge status",
            "virt-bridge status br7",
            "virt-bridge status eth0",
            "virt-bridge status eth1",
            "virt-bridge status --svg /nowhere/host.svg",
            "virt-bridge --help >/dev/full",
        ],
    );
    session.holds("status-json", &["virt-bridge status --json"]);
    session.holds("domain-list", &["virt-bridge domain list", "virt-bridge domain list --json"]);
    session.holds("domain-patch", &["virt-bridge domain patch --verbose --diff /run/lab/old.xml"]);

    lab.host(["ip", "link", "set", "vnet0", "nomaster"]);
    session.holds("check", &["virt-bridge check"]);
    session.holds("check-json", &["virt-bridge check --json tap-fallen network-active"]);
    session.holds("why-json", &["virt-bridge why web --json"]);
    session.holds("heal", &["virt-bridge heal --dry-run", "virt-bridge heal --json", "virt-bridge heal"]);
    session.holds("undo", &["virt-bridge undo br0", "virt-bridge undo br0 --force", "virt-bridge undo br0"]);

    let told = |file: &PathBuf| fs::read_to_string(file).unwrap();
    let all: String = session.told.iter().map(told).collect();
    let documented = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/pages/json.roff")).unwrap();
    let undocumented: Vec<&str> = all.lines().filter_map(key).filter(|key| !is_documented(&documented, key)).collect();
    assert!(undocumented.is_empty(), "the manual page says nothing of the keys {undocumented:?}");
    // What a shell needs is held by tests/completions.rs.
    let verbs = verbs(&virt_bridge::cli::command(), "virt-bridge");
    let silent: Vec<&String> =
        verbs.iter().filter(|verb| *verb != "virt-bridge completions" && !all.contains(&format!("$ {verb}"))).collect();
    assert!(silent.is_empty(), "nothing is held of what these say: {silent:?}");
    let files = fs::read_dir(directory()).unwrap().map(|file| file.unwrap().path());
    let texts = files.filter(|path| path.extension().is_some_and(|extension| extension == "txt"));
    let forgotten: Vec<PathBuf> = texts.filter(|path| !session.told.contains(path)).collect();
    assert!(forgotten.is_empty(), "nobody says these: {forgotten:?}");
}
