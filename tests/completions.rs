//! Real shells complete the command with the names of the host.

mod support;

use support::{Lab, told};

const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// How each shell is asked, after its own script is read: the words as typed, the last one unfinished.
fn completed(lab: &Lab, shell: &str, words: &[&str]) -> Vec<String> {
    let line = words.join(" ");
    let typed = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
    let script = match shell {
        "bash" => format!(
            "source <(virt-bridge completions bash); COMP_WORDS=({typed}); COMP_CWORD={}; _virt_bridge 2>&1
             printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words.len() - 1
        ),
        // What zsh would show is all that its last call gets.
        "zsh" => format!(
            "compdef() {{ }}; _describe() {{ print -l -- ${{(P)2}} }}; _files() {{ print files }}
             source <(virt-bridge completions zsh); words=({typed}); CURRENT={}; _virt-bridge",
            words.len()
        ),
        _ => format!("virt-bridge completions fish | source; complete --do-complete '{line}'"),
    };
    let output = lab.attempt([shell, "-c", &script]);
    assert!(output.status.success(), "{shell}: {}", told(&output));
    let lines = support::text(&output.stdout);
    lines
        .lines()
        .filter_map(|line| line.split([':', '\t']).next())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn shells_complete_verbs_options_and_the_names_of_links_bridges_guests_and_networks() {
    let lab = Lab::start(["--no-libvirt", "--no-ra"]);
    lab.host([
        "sh",
        "-ec",
        "ip link add br7 type bridge; rm -rf /etc/libvirt/qemu; mkdir -p /etc/libvirt/qemu/networks",
    ]);
    lab.write("/etc/libvirt/qemu/web server.xml", "<domain/>");
    lab.write("/etc/libvirt/qemu/networks/lan.xml", "<network/>");
    for shell in SHELLS {
        let offers = |words: &[&str], expected: &[&str]| {
            assert_eq!(completed(&lab, shell, words), expected, "{shell} after {words:?}");
        };
        offers(&["virt-bridge", "rec"], &["receipt"]);
        offers(&["virt-bridge", "undo", ""], &["br7"]);
        offers(&["virt-bridge", "up", "br0", "--uplink", "e"], &["eth0"]);
        offers(&["virt-bridge", "up", "br0", "--network", ""], &["lan"]);
        offers(&["virt-bridge", "up", "br0", "--no-c"], &["--no-confirm"]);
        // bash gives it back as it would have to be typed.
        offers(&["virt-bridge", "why", "we"], &[if shell == "bash" { "web\\ server" } else { "web server" }]);
    }
}
