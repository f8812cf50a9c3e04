# shellcheck shell=bash
# Sourced by lab.sh: what the lab's host can write is its own.

# layer DIR: DIR as on the real host, with changes that only the lab sees
layer() {
    mkdir -p "$layers$1/upper" "$layers$1/work"
    mount -t overlay -o "lowerdir=$1,upperdir=$layers$1/upper,workdir=$layers$1/work" overlay "$1"
}

private_dev() {
    local outer=$1
    mkdir "$outer"
    mount --rbind /dev "$outer"
    mount -t tmpfs -o mode=755,nosuid tmpfs /dev
    mkdir /dev/net /dev/pts /dev/shm
    mknod -m 666 /dev/null c 1 3
    mknod -m 666 /dev/zero c 1 5
    mknod -m 666 /dev/full c 1 7
    mknod -m 666 /dev/random c 1 8
    mknod -m 666 /dev/urandom c 1 9
    mknod -m 666 /dev/tty c 5 0
    mknod -m 666 /dev/ptmx c 5 2
    mknod -m 666 /dev/net/tun c 10 200
    [[ ! -e $outer/kvm ]] || mknod -m 660 /dev/kvm c 10 232
    ln -s /proc/self/fd /dev/fd
    ln -s fd/0 /dev/stdin
    ln -s fd/1 /dev/stdout
    ln -s fd/2 /dev/stderr
    # The real one, so that the terminal of `make lab` keeps its name.
    mount --bind "$outer/pts" /dev/pts
    mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /dev/shm
    umount --recursive --lazy "$outer"
    rmdir "$outer"
}

# without_writes DIR: nothing below DIR is written but what a layer takes, not by a link that leads there either
without_writes() {
    mount --rbind "$1" "$1"
    mount -o remount,bind,ro "$1"
}

# keep_capabilities DIR: what libvirtd learns about QEMU, which takes it seconds, stays there for the next lab
keep_capabilities() {
    mkdir -p "$1" /var/cache/libvirt/qemu/capabilities
    mount --bind "$1" /var/cache/libvirt/qemu/capabilities
}

# isolate COMMANDS: with the directory COMMANDS as /run/lab/bin
isolate() {
    local directory
    mount -t proc proc /proc
    # A fresh sysfs shows the lab's own network devices. libvirt looks for cgroups among the mounts and does without
    # them when there are none; those of the real host are not the lab's to change.
    umount --recursive --lazy /sys
    mount -t sysfs sysfs /sys
    mount -t tmpfs -o mode=755 tmpfs /run
    layers=/run/lab/layers
    mkdir -p /run/lab /run/lock /run/netns "$layers"
    private_dev /run/lab/dev
    layer /var/lib
    for directory in /var/log /var/lib/libvirt /var/cache/libvirt; do
        mkdir -p "$directory"
        mount -t tmpfs -o mode=755 tmpfs "$directory"
    done
    layer /etc
    without_writes /usr
    layer /usr/lib/libvirt
    rm -rf /etc/virt-bridge.toml /etc/virt-bridge.d /etc/libvirt/hooks
    mkdir -p /etc/libvirt/hooks
    ln -s "$1" /run/lab/bin
    # Looked up by libvirtd at every start of a guest; nobody else may be asked.
    hostname lab
    echo '127.0.1.1 lab' >>/etc/hosts
    rm -f /etc/resolv.conf
}

# install_binaries DIR: as the package installs them
install_binaries() {
    local program
    for program in network qemu; do
        [[ -x $1/virt-bridge-$program ]] || continue
        cp "$1/virt-bridge-$program" /usr/lib/libvirt/
    done
    ln -s /usr/lib/libvirt/virt-bridge-network /etc/libvirt/hooks/network
    mkdir -p /etc/libvirt/hooks/qemu.d
    ln -s /usr/lib/libvirt/virt-bridge-qemu /etc/libvirt/hooks/qemu.d/50-virt-bridge
    layer /usr/sbin
    for program in virt-bridge virt-bridge-watch; do
        [[ ! -x $1/$program ]] || cp "$1/$program" /usr/sbin/
    done
}
