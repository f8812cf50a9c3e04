#!/bin/bash
# Installs the built programs on any distribution, or takes them away: install.sh install|uninstall DIRECTORY-OF-PROGRAMS
# DESTDIR is put in front of every path; UNITDIR is where systemd's units belong.
# Into a DESTDIR go files only: links to hooks are for the host that will run them, by /usr/share/virt-bridge/hook-links.
set -euo pipefail

verb=$1 built=$(realpath "$2")
cd "$(dirname "$0")/.."
root=${DESTDIR-} units=${UNITDIR-/usr/lib/systemd/system}

# Mode, source, destination. AppArmor lets libvirtd run programs in /usr/lib/libvirt, and no others of ours.
files=(
    755 "$built/virt-bridge" /usr/sbin/virt-bridge
    755 "$built/virt-bridge-watch" /usr/sbin/virt-bridge-watch
    755 "$built/virt-bridge-network" /usr/lib/libvirt/virt-bridge-network
    755 "$built/virt-bridge-qemu" /usr/lib/libvirt/virt-bridge-qemu
    755 "$built/virt-bridge-udev" /usr/lib/udev/virt-bridge-udev
    644 udev/90-virt-bridge.rules /usr/lib/udev/rules.d/90-virt-bridge.rules
    644 packaging/virt-bridge-netfilter.service "$units/virt-bridge-netfilter.service"
    644 packaging/virt-bridge-watch.service "$units/virt-bridge-watch.service"
    644 "packaging/virt-bridge@.service" "$units/virt-bridge@.service"
    755 packaging/hook-links /usr/share/virt-bridge/hook-links
    644 packaging/completions/virt-bridge.bash /usr/share/bash-completion/completions/virt-bridge
    644 packaging/completions/_virt-bridge /usr/share/zsh/vendor-completions/_virt-bridge
    644 packaging/completions/virt-bridge.fish /usr/share/fish/vendor_completions.d/virt-bridge.fish
    644 packaging/man/virt-bridge-watch.8 /usr/share/man/man8/virt-bridge-watch.8
    644 packaging/man/virt-bridge.toml.5 /usr/share/man/man5/virt-bridge.toml.5
    644 packaging/man/virt-bridge-hooks.7 /usr/share/man/man7/virt-bridge-hooks.7
)
# What make pages has written.
for page in "$built"/pages/*.8; do
    [[ ! -e $page ]] || files+=(644 "$page" "/usr/share/man/man8/${page##*/}")
done

each_file() {
    set -- "${files[@]}"
    while (($#)); do
        "$verb"_file "$1" "$2" "$root$3"
        shift 3
    done
}

install_file() { install -D --mode="$1" "$2" "$3"; }

uninstall_file() { rm --force "$3"; }

case $verb in
install)
    each_file
    if [[ -z $root ]]; then
        packaging/hook-links add
        # An administrator's own configuration stays.
        [[ -e /etc/virt-bridge.toml ]] || install --mode=644 packaging/virt-bridge.toml /etc/virt-bridge.toml
        echo "libvirtd looks for hooks when it starts: systemctl restart libvirtd"
    else
        install_file 644 packaging/virt-bridge.toml "$root/etc/virt-bridge.toml"
    fi
    ;;
uninstall)
    packaging/hook-links remove
    each_file
    ;;
*)
    echo "usage: install.sh install|uninstall DIRECTORY" >&2
    exit 2
    ;;
esac
