#!/bin/bash
# package.sh FILE.deb [CASE]: what the package's maintainer scripts do, by the real dpkg on a copy of this machine's files.
#
# Each case has namespaces and an overlay of the root directory of its own: nothing of this machine changes.
# shellcheck disable=SC2317 # A case is called by the name that it is given with.
set -euo pipefail

deb=$(realpath "$1")
hooks=/etc/libvirt/hooks
ours=/usr/lib/libvirt/virt-bridge-network
sysctl=/proc/sys/net/bridge/bridge-nf-call-iptables

fail() {
    echo "    $*" >&2
    exit 1
}

host() { chroot "$root" "$@"; }

install_package() { host dpkg --install "/tmp/${1:-package}.deb" 2>&1; }

# The same package under a higher version.
next_version() {
    host dpkg-deb --raw-extract /tmp/package.deb /tmp/next
    host sed --in-place '/^Version: /s/$/+next/' /tmp/next/DEBIAN/control
    host dpkg-deb --root-owner-group -Znone --build /tmp/next /tmp/next.deb >/dev/null
}

has_link() { [[ $(readlink "$root$1") = "$2" ]] || fail "$1 is $(ls -l "$root$1" 2>&1), not a link to $2"; }

has_nothing() { [[ ! -e $root$1 && ! -L $root$1 ]] || fail "there is $(ls -ld "$root$1")"; }

says() { grep --quiet --fixed-strings -- "$2" <<<"$1" || fail "does not say '$2' but: $1"; }

administrators_hook() {
    mkdir --parents "$root${1%/*}"
    printf '#!/bin/sh\necho mine\n' >"$root$1"
    chmod 755 "$root$1"
    administrators[${#administrators[@]}]=$1
}

administrators_hooks_are_untouched() {
    for hook in "${administrators[@]}"; do
        [[ $(chroot "$root" "$hook") = mine && ! -L $root$hook ]] || fail "$hook is no longer the administrator's"
    done
}

# Every file that the package could leave or change; dpkg's and man-db's own memory is not ours.
files() {
    host find /etc /usr /var /run -xdev \( -path /var/lib/dpkg -o -path /var/cache -o -path /var/log \) -prune \
        -o ! -type d -printf '%p %m %u %s %T@ %l\n' -o -printf '%p %m %u\n' | sort
}

a_fresh_install_links_the_hook_and_changes_nothing_else() {
    before=$(cat "$sysctl")
    links=$(ip -details address)
    host libvirtd --daemon --pid-file /run/libvirtd.pid
    said=$(install_package)
    has_link "$hooks/network" "$ours"
    has_nothing "$hooks/network.d/50-virt-bridge"
    host test -x "$hooks/network" || fail "the hook cannot be run"
    [[ $(cat "$sysctl") = "$before" ]] || fail "bridge netfilter has changed"
    [[ $(ip -details address) = "$links" ]] || fail "links have changed"
    says "$said" "would change: bridge-nf-call-iptables 1 → 0"
    says "$said" "systemctl restart libvirtd"
    kill -0 "$(cat "$root/run/libvirtd.pid")" || fail "libvirtd has gone"
    host virt-bridge status --json >/dev/null
    host dpkg --verify virt-bridge
    # An upgrade changes nothing that libvirtd would have to learn; a removal and a new installation do.
    ! grep --quiet 'systemctl restart' <<<"$(install_package)" || fail "asks for a restart without a reason"
    host dpkg --remove virt-bridge >/dev/null 2>&1
    says "$(install_package)" "systemctl restart libvirtd"
    kill "$(cat "$root/run/libvirtd.pid")"
}

an_administrators_hook_stays_and_ours_goes_beside() {
    administrators_hook "$hooks/network"
    administrators_hook "$hooks/network.d/10-mine"
    says "$(install_package)" "somebody's own hook"
    has_link "$hooks/network.d/50-virt-bridge" "$ours"
    administrators_hooks_are_untouched
    host dpkg --purge virt-bridge >/dev/null 2>&1
    has_nothing "$hooks/network.d/50-virt-bridge"
    administrators_hooks_are_untouched
}

where_both_places_are_taken_the_package_says_so() {
    administrators_hook "$hooks/network"
    administrators_hook "$hooks/network.d/50-virt-bridge"
    says "$(install_package)" "libvirt does not run our network hook"
    host dpkg --purge virt-bridge >/dev/null 2>&1
    administrators_hooks_are_untouched
}

a_hook_that_is_switched_off_stays_off() {
    mkdir --parents "$root$hooks"
    ln --symbolic /dev/null "$root$hooks/network"
    says "$(install_package)" "stays off"
    install_package >/dev/null
    has_link "$hooks/network" /dev/null
    has_nothing "$hooks/network.d/50-virt-bridge"
    host dpkg --purge virt-bridge >/dev/null 2>&1
    has_link "$hooks/network" /dev/null
}

the_hook_waits_for_a_libvirt_that_comes_later() {
    host dpkg --purge --force-depends libvirt-daemon-system >/dev/null 2>&1
    rm --recursive --force "$root/etc/libvirt"
    install_package >/dev/null
    has_link "$hooks/network" "$ours"
    host dpkg --install --force-depends --force-confmiss /tmp/libvirt-daemon-system.deb >/dev/null 2>&1
    has_link "$hooks/network" "$ours"
    host dpkg --purge virt-bridge >/dev/null 2>&1
    has_nothing "$hooks/network"
    [[ -d $root$hooks ]] || fail "the directory of hooks has gone"
}

an_upgrade_keeps_links_and_configuration() {
    install_package >/dev/null
    echo '[bridge.br7]' >>"$root/etc/virt-bridge.toml"
    next_version
    install_package next >/dev/null
    has_link "$hooks/network" "$ours"
    grep --quiet br7 "$root/etc/virt-bridge.toml" || fail "the configuration was overwritten"
    host dpkg --status virt-bridge | grep --quiet '^Version: .*+next' || fail "not upgraded"
}

after_an_upgrade_ours_is_beside_a_hook_that_took_its_place() {
    install_package >/dev/null
    rm "$root$hooks/network"
    administrators_hook "$hooks/network"
    next_version
    install_package next >/dev/null
    has_link "$hooks/network.d/50-virt-bridge" "$ours"
    administrators_hooks_are_untouched
    # And back, when that hook has gone.
    rm "$root$hooks/network"
    install_package next >/dev/null
    has_link "$hooks/network" "$ours"
    has_nothing "$hooks/network.d/50-virt-bridge"
}

an_upgrade_applies_the_policy_that_was_in_force_already() {
    install_package >/dev/null
    host virt-bridge netfilter apply >/dev/null
    [[ $(cat "$sysctl") = 0 ]] || fail "the policy was not applied"
    next_version
    install_package next >/dev/null
    [[ $(cat "$sysctl") = 0 ]] || fail "the upgrade has changed bridge netfilter"
    # What somebody wrote since then is corrected, as the old version would have done.
    echo 1 >"$sysctl"
    install_package next >/dev/null
    [[ $(cat "$sysctl") = 0 ]] || fail "the policy was not applied again"
}

removal_leaves_a_bridge_that_carries_the_host() {
    ip link add uplink type veth peer name lan
    ip link set lan up
    ip link set uplink up
    ip address add 192.0.2.10/24 dev uplink
    install_package >/dev/null
    host virt-bridge up br0 --uplink uplink >/dev/null
    said=$(host dpkg --purge virt-bridge 2>&1)
    says "$said" "virt-bridge undo br0"
    ip -brief address show dev br0 | grep --quiet 192.0.2.10 || fail "br0 has lost its address"
    has_nothing "$hooks/network"
    # As it says: with the package back, the way back is open.
    install_package >/dev/null
    host virt-bridge undo br0 >/dev/null
    ip -brief address show dev uplink | grep --quiet 192.0.2.10 || fail "the uplink has not got its address back"
}

a_removed_package_can_be_installed_again() {
    install_package >/dev/null
    echo '# mine' >>"$root/etc/virt-bridge.toml"
    host dpkg --remove virt-bridge >/dev/null 2>&1
    has_nothing "$hooks/network"
    grep --quiet '# mine' "$root/etc/virt-bridge.toml" || fail "the configuration has gone"
    install_package >/dev/null
    has_link "$hooks/network" "$ours"
    grep --quiet '# mine' "$root/etc/virt-bridge.toml" || fail "the configuration has gone"
}

purge_leaves_nothing() {
    before=$(files)
    install_package >/dev/null
    echo '# mine' >"$root/etc/virt-bridge.d/mine.toml"
    mkdir --parents "$root/etc/systemd/system/multi-user.target.wants"
    ln --symbolic /usr/lib/systemd/system/virt-bridge@.service \
        "$root/etc/systemd/system/multi-user.target.wants/virt-bridge@br0.service"
    host virt-bridge netfilter apply >/dev/null
    host virt-bridge up br0 >/dev/null
    host virt-bridge undo br0 >/dev/null
    next_version
    install_package next >/dev/null
    host dpkg --purge virt-bridge >/dev/null 2>&1
    left=$(diff <(echo "$before") <(files)) || fail "there is left: $left"
}

# In the case's own namespaces: a copy of the machine's files, a fresh /run, and the network of nobody.
enter() {
    room=$1
    mount -t tmpfs -o size=1g tmpfs "$room"
    root=$room/root
    mkdir "$room"/{upper,work,root}
    mount -t overlay -o "lowerdir=/,upperdir=$room/upper,workdir=$room/work" overlay "$root"
    mount -t proc proc "$root/proc"
    mount -t proc proc /proc
    mount -t sysfs sysfs "$root/sys"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/run"
    mount -t tmpfs tmpfs "$root/tmp"
    cp "$deb" "$root/tmp/package.deb"
    cp "$libvirt" "$root/tmp/libvirt-daemon-system.deb"
    # A copy on which nothing of ours was ever installed.
    rm --recursive --force "$root/run/virt-bridge" "$root$hooks/network"{,.d}
    ip link set lo up
    administrators=()
    export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
}

if [[ ${IN_NAMESPACES-} ]]; then
    enter "$3"
    "$2"
    exit
fi

room=$(mktemp --directory)
trap 'rm --recursive --force "$room"' EXIT
mkdir "$room/case"
# What one case installs later than us.
(cd "$room" && apt-get --quiet=2 -o APT::Sandbox::User=root download libvirt-daemon-system)
libvirt=$(echo "$room"/libvirt-daemon-system*.deb)
export libvirt

# A case is a function whose name is a sentence.
mapfile -t cases < <(sed --quiet 's/^\([a-z]*\(_[a-z]*\)\{2,\}\)() {$/\1/p' "$0" | grep --invert-match '^administrators')
[[ -z ${2-} ]] || cases=("$2")
failed=0
for case in "${cases[@]}"; do
    begun=$(date +%s%N)
    verdict=ok
    # A shell of its own ends at the first failure, which one after || would not.
    IN_NAMESPACES=1 unshare --mount --net --pid --fork --kill-child "$0" "$deb" "$case" "$room/case" || verdict=FAILED
    echo "$verdict: ${case//_/ } ($((($(date +%s%N) - begun) / 1000000)) ms)"
    [[ $verdict = ok ]] || failed=1
done
exit $failed
