#!/bin/sh
# The takeover as an expert would write it by hand: one process, everything on the bridge before anything leaves eth0, and
# the bridge up only with its port, since one that waits for its carrier drops what it is to send.
mac=$(cat /sys/class/net/eth0/address)
ip -batch - <<END
link add name br0 address $mac type bridge forward_delay 0 stp_state 0
link set eth0 master br0
link set br0 up
addr add 192.0.2.10/24 dev br0
addr add 2001:db8::10/64 dev br0 nodad
route append default via 192.0.2.1 dev br0
route append default via 2001:db8::1 dev br0
addr del 192.0.2.10/24 dev eth0
addr del 2001:db8::10/64 dev eth0
route del default via 2001:db8::1 dev eth0
END
