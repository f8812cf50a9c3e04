#!/bin/bash
# The guide's commands, in its order: by-hand.sh NETWORK.xml. Its udev rule is 99-bridge.rules.
set -euo pipefail

sysctl -w net.ipv4.ip_forward=1
echo net.ipv4.ip_forward=1 >>/etc/sysctl.conf

ip link set eth0 up
ip link add br0 type bridge
# Whoever types is slower than udevd, which gives the bridge its MAC.
udevadm settle
ip link set br0 up
ip link set eth0 master br0
ip address del 192.0.2.10/24 dev eth0
ip address add 192.0.2.10/24 broadcast + dev br0
ip route add default via 192.0.2.1 dev br0

cat >/etc/network/interfaces <<'INTERFACES'
auto lo
iface lo inet loopback

iface eth0 inet manual

auto br0
iface br0 inet static
    address 192.0.2.10/24
    gateway 192.0.2.1
    bridge_ports eth0
    bridge_stp off
    bridge_fd 0
    bridge_maxwait 0
INTERFACES

cat >/etc/sysctl.d/bridge.conf <<'SYSCTLS'
net.bridge.bridge-nf-call-ip6tables=0
net.bridge.bridge-nf-call-iptables=0
net.bridge.bridge-nf-call-arptables=0
SYSCTLS
sysctl -p /etc/sysctl.d/bridge.conf

virsh net-define "$1"
virsh net-start bridge-network
virsh net-autostart bridge-network
