# shellcheck shell=bash
# Packages: netplan.io systemd-resolved
# A bridge in the files of systemd-networkd: a lease for IPv4, a static address for IPv6. netplan has no file.
# shellcheck source=tests/vm/persist.sh
. "$here/persist.sh"
leave_to_others
write /etc/systemd/network/20-wired.network 644 <<'EOT'
[Match]
Name=enp1s0

[Network]
DHCP=ipv4
IPv6AcceptRA=no
Address=2001:db8:0:1::10/64
Gateway=2001:db8:0:1::1
EOT
vm 'systemctl enable systemd-networkd'
restart >/dev/null
look
contains "$plain" ' proto dhcp src 192.0.2.10 ' 'the routes'
until_boot=kept
take_over networkd /etc/systemd/network/20-wired-br0.netdev '[0-5]'
stay
go_back
