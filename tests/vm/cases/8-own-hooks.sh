# shellcheck shell=bash
# An administrator's own hooks run, and survive whatever happens to the package.
own_hook() {
    vm "mkdir -p /etc/libvirt/hooks/network.d && cat >/etc/libvirt/hooks/$1 <<'EOT' && chmod 755 /etc/libvirt/hooks/$1
#!/bin/sh
echo \"$1 \$1 \$2\" >>/run/own-hooks
EOT"
}
own_hooks() {
    vm 'cd /etc/libvirt/hooks && stat --format "%A %u %n" network network.d/10-own && cat network network.d/10-own'
}
times() { vm "journalctl --no-pager --boot --output cat --identifier virt-bridge-network | grep -c 'has taken over'"; }

own_hook network
own_hook network.d/10-own
own=$(own_hooks)
main_job enp1s0
bridged enp1s0
same "$own" "$(own_hooks)" 'the hooks of the administrator after the installation'
holds 'test "$(readlink /etc/libvirt/hooks/network.d/50-virt-bridge)" = /usr/lib/libvirt/virt-bridge-network' \
    'grep -q "^network bridge-network start" /run/own-hooks' \
    'grep -q "^network.d/10-own bridge-network start" /run/own-hooks'

vm 'DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --reinstall /root/packages/virt-bridge_*.deb'
same "$own" "$(own_hooks)" 'the hooks of the administrator after an upgrade'
vm 'apt-get --quiet=2 purge virt-bridge'
same "$own" "$(own_hooks)" 'the hooks of the administrator after the purge'
holds '! test -L /etc/libvirt/hooks/network.d/50-virt-bridge'

# Both links at once: it acts once.
vm 'rm /etc/libvirt/hooks/network'
install_packages virt-bridge
# The purge has taken the configuration with it.
configure_uplink enp1s0
holds 'test "$(readlink /etc/libvirt/hooks/network)" = /usr/lib/libvirt/virt-bridge-network'
vm 'ln -s /usr/lib/libvirt/virt-bridge-network /etc/libvirt/hooks/network.d/50-virt-bridge
    virsh net-destroy bridge-network && virt-bridge undo br0
    systemctl restart libvirtd'
before=$(times)
vm 'virsh net-start bridge-network'
bridged enp1s0
[[ $(times) = $((before + 1)) ]] || fail "of two links $(($(times) - before)) have acted"

# Somebody's hook takes our place later.
vm 'rm /etc/libvirt/hooks/network.d/50-virt-bridge /etc/libvirt/hooks/network'
own_hook network
contains "$(vm 'virt-bridge check 2>&1' || true)" '^problem *hook-installed' 'virt-bridge check'
vm 'dpkg-reconfigure virt-bridge'
holds 'test "$(readlink /etc/libvirt/hooks/network.d/50-virt-bridge)" = /usr/lib/libvirt/virt-bridge-network'
same "$own" "$(own_hooks)" 'the hooks of the administrator at the end'
vm 'virsh net-destroy bridge-network && virt-bridge undo br0
    systemctl restart libvirtd && virsh net-start bridge-network'
bridged enp1s0
nothing_failed
