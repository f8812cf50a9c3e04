#!/bin/bash
# owner.sh ifupdown|dhclient|networkd|network-manager PROBER: on the lab's host, prints what a hand-over by virt-bridge,
# its undoing, and the owner's own way with the same files cost, as the prober's JSON in a line each.
set -euo pipefail

owner=$1 prober=$2
address=192.0.2.10
files=/run/lab/files
case $owner in
ifupdown | dhclient) place=/etc/network/interfaces ;;
networkd) place=/etc/systemd/network ;;
network-manager) place=/etc/NetworkManager/system-connections ;;
esac

main() {
    ip address flush dev eth0
    ip link set eth0 down
    {
        "prepare_$owner"
        wait_until is_settled
        leave_probers_processor
    } >&2
    measure up "virt-bridge up --persist" virt-bridge up br0 --uplink eth0 --persist --no-confirm
    cp -a "$place" "$files"
    measure undo "virt-bridge undo" virt-bridge undo br0
    wait_until is_settled
    rm -r "$place"
    cp -r --preserve=mode "$files" "$place"
    case $owner in
    ifupdown | dhclient) by_hand "ifdown eth0; ifup br0" ;;
    networkd) by_hand "networkctl reload; networkctl reconfigure eth0" ;;
    network-manager) by_hand "nmcli connection reload; nmcli connection up $(bridge_profile)" "nmcli connection up" ;;
    esac
}

# measure WAY LABEL COMMAND...: the prober's report, with both
measure() {
    local way=$1 said=$2 v6=()
    shift 2
    [[ $owner = dhclient ]] || v6=(--v6 2001:db8:0:1::10 2001:db8:0:1::1)
    "$prober" --json --inside /proc/1/ns/net --outside /run/netns/router --v4 "$address" 192.0.2.1 "${v6[@]}" \
        --tail-ms 5000 -- sh -c '"$@" >&2' - "$@" | jq -c --arg way "$way" --arg said "$said" '. + {way: $way, said: $said}'
}

# by_hand COMMANDS [LABEL]
by_hand() { measure own "${2-$1}" sh -c "$1"; }

# The interfaces file of the bridge has no stanza of eth0 that ifdown knows it by; it goes by its state.
prepare_ifupdown() {
    mkdir -p /run/network
    cat >/etc/network/interfaces <<'END'
auto lo
iface lo inet loopback
auto eth0
iface eth0 inet static
    address 192.0.2.10/24
    gateway 192.0.2.1
iface eth0 inet6 static
    address 2001:db8:0:1::10/64
    gateway 2001:db8:0:1::1
END
    ifup -a
}

prepare_dhclient() {
    mkdir -p /run/network
    rm -f /var/lib/dhcp/*
    lan-dhcp start
    printf 'auto lo\niface lo inet loopback\nauto eth0\niface eth0 inet dhcp\n' >/etc/network/interfaces
    ifup -a
    address=$(ip -4 -j address show dev eth0 scope global | jq -r '.[].addr_info[].local')
}

prepare_networkd() {
    rm -rf /etc/systemd/network /etc/netplan
    mkdir /etc/systemd/network
    echo 0123456789abcdef0123456789abcdef >/etc/machine-id
    cat >/etc/systemd/network/20-wired.network <<'END'
[Match]
Name=eth0
[Network]
IPv6AcceptRA=no
Address=192.0.2.10/24
Address=2001:db8:0:1::10/64
Gateway=192.0.2.1
Gateway=2001:db8:0:1::1
END
    networkd start
}

prepare_network-manager() {
    network-manager prepare
    cat >"$place/lan.nmconnection" <<'END'
[connection]
id=lan
uuid=6f1a0f64-3a0e-4b3c-9d8b-2f60f7d7a111
type=ethernet
interface-name=eth0
[ipv4]
address1=192.0.2.10/24,192.0.2.1
method=manual
[ipv6]
addr-gen-mode=default
address1=2001:db8:0:1::10/64,2001:db8:0:1::1
method=manual
END
    chmod 600 "$place/lan.nmconnection"
    network-manager start
}

bridge_profile() { sed -n 's/^uuid=//p' "$(grep -l '^type=bridge' "$place"/*)"; }

# Both routers answer, by addresses that are no longer searched for duplicates.
is_settled() {
    [[ -z $(ip -6 address show tentative) ]] && ping -c1 -W1 192.0.2.1 &&
        { [[ $owner = dhclient ]] || ping -c1 -W1 -I 2001:db8:0:1::10 2001:db8:0:1::1; }
}

# The prober takes the last processor with a real-time priority, where a daemon would wait for it to end.
leave_probers_processor() {
    local last process
    last=$(($(nproc) - 1))
    ((last)) || return 0
    for process in $(pgrep -v -x owner.sh); do
        taskset --all-tasks --cpu-list --pid "0-$((last - 1))" "$process" || true
    done
}

wait_until() {
    local end=$((SECONDS + 60))
    until "$@" &>/dev/null; do
        ((SECONDS < end)) || { echo "owner.sh: not settled within a minute" >&2 && ip address >&2 && exit 1; }
        sleep 0.1
    done
}

main
