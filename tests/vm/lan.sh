# shellcheck shell=bash
# Sourced: the lab's LAN (see tests/lab/network.sh), with the machine in place of the lab's host:
#
#   machine               switch              router 192.0.2.1, DHCP (the machine's own, else from 192.0.2.100), TFTP
#   enp1s0 192.0.2.10 ─── nic0 ┐
#          2001:db8:0:1::10    ├───────────── peer 192.0.2.20

in_switch=(nsenter --net=/run/netns/switch --)

build_lan() {
    build_network
    ip link delete eth0
    switch ip tuntap add dev nic0 mode tap
    switch ip link set nic0 addrgenmode none master lan up
    mkdir /run/tftp
    # A guest's firmware that waits in its own loop answers pings.
    printf '#!ipxe\nsleep 3600\n' >/run/tftp/wait.ipxe
    router dnsmasq --conf-file=/dev/null --user=root --pid-file=/run/dnsmasq.pid --leasefile-ro \
        --interface=lan --bind-interfaces --dhcp-range=192.0.2.100,192.0.2.150 --log-dhcp \
        --dhcp-host="$uplink_mac,192.0.2.10" \
        --enable-tftp --tftp-root=/run/tftp --dhcp-boot=wait.ipxe --log-facility="$machine/dnsmasq.log"
}

# advertise_prefix: 2001:db8:0:1::/64, and the router as the way out
advertise_prefix() {
    router dnsmasq --conf-file=/dev/null --user=root --port=0 --pid-file=/run/advertiser.pid \
        --interface=lan --bind-interfaces --enable-ra --dhcp-range=2001:db8:0:1::,ra-only
}

# watch_from_outside: ping the machine's addresses from the peer, fifty times a second each, until lost_outside
watch_from_outside() {
    peer ping -n -D -i 0.02 192.0.2.10 >"$machine/ping4" &
    watchers=($!)
    peer ping -n -D -i 0.02 2001:db8:0:1::10 >"$machine/ping6" &
    watchers+=($!)
    wait_for 30 grep -q icmp_seq= "$machine/ping4" || fail "192.0.2.10 does not answer"
    wait_for 30 grep -q icmp_seq= "$machine/ping6" || fail "2001:db8:0:1::10 does not answer"
}

# lost_outside: end it; "LOST of SENT pings lost, longest silence SECONDS s" of both families
lost_outside() {
    local family
    # It answers at the end, so that whatever was not answered before counts.
    answers_pings 192.0.2.10 || fail '192.0.2.10 does not answer any more'
    answers_pings 2001:db8:0:1::10 || fail '2001:db8:0:1::10 does not answer any more'
    sleep 2
    kill -INT "${watchers[@]}"
    wait "${watchers[@]}" || true
    for family in 4 6; do
        # The last ones may still be under way; before the last answer every number has to be there.
        sed -n 's/^\[\([0-9.]*\)\].*icmp_seq=\([0-9]*\) .*time=.*/\1 \2/p' "$machine/ping$family" |
            awk -v family=$family '
            !seen[$2]++ { answers++ }
            $2 > last { last = $2 }
            before && $1 - before > silence { silence = $1 - before }
            { before = $1 }
            END {
                printf "IPv%s: %d of %d pings lost, longest silence %.2f s\n", family, last - answers, last, silence
            }'
    done
}

# answers_pings ADDRESS: of the peer
answers_pings() { wait_for $((20 * patience)) peer ping -c1 -W2 -q "$1" >/dev/null; }

# lease MAC: the address that the router's DHCP server gave it
lease() { sed -n "s/.*DHCPACK(lan) \([0-9.]*\) $1.*/\1/p" "$machine/dnsmasq.log" | tail -n 1; }

has_lease() { [[ -n $(lease "$1") ]]; }
