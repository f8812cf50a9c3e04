# shellcheck shell=bash
# Packages: netplan.io network-manager
# A bridge ahead of the profile that netplan writes for NetworkManager at each boot: a lease for IPv4, a static address for
# IPv6.
# shellcheck source=tests/vm/persist.sh
. "$here/persist.sh"
leave_to_others
write /etc/netplan/01-network-manager-all.yaml 600 <<'EOT'
network:
  version: 2
  renderer: NetworkManager
  ethernets:
    enp1s0:
      dhcp4: true
      addresses: ["2001:db8:0:1::10/64"]
      routes: [{to: default, via: "2001:db8:0:1::1"}]
EOT
restart >/dev/null
look
contains "$plain" ' proto dhcp src 192.0.2.10 ' 'the routes'
take_over network-manager /etc/NetworkManager/system-connections/br0.nmconnection '[0-9]*'
stay
go_back
