# shellcheck shell=bash
# Sourced by lab.sh: the LAN.
#
#   host (here)                     switch              router
#   eth0 192.0.2.10/24    ───────── host ┐              192.0.2.1/24
#        2001:db8:0:1::10/64             ├─ router ──── 2001:db8:0:1::1/64, fe80::1, advertises 2001:db8:0:2::/64
#                                        │              peer
#                                        └─ peer ────── 192.0.2.20/24, 2001:db8:0:1::20/64
#
# eth1, when asked for: 198.51.100.10/24 and 2001:db8:0:100::10/64, to wan, 198.51.100.1 and 2001:db8:0:100::1.

build_network() {
    ip -batch - <<'EOT'
netns add switch
netns add router
netns add peer
link set lo up
link add eth0 address 52:54:00:00:00:10 type veth peer name host netns switch
EOT
    # Multicast snooping would hold back neighbour solicitations while it learns.
    ip -netns switch -batch - <<'EOT'
link add lan type bridge stp_state 0 forward_delay 0 mcast_snooping 0 nf_call_iptables 0
link set lan addrgenmode none
link add router type veth peer name lan address 52:54:00:00:00:01 netns router
link add peer type veth peer name lan address 52:54:00:00:00:20 netns peer
link set host addrgenmode none master lan up
link set router addrgenmode none master lan up
link set peer addrgenmode none master lan up
link set lan up
EOT
    router sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
    ip -netns router -batch - <<'EOT'
link set lo up
link set lan addrgenmode none
address add 192.0.2.1/24 dev lan
address add fe80::1/64 dev lan nodad
address add 2001:db8:0:1::1/64 dev lan nodad
link set lan up
EOT
    ip -netns peer -batch - <<'EOT'
link set lo up
address add 192.0.2.20/24 dev lan
address add 2001:db8:0:1::20/64 dev lan nodad
link set lan up
route add default via 192.0.2.1
EOT
}

# Without duplicate address detection the addresses are usable at once; lab.sh turns it on again.
connect_host() {
    echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad
    ip -batch - <<'EOT'
link set eth0 up
address add 192.0.2.10/24 broadcast + dev eth0
address add 2001:db8:0:1::10/64 dev eth0 nodad
route add default via 192.0.2.1
route add default via 2001:db8:0:1::1
EOT
}

start_router_advertisements() {
    cat >/run/lab/radvd.conf <<'EOT'
interface lan {
    AdvSendAdvert on;
    MinRtrAdvInterval 3;
    MaxRtrAdvInterval 10;
    AdvDefaultLifetime 1800;
    prefix 2001:db8:0:2::/64 { };
};
EOT
    router radvd --nodaemon --logmethod stderr --config /run/lab/radvd.conf --pidfile /run/lab/radvd.pid \
        </dev/null &>/run/lab/radvd.log &
}

has_slaac_address() {
    [[ $(ip -6 address show dev eth0 dynamic -tentative) = *2001:db8:0:2:* ]]
}

build_second_nic() {
    ip -batch - <<'EOT'
netns add wan
link add eth1 address 52:54:00:00:01:10 type veth peer name lan address 52:54:00:00:01:01 netns wan
EOT
    ip -netns wan -batch - <<'EOT'
link set lo up
address add 198.51.100.1/24 dev lan
address add 2001:db8:0:100::1/64 dev lan nodad
link set lan up
EOT
    # Appended: with the metric of eth0's, IPv4 keeps both in order and IPv6 makes one multipath route of them.
    ip -batch - <<'EOT'
link set eth1 up
address add 198.51.100.10/24 broadcast + dev eth1
address add 2001:db8:0:100::10/64 dev eth1 nodad
route append default via 198.51.100.1
route append default via 2001:db8:0:100::1
EOT
}
