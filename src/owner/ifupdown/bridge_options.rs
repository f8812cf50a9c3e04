//! What a stanza has to say so that its link is a bridge.

use crate::owner::persist::Bridge;

/// How the bridge is made: by the options of bridge-utils, without it by commands, or by ifupdown2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    BridgeUtils,
    Commands,
    Ifupdown2,
}

/// The options, without indentation.
pub fn options(bridge: &Bridge, maker: Maker) -> Vec<String> {
    match maker {
        Maker::Ifupdown2 => of_ifupdown2(bridge),
        _ => of_ifupdown(bridge, maker),
    }
}

fn of_ifupdown(bridge: &Bridge, maker: Maker) -> Vec<String> {
    let Bridge { uplink, mac, .. } = bridge;
    let mut options = vec![
        format!("bridge_ports {uplink}"),
        format!("bridge_stp {}", if bridge.stp { "on" } else { "off" }),
        format!("bridge_fd {}", bridge.forward_delay_ms as f64 / 1000.0),
        "bridge_maxwait 0".into(),
        format!("bridge_hw {mac}"),
    ];
    if bridge.vlan_filtering {
        options.push("bridge_vlan_aware yes".into());
    }
    // Its own stanza may have brought the uplink up before, with an address of IPv6's own; bridge-utils keeps off new ones
    // only (`ip link set $port addrgenmode none` in its ifupdown.sh).
    options.push(format!(
        "pre-up ip link set dev {uplink} addrgenmode none && ip -6 address flush dev {uplink} scope link || true"
    ));
    if maker == Maker::Commands {
        let filtering = if bridge.vlan_filtering { " vlan_filtering 1" } else { "" };
        let (stp, delay) = (u8::from(bridge.stp), bridge.forward_delay_ms / 10);
        options.extend([
            format!(
                "pre-up test -d /sys/class/net/$IFACE/bridge || ip link add name $IFACE address {mac} type bridge \
                 stp_state {stp} forward_delay {delay}{filtering}"
            ),
            format!("pre-up ip link set dev {uplink} master $IFACE up"),
            // bridge-utils, if it is installed later, does that itself.
            "post-down test -x /sbin/brctl || ip link delete dev $IFACE".into(),
        ]);
    }
    options
}

fn of_ifupdown2(bridge: &Bridge) -> Vec<String> {
    let mut options = vec![
        format!("bridge-ports {}", bridge.uplink),
        format!("bridge-stp {}", if bridge.stp { "on" } else { "off" }),
        // Whole seconds (addons/bridge.py); longer is safer than shorter.
        format!("bridge-fd {}", bridge.forward_delay_ms.div_ceil(1000)),
        format!("hwaddress {}", bridge.mac),
    ];
    if bridge.vlan_filtering {
        options.push("bridge-vlan-aware yes".into());
    }
    // It makes a router of each bridge that has an address (_set_bridge_forwarding in addons/address.py), and a router passes
    // over router advertisements.
    options.extend(["ipv4", "ipv6"].map(|family| {
        let of = |link| format!("/proc/sys/net/{family}/conf/{link}/forwarding");
        format!("post-up cat {} >{}", of("default"), of("$IFACE"))
    }));
    options
}
