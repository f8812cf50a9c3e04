# shellcheck shell=bash
# Installing changes nothing that is there, and says what is left to do.
before=$(host_state)
said=$(install_packages virt-bridge)
same "$before" "$(host_state)" 'the host after the installation'
nothing_failed
contains "$said" 'systemctl restart libvirtd' 'the installation'
holds 'test "$(readlink /etc/libvirt/hooks/network)" = /usr/lib/libvirt/virt-bridge-network'
