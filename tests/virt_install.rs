//! A guest as administrators make one: `virt-install --network network=bridge-network`.

mod support;

use support::Lab;

const MAC: &str = "52:54:00:00:00:31";

#[test]
fn a_guest_of_virt_install_is_on_the_bridge_and_on_the_lan() {
    let lab = Lab::start(["--no-ra"]);
    lab.write("/etc/virt-bridge.toml", "[bridge.br0]\nuplink = \"eth0\"\n");
    let xml = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guide/bridge-network.xml");
    lab.virsh(["net-define", xml]);
    lab.virsh(["net-start", "bridge-network"]);
    lab.host(["lan-dhcp", "start"]);
    lab.host(["install-guest", "web", "bridge-network", MAC]);
    let tap =
        lab.virsh(["domiflist", "web"]).split_whitespace().find(|word| word.starts_with("vnet")).unwrap().to_owned();
    assert!(lab.host(["ip", "-o", "link", "show", "master", "br0"]).contains(&format!(" {tap}: ")));
    assert!(lab.host(["lan-dhcp", "lease", MAC]).starts_with("192.0.2.1"), "it asked on the LAN and heard the answer");
    lab.virsh(["destroy", "web"]);
    lab.virsh(["undefine", "web"]);
}
