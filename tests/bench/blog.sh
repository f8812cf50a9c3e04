#!/bin/sh
# The takeover as the guides have it, with IPv6 done the same way.
ip link add name br0 type bridge
ip link set br0 up
ip link set eth0 master br0
ip addr del 192.0.2.10/24 dev eth0
ip addr add 192.0.2.10/24 dev br0
ip route add default via 192.0.2.1
ip addr del 2001:db8::10/64 dev eth0
ip addr add 2001:db8::10/64 dev br0
ip route del default via 2001:db8::1 dev eth0
ip route add default via 2001:db8::1 dev br0
