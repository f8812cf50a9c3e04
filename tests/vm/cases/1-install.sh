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

# AppArmor, which only a booted system has: what libvirtd may not run is named, and mended as it is said.
not_allowed() {
    said=$(vm 'virt-bridge check hook-allowed') && fail "virt-bridge check is content with $1"
    contains "$said" "^problem *hook-allowed *AppArmor's profile libvirtd does not let libvirtd run $2" 'virt-bridge check'
}
allowed() { vm 'virt-bridge check hook-allowed' >/dev/null || fail "virt-bridge check is not content $1"; }
program=/usr/lib/libvirt/virt-bridge-network
vm "mkdir /opt/hooks; cp $program /opt/hooks/; ln -sfn /opt/hooks/virt-bridge-network /etc/libvirt/hooks/network"
not_allowed 'a hook in /opt' /opt/hooks/virt-bridge-network
vm "$(sed -n 's/.*mend: //p' <<<"$said")"
allowed 'with a rule for /opt'
vm "ln -sfn $program /etc/libvirt/hooks/network"
allowed 'with the hook where it was'
load='apparmor_parser --replace /etc/apparmor.d/usr.sbin.libvirtd'
vm "echo 'deny /usr/lib/libvirt/virt-bridge-* x,' >>/etc/apparmor.d/local/usr.sbin.libvirtd; $load"
not_allowed 'a rule that denies the hook' "$program"
vm "sed -i /virt-bridge-/d /etc/apparmor.d/local/usr.sbin.libvirtd; $load"
allowed 'without that rule'
