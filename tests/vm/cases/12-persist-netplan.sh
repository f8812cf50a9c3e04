# shellcheck shell=bash
# Packages: netplan.io systemd-resolved
# A bridge in a file of netplan's: a lease for IPv4, an address of an advertised prefix for IPv6.
# shellcheck source=tests/vm/persist.sh
. "$here/persist.sh"
advertise_prefix
leave_to_others
write /etc/netplan/50-cloud-init.yaml 600 <<'EOT'
network:
  version: 2
  renderer: networkd
  ethernets:
    enp1s0:
      dhcp4: true
      ipv6-address-token: "::10"
EOT
restart >/dev/null
look
contains "$plain" ' proto dhcp src 192.0.2.10 ' 'the routes'
contains "$plain" '^default via fe80::1 proto ra ' 'the routes'
until_boot=kept
take_over netplan /etc/netplan/90-virt-bridge-br0.yaml '[0-5]'
stay
go_back
