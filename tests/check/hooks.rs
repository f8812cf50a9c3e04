//! The hooks of libvirt, and its networks.

use super::*;

#[test]
fn a_hook_that_is_not_installed() {
    let trap = "rm /etc/libvirt/hooks/network";
    falls_into(&healthy(), trap, "hook-installed", PROBLEM, "libvirt has no network hook of virt-bridge");
}

#[test]
fn a_hook_beside_somebody_elses() {
    let trap = "rm /etc/libvirt/hooks/network; printf '#!/bin/sh\\n' >/etc/libvirt/hooks/network";
    let lab = healthy();
    falls_into(&lab, trap, "hook-installed", PROBLEM, "libvirt has no network hook of virt-bridge");
    assert_eq!(lab.read("/etc/libvirt/hooks/network"), "#!/bin/sh\n");
}

#[test]
fn a_hook_that_is_switched_off() {
    let trap = "ln -sfn /dev/null /etc/libvirt/hooks/network";
    falls_into(&healthy(), trap, "hook-installed", WARNING, "/etc/libvirt/hooks/network is a link to /dev/null");
}

#[test]
fn a_hook_whose_places_are_taken() {
    let trap = "rm /etc/libvirt/hooks/network; mkdir /etc/libvirt/hooks/network.d
        for place in network network.d/50-virt-bridge; do printf '#!/bin/sh\\n' >/etc/libvirt/hooks/$place; done";
    falls_into(&healthy(), trap, "hook-installed", PROBLEM, "libvirt has no network hook of virt-bridge");
}

#[test]
fn a_hook_that_cannot_be_executed() {
    let trap = "chmod 644 /usr/lib/libvirt/virt-bridge-network";
    falls_into(&healthy(), trap, "hook-executable", PROBLEM, "skips it in silence");
}

/// Which the rules for domains of other hosts need.
#[test]
fn a_qemu_hook_that_is_not_installed_or_cannot_be_executed() {
    let lab = healthy();
    let trap = "chmod 644 /usr/lib/libvirt/virt-bridge-qemu";
    falls_into(&lab, trap, "hook-executable", PROBLEM, "/etc/libvirt/hooks/qemu.d/50-virt-bridge cannot be executed");
    let trap = "rm /etc/libvirt/hooks/qemu.d/50-virt-bridge
        printf '[[interface]]\nfrom = { network = \"default\" }\nto = { network = \"lan\" }\n' >>/etc/virt-bridge.toml";
    falls_into(&lab, trap, "hook-installed", PROBLEM, "libvirt has no qemu hook of virt-bridge");
}

#[test]
fn a_hook_of_somebody_elses_whose_interpreter_has_gone() {
    let lab = healthy();
    for (kind, kept) in [("network", "network"), ("qemu", "guest")] {
        let trap = format!(
            "mkdir -p /etc/libvirt/hooks/{kind}.d; cd /etc/libvirt/hooks/{kind}.d
            printf '#! /usr/bin/python2.6 -O\n' >'10 mine'; printf '#!/bin/sh\n' >20-theirs; chmod 755 *"
        );
        let sentence =
            format!("10 mine asks for /usr/bin/python2.6, which is not there, so that libvirt starts no {kept}");
        falls_into(&lab, &trap, "hook-others", PROBLEM, &sentence);
    }
}

#[test]
fn a_backup_copy_among_the_hooks() {
    let trap = "mkdir -p /etc/libvirt/hooks/network.d; cp /bin/true /etc/libvirt/hooks/network.d/50-mine.dpkg-old";
    falls_into(&healthy(), trap, "hook-leftovers", WARNING, "libvirt runs it as well");
}

#[test]
fn a_denial_of_apparmor() {
    let lab = healthy();
    // The kernel's own log is every host's.
    let up = lab.read("/proc/uptime");
    let record = "audit: apparmor=\"DENIED\" operation=\"exec\" profile=\"libvirtd\" name=\"/opt/virt-bridge-network\"";
    lab.write("/dev/kmsg", &format!("5,1,{}000000,-;{record} pid=7\n", up.split('.').next().unwrap()));
    let finding = finding(&lab, "apparmor-denial", WARNING);
    assert_eq!(finding["sentence"], "AppArmor has denied exec of /opt/virt-bridge-network by the profile libvirtd");
    lab.host(["rm", "/dev/kmsg"]);
    assert_quiet(&lab);
}

#[test]
fn networks_and_hooks_as_a_real_daemon_has_them() {
    let lab = Lab::start(["--no-ra"]);
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\n");
    lab.write(
        "/run/lab/network.xml",
        "<network><name>lan</name><forward mode='bridge'/><bridge name='br0'/></network>",
    );
    lab.virsh(["net-define", "/run/lab/network.xml"]);
    lab.virsh(["net-start", "lan"]);
    lab.virsh(["net-autostart", "lan"]);
    assert_quiet(&lab);
    falls_into(&lab, "virsh net-autostart --disable lan", "network-autostart", WARNING, "lan does not start at boot");
    falls_into(&lab, "virsh net-destroy lan", "network-active", WARNING, "network lan does not run");
    let sentence = "libvirt starts it by itself at the next boot only";
    falls_into(&lab, "virsh net-destroy lan", "network-active", WARNING, sentence);
    // libvirt itself says so first.
    let broken = "mkdir -p /etc/libvirt/hooks/network.d; echo true >/etc/libvirt/hooks/network.d/10-mine
        chmod +x /etc/libvirt/hooks/network.d/10-mine; daemon restart; virsh net-destroy lan";
    lab.host(["sh", "-ec", broken]);
    assert!(lab.virsh_fails(["net-start", "lan"]).contains("10-mine"));
    let text = told(&lab.attempt(["virt-bridge", "check", "hook-others"]));
    assert!(text.contains("/etc/libvirt/hooks/network.d/10-mine is no program and does not begin with #!"), "{text}");
    lab.host(["sh", "-ec", text.split("mend: ").nth(1).unwrap().lines().next().unwrap()]);
    lab.virsh(["net-start", "lan"]);
    assert_quiet(&lab);
    let edit = "virsh net-dumpxml --inactive lan | sed s/br0/br1/ >/run/lab/network.xml; virsh net-define /run/lab/network.xml";
    lab.host(["sh", "-ec", edit]);
    let differs = finding(&lab, "network-differs", WARNING);
    assert_eq!(
        differs["sentence"],
        "network lan runs on br0, and is defined with br1: from its next start on guests come there"
    );
    lab.host(["sh", "-ec", "sed -i s/br1/br0/ /run/lab/network.xml; virsh net-define /run/lab/network.xml"]);
    assert_quiet(&lab);
    lab.host(["sh", "-ec", "sleep 3; ln -sfn /usr/lib/libvirt/virt-bridge-network /etc/libvirt/hooks/network"]);
    let finding = finding(&lab, "hook-seen", PROBLEM);
    assert_eq!(finding["mend"], "systemctl restart libvirtd");
    lab.host(["daemon", "restart"]);
    assert_quiet(&lab);
}
