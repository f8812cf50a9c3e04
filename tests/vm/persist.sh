# shellcheck shell=bash
# Sourced by the cases whose bridge lasts: what they share, whoever configures the uplink. One says of the machine how it
# is without the bridge (look), takes over (take_over), starts again (stay), and goes back (go_back).

# leave_to_others: ifupdown has enp1s0 no more, as in the image
leave_to_others() { vm 'printf "auto lo\niface lo inet loopback\n" >/etc/network/interfaces'; }

# write FILE MODE <TEXT
write() { vm "install -D -m $2 /dev/stdin $1 <<'EOT'"$'\n'"$(cat)"$'\nEOT'; }

# state LINK: its MAC, addresses, routes of all tables and name servers, without what runs down
state() {
    vm "
        cat /sys/class/net/$1/address
        ip -oneline address show dev $1 | sed 's/^[0-9]*: //; s/[\\\\] .*//'
        ip -4 route show table all dev $1
        ip -6 route show table all dev $1
        cat /etc/resolv.conf
        ! systemctl is-active --quiet systemd-resolved || resolvectl dns $1 | sed 's/^Link [0-9]*//'" |
        sed "s/\\b$1\\b/LINK/g; s/ expires [0-9]*sec//; s/ nhid [0-9]*//; s/ *\$//"
}

# A lease that networkd keeps while it takes the bridge over has no end, and its prefix no metric, until the next boot.
kept() { sed '/ inet /s/ metric [0-9]*//; / inet /s/ dynamic / /; s/\(proto kernel scope link src .*\) metric [0-9]*/\1/'; }

is_as_before() { [[ $(state "$1" | "$2") = "$("$2" <<<"$plain")" ]]; }

# as_before LINK [FILTER]: it has what enp1s0 had, behind FILTER; a lease and an advertisement may come late
as_before() {
    local filter=${2-cat}
    wait_for $((30 * patience)) is_as_before "$1" "$filter" ||
        same "$("$filter" <<<"$plain")" "$(state "$1" | "$filter")" "what $1 has"
    answers_pings 192.0.2.10 || fail '192.0.2.10 does not answer'
    answers_pings 2001:db8:0:1::10 || fail '2001:db8:0:1::10 does not answer'
}

# etc: every file's name, mode, owner and bytes
etc() {
    vm 'find /etc -printf "%p %y %m %u:%g %l\n" | sort
        find /etc -type f -print0 | sort -z | xargs -0 sha256sum'
}

# online: when network-online.target was reached, in ms; had somebody waited in vain, a unit would have failed
online() {
    holds 'systemctl is-active --quiet network-online.target'
    nothing_failed
    echo $(($(vm 'systemctl show --property ActiveEnterTimestampMonotonic --value network-online.target') / 1000))
}

# look: at the machine as it is without the bridge; then install
look() {
    answers_pings 2001:db8:0:1::10 || fail '2001:db8:0:1::10 does not answer'
    wait_for $((30 * patience)) is_complete || fail "enp1s0 lacks something: $plain"
    without=$(online)
    install_packages virt-bridge
    restart_libvirtd
    vm 'cp -a /etc /root/etc'
    files=$(etc)
}

# DAD and router advertisements need a moment.
is_complete() {
    plain=$(state enp1s0)
    [[ $plain = *' 192.0.2.10/24 '* && $plain = *' 2001:db8:0:1::10/64 '* && $plain != *tentative* &&
        $(grep -c '^default via' <<<"$plain") = 2 ]]
}

# take_over OWNER FILE PINGS: by one command, with FILE among what it writes for OWNER; PINGS is how many of each family
# may be lost, as a pattern. With until_boot= a filter for what is as before only from the next boot on.
take_over() {
    local planned said lost
    planned=$(vm 'virt-bridge plan br0 --uplink enp1s0 --persist')
    contains "$planned" "^+++ $2\$" 'the plan'
    same "$files" "$(etc)" '/etc, after a plan'
    watch_from_outside
    said=$(VM_SECONDS=120 vm 'virt-bridge up br0 --uplink enp1s0 --persist --network bridge-network')
    lost=$(lost_outside)
    say "$(grep -e handed -e 'taken over' <<<"$said")"
    say "$lost"
    contains "$said" "^wrote $2\$" up
    contains "$lost" "IPv4: $3 of" 'the peer'
    contains "$lost" "IPv6: $3 of" 'the peer'
    as_before br0 "${until_boot-cat}"
    is_well
    contains "$(vm 'cat /var/lib/virt-bridge/br0.json')" "\"owner\": \"$1\"" 'the backup'
}

# is_well: the network runs on a bridge with its uplink, which has nothing left, and check finds nothing
is_well() {
    holds "virsh net-info bridge-network | grep -q '^Active: *yes'" \
        "ip -brief link show master br0 | grep -q '^enp1s0 '" \
        '! ip address show dev enp1s0 | grep inet'
    vm 'virt-bridge check' || fail 'check finds something'
    nothing_failed
}

# stay: over a reboot, without help
stay() {
    restart >/dev/null
    as_before br0
    is_well
    say "$(printf 'network-online.target without br0 %d ms, with it %d ms after the start' "$without" "$(online)")"
    vm_put /root "$here/../lab/bin/guest"
    vm 'mkdir -p /run/lab && bash /root/guest g1 bridge-network 52:54:00:00:00:30'
    wait_for $((90 * patience)) has_lease 52:54:00:00:00:30 || fail 'the guest got no lease from the LAN'
    answers_pings "$(lease 52:54:00:00:00:30)" || fail 'the guest does not answer'
    say "the guest answers at $(lease 52:54:00:00:00:30)"
    # libvirt leaves the profile of a guest behind that it had only while it ran.
    vm 'virsh destroy g1 && rm -f /etc/apparmor.d/libvirt/libvirt-*-*'
}

# go_back: the files at once, the rest at the next boot
go_back() {
    local changed
    vm 'virsh net-destroy bridge-network && virsh net-undefine bridge-network
        virt-bridge undo br0'
    restart >/dev/null
    as_before enp1s0
    holds '! test -e /sys/class/net/br0'
    changed=$(vm 'diff --recursive --no-dereference /root/etc /etc' || true)
    [[ -z $changed ]] || fail "/etc is not as before:"$'\n'"$changed"
    same "$files" "$(etc)" /etc
    say "network-online.target after undo $(online) ms after the start"
}
