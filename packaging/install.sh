#!/bin/bash
# Installs the built programs on any distribution, or takes them away: install.sh install|uninstall DIRECTORY-OF-PROGRAMS
#
# DESTDIR is put in front of every path. Into a DESTDIR go files only: links to hooks are for the host that will run them,
# by PREFIX/share/virt-bridge/hook-links.
# PREFIX is /usr or /usr/local, because systemd and udev look for units and rules there and nowhere else below /usr.
# HOOKDIR is where libvirt has its own programs, whatever PREFIX is: AppArmor lets libvirtd run what is there.
# UNITDIR and ZSHDIR: where systemd's units and zsh's completions belong.
set -euo pipefail

verb=$1 built=$(realpath "$2")
cd "$(dirname "$0")/.."
root=${DESTDIR-} prefix=${PREFIX:-/usr}
hooks=${HOOKDIR:-/usr/lib/libvirt} units=${UNITDIR:-$prefix/lib/systemd/system}
zsh=${ZSHDIR:-$prefix/share/zsh/site-functions}
[[ $prefix = /usr || $prefix = /usr/local ]] || {
    echo "install.sh: PREFIX is '$prefix': systemd and udev look into /usr and /usr/local only" >&2
    exit 2
}

# Mode, source, destination; or "link", where to, and where from.
files=(
    755 "$built/virt-bridge" "$prefix/sbin/virt-bridge"
    755 "$built/virt-bridge-watch" "$prefix/sbin/virt-bridge-watch"
    755 "$built/virt-bridge-network" "$hooks/virt-bridge-network"
    755 "$built/virt-bridge-qemu" "$hooks/virt-bridge-qemu"
    755 "$built/virt-bridge-udev" "$prefix/lib/udev/virt-bridge-udev"
    644 udev/90-virt-bridge.rules "$prefix/lib/udev/rules.d/90-virt-bridge.rules"
    644 packaging/virt-bridge-netfilter.service "$units/virt-bridge-netfilter.service"
    644 packaging/virt-bridge-netfilter-docker.service "$units/virt-bridge-netfilter-docker.service"
    link ../virt-bridge-netfilter-docker.service "$units/docker.service.wants/virt-bridge-netfilter-docker.service"
    644 packaging/virt-bridge-watch.service "$units/virt-bridge-watch.service"
    644 "packaging/virt-bridge@.service" "$units/virt-bridge@.service"
    755 packaging/hook-links "$prefix/share/virt-bridge/hook-links"
    644 packaging/completions/virt-bridge.bash "$prefix/share/bash-completion/completions/virt-bridge"
    644 packaging/completions/_virt-bridge "$zsh/_virt-bridge"
    644 packaging/completions/virt-bridge.fish "$prefix/share/fish/vendor_completions.d/virt-bridge.fish"
    644 packaging/man/virt-bridge-watch.8 "$prefix/share/man/man8/virt-bridge-watch.8"
    644 packaging/man/virt-bridge.toml.5 "$prefix/share/man/man5/virt-bridge.toml.5"
    644 packaging/man/virt-bridge-hooks.7 "$prefix/share/man/man7/virt-bridge-hooks.7"
)
# What make pages has written.
for page in "$built"/pages/*.8; do
    [[ ! -e $page ]] || files+=(644 "$page" "$prefix/share/man/man8/${page##*/}")
done

# The texts are written for /usr.
places=(
    -e "s|/usr/sbin/virt-bridge|$prefix/sbin/virt-bridge|g"
    -e "s|/usr/share/virt|$prefix/share/virt|g"
    -e "s|/usr/lib/libvirt|$hooks|g"
)
# udev looks for a program without a path in /usr only.
[[ $prefix = /usr ]] || places+=(-e "s|RUN+=\"|&$prefix/lib/udev/|")

each_file() {
    set -- "${files[@]}"
    while (($#)); do
        "$verb"_file "$1" "$2" "$root$3"
        shift 3
    done
}

install_file() {
    if [[ $1 = link ]]; then
        mkdir --parents "${3%/*}"
        ln --symbolic --force "$2" "$3"
        return
    fi
    install -D --mode="$1" "$2" "$3"
    # Programs are installed as they are.
    [[ $2 = "$built"/virt-bridge* ]] || sed --in-place "${places[@]}" "$3"
}

uninstall_file() { rm --force "$3"; }

case $verb in
install)
    each_file
    if [[ -z $root ]]; then
        "$prefix/share/virt-bridge/hook-links" add
        # An administrator's own configuration stays.
        [[ -e /etc/virt-bridge.toml ]] || install --mode=644 packaging/virt-bridge.toml /etc/virt-bridge.toml
        echo "libvirtd looks for hooks when it starts: systemctl restart libvirtd"
        echo "the policy for bridge netfilter at boot: systemctl enable virt-bridge-netfilter"
    else
        install_file 644 packaging/virt-bridge.toml "$root/etc/virt-bridge.toml"
    fi
    ;;
uninstall)
    [[ ! -e $root$prefix/share/virt-bridge/hook-links ]] || "$root$prefix/share/virt-bridge/hook-links" remove
    each_file
    [[ ! -d $root$prefix/share/virt-bridge ]] || rmdir "$root$prefix/share/virt-bridge"
    # Units that an administrator enabled.
    rm --force "$root"/etc/systemd/system/*.wants/virt-bridge*.service
    ;;
*)
    echo "usage: install.sh install|uninstall DIRECTORY" >&2
    exit 2
    ;;
esac
