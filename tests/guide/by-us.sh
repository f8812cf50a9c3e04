#!/bin/bash
# The same with virt-bridge: by-us.sh NETWORK.xml.
set -euo pipefail

cat >/etc/virt-bridge.toml <<'CONFIGURATION'
[host]
ip-forward = true

[bridge.br0]
uplink = "eth0"
CONFIGURATION

virsh net-define "$1"
virsh net-start bridge-network
virsh net-autostart bridge-network
