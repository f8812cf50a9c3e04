#!/bin/bash
# install.sh DIRECTORY: installs the built programs that are in DIRECTORY by `make install`, and holds what is installed
# against what systemd, udev, shells and man make of it, on a copy of this machine's files.
#
# Each case has namespaces and an overlay of the root directory of its own: nothing of this machine changes.
# shellcheck disable=SC2317 # A case is called by the name that it is given with.
set -euo pipefail

built=$(realpath "$1")
cd "$(dirname "$0")/.."

fail() {
    echo "    $*" >&2
    exit 1
}

install_tree() { make --silent install DESTDIR="$tree" PREFIX="$1" BUILT="$built"; }

host() { chroot "$root" env -i PATH=/usr/bin:/bin LC_ALL=C.UTF-8 "$@"; }

# this_machine_with_the_tree: a copy of this machine, on which nothing of ours is but what make install has put there
this_machine_with_the_tree() {
    root=$room/root
    mkdir "$room"/{upper,work,root}
    mount -t overlay -o "lowerdir=$tree:/,upperdir=$room/upper,workdir=$room/work" overlay "$root"
    mount -t proc proc "$root/proc"
    mount -t sysfs sysfs "$root/sys"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/run"
    mount -t tmpfs tmpfs "$root/tmp"
}

# Whatever an installed text says where something of ours is, there it is.
names_only_what_is_there() {
    local name named=0
    while read -r name; do
        [[ -e $tree$name ]] || fail "there is no $name, which $(grep -rIl "${name//-/'\\\?-'}" "$tree") names"
        named=$((named + 1))
    done < <(grep -rIhoE '/usr/[a-z/]*/virt\\?-bridge[-\\a-z/]*' "$tree" | sed 's/\\//g' | sort --unique)
    ((named > 3)) || fail "only $named names are found in what is installed: the test shows nothing"
    grep --quiet --text "$1/sbin/virt-bridge" "$tree/usr/lib/libvirt/virt-bridge-network" ||
        fail "the hook does not know of $1/sbin/virt-bridge"
}

works_below() {
    local said unit
    this_machine_with_the_tree
    host "$1/sbin/virt-bridge" --version >/dev/null
    for unit in virt-bridge-netfilter virt-bridge-netfilter-docker virt-bridge@br0 virt-bridge-watch; do
        said=$(host systemd-analyze verify --man=no "$1/lib/systemd/system/${unit/@*/@}.service" 2>&1 |
            grep "$unit\|virt-bridge@" || true)
        [[ -z $said ]] || fail "systemd says: $said"
    done
    ip link add br0 type bridge
    # Debian 12's udevadm says run: 'PROGRAM', 13's RUN{program} : PROGRAM.
    said=$(host udevadm test --action=add /sys/class/net/br0 2>&1 |
        sed --quiet --regexp-extended "s/^(run: '| *RUN\{program\} : )([^']*virt-bridge-udev).*/\2/p")
    # udev looks for a program without a path here.
    [[ $said = /* ]] || said=/usr/lib/udev/$said
    [[ -x $tree$said ]] || fail "udev runs $said for a bridge"
    said=$(host bash -c "source $1/share/bash-completion/completions/virt-bridge
        COMP_WORDS=(virt-bridge undo '') COMP_CWORD=2
        _virt_bridge
        echo \"\${COMPREPLY[*]}\"")
    [[ " $said " = *" br0 "* ]] || fail "bash does not complete: '$said'"
    DESTDIR=$root "$root$1/share/virt-bridge/hook-links" add
    host test -x /etc/libvirt/hooks/network || fail "libvirt's hook leads to nothing"
}

what_is_below_usr_names_only_what_is_there_and_works() {
    install_tree /usr
    names_only_what_is_there /usr
    works_below /usr
}

what_is_below_usr_local_names_only_what_is_there_and_works() {
    install_tree /usr/local
    names_only_what_is_there /usr/local
    [[ $(cd "$tree/usr" && find . -type f ! -path './local/*') = ./lib/libvirt/virt-bridge-* ]] ||
        fail "beside /usr/local there is more than libvirt's hooks"
    works_below /usr/local
}

uninstall_leaves_nothing_but_the_configuration() {
    install_tree /usr/local
    DESTDIR=$tree "$tree/usr/local/share/virt-bridge/hook-links" add
    make --silent uninstall DESTDIR="$tree" PREFIX=/usr/local BUILT="$built"
    [[ $(find "$tree" ! -type d) = $tree/etc/virt-bridge.toml ]] || fail "there is left: $(find "$tree" ! -type d)"
}

a_prefix_that_systemd_and_udev_do_not_look_into_is_refused() {
    ! install_tree /opt/virt-bridge 2>"$room/said" || fail "PREFIX=/opt/virt-bridge is taken"
    grep --quiet 'look into /usr and /usr/local only' "$room/said" || fail "says: $(cat "$room/said")"
    [[ ! -e $tree ]] || fail "something is installed"
}

if [[ ${IN_NAMESPACES-} ]]; then
    room=$3 tree=$3/tree
    mount -t tmpfs tmpfs "$room"
    "$2"
    exit
fi

room=$(mktemp --directory)
trap 'rmdir "$room"' EXIT
# A case is a function whose name is a sentence.
mapfile -t cases < <(sed --quiet 's/^\([a-z]*\(_[a-z]*\)\{5,\}\)() {$/\1/p' "$0")
failed=0
for case in "${cases[@]}"; do
    verdict=ok
    # A shell of its own ends at the first failure, which one after || would not.
    IN_NAMESPACES=1 unshare --mount --net --pid --fork --kill-child --mount-proc "$0" "$built" "$case" "$room" ||
        verdict=FAILED
    echo "$verdict: ${case//_/ }"
    [[ $verdict = ok ]] || failed=1
done
exit $failed
