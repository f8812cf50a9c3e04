#!/bin/bash
# Installs the built binaries, or takes them away: install.sh install|uninstall DIRECTORY-OF-BINARIES
# DESTDIR is put in front of every path. An administrator's own hook is never touched.
set -euo pipefail

verb=$1 built=$(realpath "$2")
cd "$(dirname "$0")/.."
root=${DESTDIR-}
command=$root/usr/sbin/virt-bridge
hook=/usr/lib/libvirt/virt-bridge-network
main=$root/etc/libvirt/hooks/network
udev=$root/usr/lib/udev
unit=$root/usr/lib/systemd/system/virt-bridge-netfilter.service
beside=$root/etc/libvirt/hooks/network.d/50-virt-bridge

is_ours() { [[ -L $1 && $(readlink "$1") == "$hook" ]]; }

case $verb in
install)
    install -D --mode=755 "$built/virt-bridge" "$command"
    install -D --mode=755 "$built/virt-bridge-network" "$root$hook"
    install -D --mode=755 "$built/virt-bridge-udev" "$udev/virt-bridge-udev"
    install -D --mode=644 udev/90-virt-bridge.rules "$udev/rules.d/90-virt-bridge.rules"
    install -D --mode=644 packaging/virt-bridge-netfilter.service "$unit"
    link=$main
    if [[ -e $main || -L $main ]] && ! is_ours "$main"; then
        link=$beside
        echo "$main is somebody's own hook and stays; ours is $beside"
    fi
    is_ours "$link" || { mkdir --parents "${link%/*}" && ln --symbolic "$hook" "$link"; }
    echo "libvirtd looks for hooks when it starts: systemctl restart libvirtd"
    ;;
uninstall)
    for link in "$main" "$beside"; do
        if is_ours "$link"; then rm "$link"; fi
    done
    rm --force "$command" "$root$hook" "$unit" "$udev/virt-bridge-udev" "$udev/rules.d/90-virt-bridge.rules"
    ;;
*)
    echo "usage: install.sh install|uninstall DIRECTORY" >&2
    exit 2
    ;;
esac
