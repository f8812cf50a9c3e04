//! Files of the uplink's owner: half written by a run that was killed, or of a bridge that is not there.

use crate::support::told;
use crate::{PROBLEM, WARNING, falls_into, healthy};

/// Two files of an owner, `/etc/a` that is changed and `/etc/b` that is new, and the backup of a run that wrote them.
const WRITTEN: &str = r#"mkdir -p /var/lib/virt-bridge; echo new >/etc/a; echo new >/etc/b
    printf %s '{"owner":"networkd","edits":[{"path":"/etc/a","old":"old\n","new":"new\n","mode":420},
        {"path":"/etc/b","old":null,"new":"new\n","mode":420}]}' >/var/lib/virt-bridge/br9.json"#;

#[test]
fn a_bridge_that_the_next_boot_does_not_make() {
    let static_address = "auto eth0\niface eth0 inet static\n    address 192.0.2.10/24\n    gateway 192.0.2.1\n";
    let trap =
        format!("rm /etc/virt-bridge.toml; printf '{}' >/etc/network/interfaces", static_address.replace('\n', "\\n"));
    let sentence = "the files of ifupdown do not have br0: after the next boot eth0 is on its own again";
    let lab = healthy();
    falls_into(&lab, &trap, "bridge-lasting", WARNING, sentence);
    // What was written, and somebody has taken out since.
    let trap = format!("printf '# mine\\n{}' >/etc/network/interfaces", static_address.replace('\n', "\\n"));
    falls_into(&lab, &trap, "bridge-lasting", WARNING, sentence);
}

#[test]
fn files_of_an_owner_that_a_killed_run_left_half_written() {
    let lab = healthy();
    let half = format!("{WRITTEN}; rm /etc/b");
    falls_into(&lab, &half, "files-unfinished", PROBLEM, "of br9: /etc/a with it, /etc/b without it");
    assert_eq!(lab.read("/etc/a"), "old\n");
    let none = format!("{WRITTEN}; rm /etc/b; echo old >/etc/a");
    falls_into(&lab, &none, "files-unfinished", WARNING, "br9 into the files of systemd-networkd, which are as before");
    lab.host(["mkdir", "-p", "/run/image"]);
    lab.host(["sh", "-ec", &format!("{half}; cp -a --parents /etc/a /var/lib/virt-bridge /run/image")]);
    let image = lab.attempt(["virt-bridge", "check", "--root", "/run/image", "files-unfinished"]);
    assert!(told(&image).contains("/etc/a with it"), "{}", told(&image));
}

#[test]
fn a_bridge_that_was_written_to_last_and_is_not_there() {
    falls_into(
        &healthy(),
        WRITTEN,
        "files-unused",
        WARNING,
        "the files of systemd-networkd have br9, which is not there",
    );
}
