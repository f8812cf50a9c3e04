# shellcheck shell=bash
# Packages: network-manager
# A bridge in the profiles of NetworkManager: a lease for IPv4, a static address for IPv6.
# shellcheck source=tests/vm/persist.sh
. "$here/persist.sh"
leave_to_others
write /etc/NetworkManager/system-connections/lan.nmconnection 600 <<'EOT'
[connection]
id=lan
uuid=6f1a0f64-3a0e-4b3c-9d8b-2f60f7d7a111
type=ethernet
interface-name=enp1s0

[ipv4]
method=auto

[ipv6]
address1=2001:db8:0:1::10/64,2001:db8:0:1::1
method=manual
EOT
restart >/dev/null
look
contains "$plain" ' proto dhcp src 192.0.2.10 ' 'the routes'
# NetworkManager takes the addresses from the NIC before it asks for them on the bridge, and looks for duplicates.
take_over network-manager /etc/NetworkManager/system-connections/br0.nmconnection '[0-9]*'
stay
go_back
