# shellcheck shell=bash
# The packaged watch service moves domains under its sandbox and profile, and comes back with a libvirtd that has ended.

# define DOMAIN: with an interface behind NAT
define() {
    vm "virsh define /dev/stdin <<EOT
<domain type='qemu'><name>$1</name><memory unit='MiB'>32</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices><interface type='network'><source network='default'/></interface></devices>
</domain>
EOT"
}
is_moved() { holds "virsh dumpxml --inactive $1 | grep -q \"source network='bridge-network'\""; }

# runs_confined: as the service, by its profile
runs_confined() {
    holds 'systemctl is-active --quiet virt-bridge-watch' \
        'test "$(tr -d "\0" </proc/$(systemctl show --property MainPID --value virt-bridge-watch)/attr/current)" = \
            "libvirt-virt-bridge-watch (enforce)"'
}

install_packages virt-bridge virt-bridge-watch
configure '[bridge.br0]
uplink = "enp1s0"
[[interface]]
from = { network = "default" }
to = { network = "bridge-network" }'
# Debian's 120 s are long to wait for.
vm 'mkdir -p /etc/systemd/system/libvirtd.service.d
    printf "[Service]\nEnvironmentFile=\nEnvironment=LIBVIRTD_ARGS=\"--timeout 10\"\n" \
        >/etc/systemd/system/libvirtd.service.d/lab.conf
    systemctl daemon-reload'
restart_libvirtd
define_network
vm 'virsh net-start bridge-network'
bridged enp1s0

vm 'systemctl enable --now virt-bridge-watch'
runs_confined
for unit in virt-bridge-watch virt-bridge-netfilter virt-bridge-netfilter-docker virt-bridge@br0; do
    exposure=$(vm "systemd-analyze security --no-pager $unit.service | tail -n 1")
    say "$unit: ${exposure#*Overall}"
done
define one
is_moved one
vm 'sleep 30; systemctl is-active --quiet libvirtd'

# Without its client libvirtd ends; whoever asks for it starts it by its socket, and it brings the client.
vm 'systemctl stop virt-bridge-watch; virsh net-destroy bridge-network'
holds '! systemctl is-active --quiet libvirtd'
define two
holds 'systemctl is-active --quiet libvirtd'
runs_confined
is_moved two
vm 'virsh net-start bridge-network'
bridged enp1s0
nothing_failed
