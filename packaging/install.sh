#!/bin/bash
# Installs the built binaries, or takes them away: install.sh install|uninstall DIRECTORY-OF-BINARIES
# DESTDIR is put in front of every path. An administrator's own hook is never touched.
set -euo pipefail

verb=$1 built=$(realpath "$2")
cd "$(dirname "$0")/.."
root=${DESTDIR-}
command=$root/usr/sbin/virt-bridge
watch=$root/usr/sbin/virt-bridge-watch
network_hook=/usr/lib/libvirt/virt-bridge-network
qemu_hook=/usr/lib/libvirt/virt-bridge-qemu
main=$root/etc/libvirt/hooks/network
udev=$root/usr/lib/udev
units=$root/usr/lib/systemd/system
beside=$root/etc/libvirt/hooks/network.d/50-virt-bridge
# Never hooks/qemu: that is where the guides for other purposes put their own.
qemu=$root/etc/libvirt/hooks/qemu.d/50-virt-bridge

# is_link LINK HOOK
is_link() { [[ -L $1 && $(readlink "$1") == "$2" ]]; }

# make_link LINK HOOK
make_link() { is_link "$1" "$2" || { mkdir --parents "${1%/*}" && ln --symbolic "$2" "$1"; }; }

case $verb in
install)
    install -D --mode=755 "$built/virt-bridge" "$command"
    install -D --mode=755 "$built/virt-bridge-watch" "$watch"
    install -D --mode=755 "$built/virt-bridge-network" "$root$network_hook"
    install -D --mode=755 "$built/virt-bridge-qemu" "$root$qemu_hook"
    install -D --mode=755 "$built/virt-bridge-udev" "$udev/virt-bridge-udev"
    install -D --mode=644 udev/90-virt-bridge.rules "$udev/rules.d/90-virt-bridge.rules"
    for unit in virt-bridge-netfilter virt-bridge-watch; do
        install -D --mode=644 "packaging/$unit.service" "$units/$unit.service"
    done
    link=$main
    if [[ -e $main || -L $main ]] && ! is_link "$main" "$network_hook"; then
        link=$beside
        echo "$main is somebody's own hook and stays; ours is $beside"
    fi
    make_link "$link" "$network_hook"
    make_link "$qemu" "$qemu_hook"
    echo "libvirtd looks for hooks when it starts: systemctl restart libvirtd"
    ;;
uninstall)
    for link in "$main" "$beside"; do
        if is_link "$link" "$network_hook"; then rm "$link"; fi
    done
    if is_link "$qemu" "$qemu_hook"; then rm "$qemu"; fi
    rm --force "$command" "$watch" "$root$network_hook" "$root$qemu_hook" \
        "$units/virt-bridge-netfilter.service" "$units/virt-bridge-watch.service" \
        "$udev/virt-bridge-udev" "$udev/rules.d/90-virt-bridge.rules"
    ;;
*)
    echo "usage: install.sh install|uninstall DIRECTORY" >&2
    exit 2
    ;;
esac
