# shellcheck shell=bash
# Installing changes nothing that is there, and says what is left to do.
keep_libvirtd
before=$(host_state)
said=$(install_packages virt-bridge)
same "$before" "$(host_state)" 'the host after the installation'
nothing_failed
contains "$said" 'systemctl restart libvirtd' 'the installation'
holds 'test "$(readlink /etc/libvirt/hooks/network)" = /usr/lib/libvirt/virt-bridge-network'

check() { vm 'virt-bridge check' || true; }
said=$(check)
contains "$said" '^problem *hook-seen' 'virt-bridge check'
contains "$said" 'mend: systemctl restart libvirtd' 'virt-bridge check'
say "$(grep -A1 '^problem' <<<"$said")"
restart_libvirtd
vm 'virsh net-list' >/dev/null
said=$(check)
[[ $said != *problem* ]] || fail "virt-bridge check is not content when libvirtd has started again:"$'\n'"$said"
