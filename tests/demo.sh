#!/bin/bash
# demo.sh DIR: shows a takeover and its undoing with the programs built in DIR, and fails if something is not as said.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Outside of a lab this would take over the real host's NIC.
[[ -d /run/lab/layers ]] || exec "$here/lab/lab.sh" --no-ra --install "$1" -- "${BASH_SOURCE[0]}"

bold=$'\e[1m' plain=$'\e[0m'
[[ -t 1 ]] || bold='' plain=''
guest_mac=52:54:00:00:00:30
pings=(
    "router 192.0.2.10" "router 2001:db8:0:1::10" "peer 192.0.2.10" "peer 2001:db8:0:1::10"
    "host 192.0.2.1" "host 2001:db8:0:1::1"
)

step() {
    printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

# show COMMAND...: as a person would type and see it
show() {
    echo "  # $*"
    "$@" | sed '/^$/d; s/^/    /'
}

fail() {
    echo "demo: $*" >&2
    exit 1
}

start_pings() {
    local ping from to there
    for ping in "${pings[@]}"; do
        read -r from to <<<"$ping"
        there=("$from")
        [[ $from != host ]] || there=()
        "${there[@]}" ping -D -n -i 0.01 "$to" >"/run/lab/$ping.ping" &
        ping_pids+=($!)
    done
}

# One line for each stream: of the answers' sequence numbers those that are missing, and the longest time without one.
report_pings() {
    local ping
    kill -INT "${ping_pids[@]}"
    wait "${ping_pids[@]}" || true
    printf '    %-8s %-18s %8s %6s %16s\n' from to answers lost 'longest silence'
    for ping in "${pings[@]}"; do
        # shellcheck disable=SC2086 # the two words of a stream
        awk -v line="$(printf '%-8s %-18s' $ping)" '
            match($0, /icmp_seq=[0-9]+/) {
                now = substr($1, 2) + 0
                if (answers++ && now - last > silence) silence = now - last
                last = now
                sequence = substr($0, RSTART + 9, RLENGTH - 9) + 0
            }
            END {
                lost = sequence - answers
                printf "    %s %8d %6d %13.1f ms\n", line, answers, lost, silence * 1000
                exit answers < 100 || lost > 2
            }' "/run/lab/$ping.ping" || fail "too many pings were lost: $ping"
    done
}

step "A host with one NIC on a LAN, in network namespaces of its own; beside it a router and a peer"
show ip -brief address
show ip route
state >/run/lab/before
printf '[bridge.br0]\nuplink = "eth0"\n' >/etc/virt-bridge.toml
show cat /etc/virt-bridge.toml

step "From now on router and peer ping the host, and the host the router, every 10 ms, by IPv4 and IPv6"
ping_pids=()
start_pings
sleep 1
echo "    ${#ping_pids[@]} streams of pings are running"

step "A libvirt network that uses a bridge br0, which is not there"
cat >/run/lab/bridge-network.xml <<'EOT'
<network>
  <name>bridge-network</name>
  <forward mode='bridge'/>
  <bridge name='br0'/>
</network>
EOT
show cat /run/lab/bridge-network.xml
show virsh net-define /run/lab/bridge-network.xml
show virsh net-start bridge-network

step "What libvirtd's hook, virt-bridge-network, did about that"
grep virt-bridge-network /run/lab/syslog | sed 's/^<[0-9]*>/    /'

step "br0 has the addresses, eth0 is its port"
show ip -brief address
show ip route
for address in 192.0.2.10/24 2001:db8:0:1::10/64; do
    [[ $(ip -brief address show br0) = *" $address "* ]] || fail "br0 has no $address"
done
[[ $(ip -brief link show master br0) = eth0* ]] || fail "eth0 is no port of br0"

step "A guest on that network: its tap becomes a port, and its firmware asks the LAN for an address"
lan-dhcp start --dhcp-boot=none
# Through cat, because AppArmor lets Debian's tcpdump write to a pipe, but not to our file.
peer timeout 60 tcpdump --immediate-mode -lntei lan -c1 "arp and ether src $guest_mac" 2>/dev/null | cat >/run/lab/arp &
arp=$!
show guest guest1 bridge-network
show ip -brief link show master br0
wait "$arp"
[[ -s /run/lab/arp ]] || fail "no ARP of the guest arrived at the peer"
echo "  What the peer saw of the guest's ARP on the LAN:"
sed 's/^/    /' /run/lab/arp
echo "  What the router's DHCP server gave it:"
awk '{ print "    " $2, $3 }' /run/lab/leases
show virsh destroy guest1

step "And back"
show virsh net-destroy bridge-network
show virt-bridge undo br0
show ip -brief address

step "The pings, through all of that"
report_pings

step "Links, addresses, routes and rules now, compared with before"
state >/run/lab/after
diff /run/lab/before /run/lab/after || fail "the host is not as it was"
echo "    no difference in $(wc -l </run/lab/before) objects"
