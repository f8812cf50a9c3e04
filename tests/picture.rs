//! The picture as SVG: what it shows of 1, 3 and 40 guests, and that a renderer draws it, light and dark.

mod support;

use support::Lab;

fn lab(guests: usize) -> (Lab, String) {
    let lab = Lab::start(["--no-libvirt", "--no-ra"]);
    lab.host(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    lab.host(["mkdir", "-p", "/run/libvirt/qemu"]);
    for guest in 0..guests {
        let tap = format!("vnet{guest}");
        lab.host(["ip", "tuntap", "add", &tap, "mode", "tap"]);
        lab.host(["ip", "link", "set", &tap, "master", "br0"]);
        lab.write(
            &format!("/run/libvirt/qemu/web-{guest} <&>.xml"),
            &format!(
                "<domstatus><domain><devices><interface><mac address='52:54:00:00:01:{guest:02}'/><vlan><tag id='{}'/></vlan>\
                 <target dev='{tap}'/></interface></devices></domain></domstatus>",
                guest + 1
            ),
        );
    }
    lab.host(["virt-bridge", "status", "--svg", "/run/lab/host.svg"]);
    let picture = lab.read("/run/lab/host.svg");
    assert_eq!(lab.host(["sh", "-c", "virt-bridge status --svg - | grep -c '<text'"]).trim(), {
        picture.matches("<text").count().to_string()
    });
    (lab, picture)
}

#[test]
fn every_guest_is_a_text_that_can_be_found_and_a_renderer_draws_them_light_and_dark() {
    for guests in [1, 3, 40] {
        let (lab, picture) = lab(guests);
        for guest in 0..guests {
            let details = format!("vnet{guest} 52:54:00:00:01:{guest:02} VLAN {}", guest + 1);
            for text in [format!("web-{guest} &lt;&amp;&gt;"), details] {
                assert_eq!(picture.matches(&format!(">{text}</text>")).count(), 1, "{text}: {picture}");
            }
        }
        for text in ["LAN", "eth0", "br0", "192.0.2.10/24", "52:54:00:00:00:10"] {
            assert!(picture.contains(&format!(">{text}</text>")), "{text}: {picture}");
        }
        // A renderer that knows no media queries shows the dark one when its rules stand alone.
        let dark =
            picture.replace("@media (prefers-color-scheme: dark) {\n", "").replace("}\n}\n</style>", "}\n</style>");
        assert_ne!(dark, picture);
        lab.write("/run/lab/dark.svg", &dark);
        for name in ["host", "dark"] {
            let [svg, png] = [format!("/run/lab/{name}.svg"), format!("/run/lab/{name}.png")];
            lab.host(["xmllint", "--noout", &svg]);
            lab.host(["rsvg-convert", "--output", &png, &svg]);
        }
        let sizes =
            [lab.path("/run/lab/host.png"), lab.path("/run/lab/dark.png")].map(|file| std::fs::read(file).unwrap());
        assert!(sizes[0] != sizes[1] && sizes[0].len() > 5_000, "light and dark are the same picture");
    }
}

#[test]
fn long_addresses_and_vlans_are_not_cut_and_all_bridges_are_of_one_host() {
    let lab = Lab::start(["--no-libvirt", "--no-ra"]);
    lab.host(["virt-bridge", "up", "br0", "--uplink", "eth0"]);
    lab.host(["ip", "address", "add", "2001:db8:1234:5678:9abc:def0:1234:5678/64", "dev", "br0", "nodad"]);
    lab.host(["virt-bridge", "up", "br1", "--uplink", "none"]);
    lab.host(["ip", "tuntap", "add", "vnet10", "mode", "tap"]);
    lab.host(["ip", "link", "set", "vnet10", "master", "br0"]);
    lab.host(["mkdir", "-p", "/run/libvirt/qemu"]);
    lab.write(
        "/run/libvirt/qemu/web.xml",
        "<domstatus><domain><devices><interface><mac address='52:54:00:00:00:30'/>\
         <vlan><tag id='7'/><tag id='100'/></vlan><target dev='vnet10'/></interface></devices></domain></domstatus>",
    );
    let picture = lab.host(["virt-bridge", "status", "--svg", "-"]);
    for text in ["2001:db8:1234:5678:9abc:def0:1234:5678/64", "vnet10 52:54:00:00:00:30 VLAN 7,100", "no uplink"] {
        assert!(picture.contains(&format!(">{text}</text>")), "{text}: {picture}");
    }
    assert_eq!(picture.matches("class=\"host\"").count(), 1, "{picture}");
}
