#!/bin/bash
# Installs what building, testing and measuring virt-bridge need beside cargo, on Debian 12 and 13; with the word "deb",
# what building the Debian packages needs, with "vm" what the tests in virtual machines need.
# Says what it installs, and does nothing where nothing is missing, or on a distribution without apt-get.
set -euo pipefail

command -v apt-get >/dev/null || {
    echo "setup: there is no apt-get: what is needed here has Debian's names in tests/setup.sh"
    exit 0
}

packages=(
    make gcc g++ libc6-dev binutils         # the build, the fuzzer, and the gate on what is linked
    shellcheck                              # lint
    iproute2 radvd bridge-utils             # the lab: its links, its router, the commands by hand
    libvirt-daemon-system libvirt-clients   # libvirtd, virtlogd, virsh
    virtinst                                # virt-install, as administrators make guests
    libvirt-dev pkgconf                     # what virt-bridge-watch is linked with
    qemu-system-x86                         # guests
    dnsmasq-base iptables nftables          # libvirt's NAT network, filters on bridges;
    arptables                               # the legacy one: nftables has no forward hook for ARP
    iputils-ping iputils-arping tcpdump     # what arrives on the LAN
    strace jq libxml2-utils python3 time    # faults, states, the hooks that ours is compared with
    python3-lxml xsltproc virtinst patch    # other readers and patchers of domain XML
    bsdutils dpkg-dev xz-utils              # script(1) for a terminal, libvirt's source package
    udev procps                             # events of links and modules, sysctls
    isc-dhcp-client dhcpcd-base udhcpc      # who may own an uplink: DHCP clients,
    busybox ifupdown network-manager dbus   # ifupdown, NetworkManager (networkd comes with systemd),
    netplan.io                              # netplan
    openssh-server openssh-client           # a session that ends in the middle of a takeover
    zsh fish                                # shells that complete the command
    ansible-core python3-apt                # a fleet
    librsvg2-bin fonts-dejavu-core          # the picture of a host, drawn
)
if [[ ${1-} = deb ]]; then
    packages=(
        make gcc libc6-dev git python3      # the build, from the files that git knows
        debhelper dpkg-dev pkgconf fakeroot # what Debian builds with
        dh-apparmor libvirt-dev             # for the watch service
        lintian apparmor                    # what the packages and their profiles are held against
    )
    # Where systemd's units belong, which Debian 12 says in systemd itself.
    ! apt-cache show systemd-dev >/dev/null 2>&1 || packages+=(systemd-dev)
elif [[ ${1-} = vm ]]; then
    packages=(
        mmdebstrap e2fsprogs                # images
        qemu-system-x86 qemu-utils          # machines
        iproute2 iputils-ping dnsmasq-base  # their LAN
    )
fi

installed=$(dpkg-query --show --showformat='${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null || true)
missing=()
for package in "${packages[@]}"; do
    [[ $'\n'$installed$'\n' = *$'\n'"installed $package"$'\n'* ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

echo "setup: installing ${missing[*]}"
as_root=()
if ((EUID != 0)); then
    as_root=(sudo)
fi

# Services stay as they are: the lab has a libvirtd of its own, and a build machine shall not get a running one.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" install -m 755 /dev/stdin "$policy"
    trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi

apt_get() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get --quiet=2 "$@"
}

apt_get update
# Where qemu-utils comes from another release than qemu-system-x86 (backports), apt refuses the latter.
pinned=()
if [[ " ${missing[*]} " = *" qemu-system-x86 "* ]] &&
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' qemu-utils 2>/dev/null || true) = installed ]]; then
    version=$(apt-cache policy qemu-system-x86 | sed -n 's/^  Candidate: //p')
    pinned=("qemu-utils=$version")
    echo "setup: with qemu-utils at $version, so that both are of one release"
fi
apt_get install --no-install-recommends --allow-downgrades -o Dpkg::Use-Pty=0 "${missing[@]}" "${pinned[@]}"
