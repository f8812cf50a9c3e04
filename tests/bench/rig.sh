# A host with eth0 and its router, in two namespaces; sourced by run.sh and order.sh.
# shellcheck shell=bash

# A /run and an /etc of our own, whose configuration names the uplink; in a mount namespace.
rig_files() {
    mount -t tmpfs tmpfs /run
    cp -a /etc /run/etc
    mount --bind /run/etc /etc
    printf '[bridge.br0]\nuplink = "eth0"\n' >/etc/virt-bridge.toml
}

rig_create() {
    ip netns add host
    ip netns add router
    ip -n host link set lo up
    ip -n host link add eth0 address 52:54:00:00:00:10 type veth peer name lan netns router
    ip -n router -batch - <<'END'
link set lo up
link set lan up
addr add 192.0.2.1/24 dev lan
addr add 2001:db8::1/64 dev lan nodad
addr add 203.0.113.1/32 dev lo
addr add 2001:db8:ffff::1/128 dev lo nodad
END
    ip -n host link set eth0 up
    rig_addresses
    # A new namespace has the sysctls of bridge netfilter as the module sets them, which a hook would have to mend.
    in_host "$VIRT_BRIDGE" netfilter apply >/dev/null
}

rig_remove() {
    ip netns del host
    ip netns del router
    rm -rf /run/virt-bridge
}

# The link-local address is the one that the kernel makes of the MAC, but past its search for duplicates, as on a host
# that has been up for a while: before, the kernel solicits no neighbour (ndisc_send_ns in net/ipv6/ndisc.c).
rig_addresses() {
    ip -n host -batch - <<'END'
addr flush dev eth0
addr add 192.0.2.10/24 dev eth0
addr add fe80::5054:ff:fe00:10/64 dev eth0 nodad
addr add 2001:db8::10/64 dev eth0 nodad
route add default via 192.0.2.1
route add default via 2001:db8::1
END
}

# Back to the state before a takeover, whatever was done; br0's own routes go with it.
rig_reset() {
    ip -n host link del br0 2>/dev/null || true
    ip -n host route flush dev eth0
    ip -n host -6 route flush dev eth0 proto boot
    rm -rf /run/virt-bridge
    rig_addresses
}

in_host() { ip netns exec host "$@"; }

prober() {
    "$BUILT/examples/prober" --inside /run/netns/host --outside /run/netns/router \
        --v4 192.0.2.10 192.0.2.1 --v6 2001:db8::10 2001:db8::1 "$@"
}
