# shellcheck shell=bash
# An upgrade and a removal leave the running network alone, and after a purge there is nothing left.

# Whatever may be written while a system runs, or belongs to dpkg and libvirt, is not looked at.
files() {
    vm 'find / -xdev \( -path /root -o -path /tmp -o -path /var/log -o -path /var/tmp -o -path /var/cache \
        -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/lib/systemd -o -path /var/lib/libvirt \
        -o -path /etc/libvirt/qemu \) -prune -o -print | LC_ALL=C sort'
}
daemon() { vm 'systemctl show --property InvocationID libvirtd'; }

# previous_version: the built package, as if it were an older one
previous_version() {
    dpkg-deb --raw-extract "$packages"/virt-bridge_*.deb "$machine/previous"
    sed -i 's/^Version: .*/Version: 0.0.0~previous/' "$machine/previous/DEBIAN/control"
    dpkg-deb --root-owner-group --build "$machine/previous" "$machine/virt-bridge_0.0.0~previous_amd64.deb" >/dev/null
    rm -rf "$machine/previous"
}

files=$(files)
previous_version
(packages=$machine main_job enp1s0)
bridged enp1s0
hooks=$(vm 'cd /etc/libvirt/hooks && find . -ls')

keep_libvirtd
daemon=$(daemon)
watch_from_outside
install_packages virt-bridge
contains "$(vm 'dpkg-query --show virt-bridge')" "$(dpkg-deb --field "$packages"/virt-bridge_*.deb Version)" dpkg
bridged enp1s0
same "$hooks" "$(vm 'cd /etc/libvirt/hooks && find . -ls')" 'what is in /etc/libvirt/hooks after the upgrade'
said=$(vm 'apt-get --quiet=2 -o Dpkg::Use-Pty=0 remove virt-bridge 2>&1')
contains "$said" 'virt-bridge undo' 'the removal'
bridged enp1s0
say "$(lost_outside)"
same "$daemon" "$(daemon)" 'the libvirtd that runs'
holds '! test -L /etc/libvirt/hooks/network' '! test -e /usr/sbin/virt-bridge'

(packages=$machine install_packages virt-bridge)
holds 'virt-bridge undo br0' 'ip -brief address show enp1s0 | grep -q 192.0.2.10/24'
vm 'virsh net-destroy bridge-network; virsh net-undefine bridge-network
    rm -rf /etc/virt-bridge.d/lab.toml
    apt-get --quiet=2 -o Dpkg::Use-Pty=0 purge virt-bridge'
same "$files" "$(files)" 'the list of files after the purge'
holds '! test -e /run/virt-bridge'
install_packages virt-bridge
nothing_failed
