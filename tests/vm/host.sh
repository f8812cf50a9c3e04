# shellcheck shell=bash
# Sourced: what cases do in the machine, and what they ask it.

# say TEXT: into the report
say() { echo "    ${1//$'\n'/$'\n'    }" >&3; }

# same BEFORE AFTER WHAT
same() {
    [[ $1 = "$2" ]] || fail "$3 is not as before:"$'\n'"$(diff <(echo "$1") <(echo "$2"))"
}

# contains TEXT PATTERN WHAT
contains() {
    grep -q -e "$2" <<<"$1" || fail "$3 does not say '$2' but:"$'\n'"$1"
}

# holds CONDITION...: each a command that has to succeed in the machine, within half a minute
holds() {
    local condition
    for condition; do
        wait_for $((15 * patience)) vm "$condition" >/dev/null || fail "does not hold: $condition"
    done
}

# install_packages NAME...: of the built packages, as a person does it
install_packages() {
    local name files=()
    for name; do files+=("$packages/${name}"_*.deb); done
    vm_put /root/packages "${files[@]}"
    VM_SECONDS=120 vm 'DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 -o Dpkg::Use-Pty=0 /root/packages/*.deb'
}

# configure TOML
configure() { vm "mkdir -p /etc/virt-bridge.d && cat >/etc/virt-bridge.d/lab.toml <<'EOT'"$'\n'"$1"$'\nEOT'; }

# configure_uplink UPLINK: of br0
configure_uplink() { configure "[bridge.br0]"$'\n'"uplink = \"$1\""; }

# As virt-bridge asks for after installation: libvirtd looks for hooks when it starts.
restart_libvirtd() { vm 'systemctl restart libvirtd'; }

# keep_libvirtd: it ends by itself where nobody has asked it for two minutes, and a busy machine may take longer for an
# installation; a client keeps it.
keep_libvirtd() { vm '(setsid virsh event --event lifecycle --loop &>/dev/null) &'; }

define_network() {
    vm 'virsh net-define /dev/stdin <<EOT && virsh net-autostart bridge-network
<network><name>bridge-network</name><forward mode="bridge"/><bridge name="br0"/></network>
EOT'
}

# main_job UPLINK: everything that a user does, up to the running network
main_job() {
    install_packages virt-bridge
    configure_uplink "$1"
    restart_libvirtd
    define_network
    vm 'virsh net-start bridge-network'
}

# bridged UPLINK: br0 is up, has UPLINK and the host's addresses and routes
bridged() {
    holds "virsh net-info bridge-network | grep -q '^Active: *yes'" \
        "ip -brief link show master br0 | grep -q '^$1 '" \
        "ip -brief address show br0 | grep -q ' 192.0.2.10/24 2001:db8:0:1::10/64'" \
        "! ip address show $1 | grep -q 192.0.2.10" \
        "ip route | grep -q '^default via 192.0.2.1 dev br0'" \
        "ip -6 route | grep -q '^default via 2001:db8:0:1::1 dev br0'"
}

# make_guest: by what the kernel sees of one, a port of br0 with somebody behind; 192.0.2.30
make_guest() {
    vm 'ip netns add guest
        ip link add vnet0 type veth peer name eth0 netns guest
        ip link set vnet0 master br0 up
        ip -n guest link set lo up
        ip -n guest link set eth0 up
        ip -n guest address add 192.0.2.30/24 dev eth0'
}

# What an installation has to leave alone: links, addresses, routes, rules, sysctls, networks, and the daemon that runs.
# What changes by itself on any host is left out.
host_state() {
    vm '
        ip -details -oneline link
        ip -oneline address
        ip route show table all
        ip -6 route show table all
        ip rule
        nft list ruleset
        sysctl --all --pattern "^net[.]" 2>/dev/null | grep -v -e nf_conntrack_count -e tcp_fastopen_key
        virsh net-list --all
        systemctl show --property InvocationID libvirtd'
}

# nothing_failed: no unit, nothing that AppArmor denied, nothing that udevd complains of but a slow machine
nothing_failed() {
    local failed
    failed=$(vm '
        systemctl --no-legend --plain --failed
        journalctl --boot --quiet --grep "apparmor=.DENIED" || true
        journalctl --boot --quiet --identifier systemd-udevd --identifier "(udev-worker)" --priority warning |
            grep -v "is taking a long time" || true')
    [[ -z $failed ]] || fail "something failed:"$'\n'"$failed"
}
