#!/bin/bash
# image.sh 12|13 [PACKAGE]...: says where the image of that Debian release is, with PACKAGEs beside the plain host's;
# builds it, from Debian's own packages, where it is not yet. The directory has root.img, vmlinuz, initrd.img, packages,
# and where QEMU emulates also memory: of a running machine, whose disk root.img is.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/vm/qemu.sh
. "$here/qemu.sh"
release=$1
shift
case $release in
12) suite=bookworm ;;
13) suite=trixie ;;
*) echo "image.sh: there is no image of Debian $release, only of 12 and 13" >&2 && exit 2 ;;
esac
mirror=${DEBIAN_MIRROR:-http://deb.debian.org}

packages=(
    systemd-sysv udev kmod dbus libpam-systemd procps linux-image-cloud-amd64 initramfs-tools lz4 apparmor
    libvirt-daemon-system libvirt-clients qemu-system-x86 ipxe-qemu dnsmasq-base polkitd
    ifupdown iproute2 iputils-ping nftables iptables
    "$@"
)
# Under emulation each of these costs seconds and none is of the subject.
masked=(
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer
    logrotate.timer man-db.timer systemd-timesyncd.service getty@tty1.service
)

key=$({
    echo "$release ${packages[*]}"
    qemu-system-x86_64 --version
    ! is_emulated || echo emulated
    cat "$here"/{image,prime,qemu}.sh && tar -C "$here/image" --sort=name --mtime=@0 --owner=0 --group=0 -c .
} | sha256sum)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/virt-bridge/vm
image=$cache/debian-$release-${key:0:12}
[[ ! -e $image/packages ]] || { echo "$image" && exit; }

mkdir -p "$cache"
work=$(mktemp -d "$cache/building.XXXXXX")
root=$work/root

sources() {
    echo "deb $mirror/debian $suite main"
    echo "deb $mirror/debian $suite-updates main"
    echo "deb $mirror/debian-security $suite-security main"
}

# The image's own files come before the kernel, whose installation reads some of them.
bootstrap() {
    local include
    printf -v include '%s,' "${packages[@]}"
    sources | unshare --mount mmdebstrap --quiet --mode=root --variant=minbase --format=directory \
        --include="${include%,}" \
        --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
        --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/locale/*' --skip=cleanup/apt/cache \
        --essential-hook="cp -a '$here/image/.' \"\$1\"" "$suite" "$root" -
}

configure() {
    rm -f "$root"/etc/dpkg/dpkg.cfg.d/99mmdebstrap "$root"/etc/apt/apt.conf.d/99mmdebstrap
    # An empty one would make every boot a first boot, which presets all units.
    echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
    chroot "$root" passwd --quiet --delete root
    chroot "$root" systemctl --quiet enable lab-agent.service
    chroot "$root" systemctl --quiet mask "${masked[@]}"
    # As on most hosts somebody wants it, so that cases can see when it comes.
    chroot "$root" systemctl --quiet add-wants multi-user.target network-online.target
    chroot "$root" systemctl --quiet set-default multi-user.target
}

disk() {
    local kernel
    kernel=$(basename "$root"/boot/vmlinuz-*)
    cp "$root/boot/$kernel" "$work/vmlinuz"
    cp "$root/boot/initrd.img-${kernel#vmlinuz-}" "$work/initrd.img"
    # A case takes libvirt away and brings it back.
    find "$root/var/cache/apt" -type f ! -name 'libvirt*.deb' -delete
    rm -rf "$root"/var/lib/apt/lists/*
    mke2fs -q -t ext4 -J size=16 -m 0 -L root -d "$root" -F "$work/root.img" 4G
    chroot "$root" dpkg-query --show >"$work/installed"
    rm -rf --one-file-system "$root"
}

# Only the log knows what went wrong; it is shown then.
log=$cache/debian-$release.log
finish() {
    local status=$?
    rm -rf --one-file-system "$work"
    ((status == 0)) || { tail -n 30 "$log" && echo "vm: no image of Debian $release; all of it is in $log"; } >&3
}
exec 3>&2 4>&1
trap finish EXIT

echo "vm: building the image of Debian $release${*:+ with $*}" >&3
exec &>"$log"
bootstrap
configure
disk
unshare --net --pid --fork --kill-child --mount-proc "$here/prime.sh" "$work"
mv "$work/installed" "$work/packages"
chmod 755 "$work"
# Somebody else may have built the same meanwhile.
mv --no-target-directory "$work" "$image" || [[ -e $image/packages ]]
echo "vm: built in $SECONDS s: $(du -sh "$image" | cut -f1) in $image" >&3
echo "$image" >&4
