# shellcheck shell=bash
# It may be there before libvirt is; no restart is needed then.
VM_SECONDS=180 vm 'DEBIAN_FRONTEND=noninteractive apt-get --quiet=2 -o Dpkg::Use-Pty=0 purge "libvirt-*"
    test ! -e /usr/sbin/libvirtd'
install_packages virt-bridge
nothing_failed
configure_uplink enp1s0
VM_SECONDS=180 vm 'DEBIAN_FRONTEND=noninteractive \
    apt-get install --quiet=2 -o Dpkg::Use-Pty=0 --no-install-recommends /var/cache/apt/archives/libvirt*.deb'
define_network
vm 'virsh net-start bridge-network'
bridged enp1s0
nothing_failed
