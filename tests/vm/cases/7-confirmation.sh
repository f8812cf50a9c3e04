# shellcheck shell=bash
# Where nobody confirms, and command and guardian are killed, systemd's timer takes the bridge back.
install_packages virt-bridge
configure_uplink enp1s0
vm '(setsid virt-bridge up br0 --confirm 15s </dev/null &>/run/up) &
    until grep -q "\"taken_over\":true" /run/virt-bridge/br0.confirm 2>/dev/null; do :; done
    ip -brief address show br0 | grep -q 192.0.2.10/24
    systemctl is-active --quiet "virt-bridge-guard-*.timer"
    kill -KILL $(pidof virt-bridge)
    until ! pidof virt-bridge; do :; done'
answers_pings 192.0.2.10 || fail 'the host does not answer while nobody is left'
holds '! test -e /sys/class/net/br0' '! test -e /run/virt-bridge/br0.confirm' \
    'ip -brief address show enp1s0 | grep -q " 192.0.2.10/24 2001:db8:0:1::10/64"' \
    "ip route | grep -q '^default via 192.0.2.1 dev enp1s0'" \
    '! systemctl list-units --all --plain --no-legend "virt-bridge-guard-*" | grep .'
answers_pings 192.0.2.10 || fail 'the host does not answer after the bridge was taken back'
answers_pings 2001:db8:0:1::10 || fail 'the host does not answer over IPv6 after the bridge was taken back'
log=$(vm 'journalctl --no-pager --boot --output cat --identifier virt-bridge')
contains "$log" 'br0 was not confirmed in time' 'the journal'
say "$(grep 'was not confirmed' <<<"$log")"

vm '(setsid virt-bridge up br0 --confirm 15s </dev/null &>/run/up) &
    until grep -q "\"taken_over\":true" /run/virt-bridge/br0.confirm 2>/dev/null; do :; done
    kill -KILL $(pidof virt-bridge)
    virt-bridge confirm
    sleep 20
    ip -brief address show br0 | grep -q 192.0.2.10/24'
holds '! systemctl list-units --all --plain --no-legend "virt-bridge-guard-*" | grep .'
nothing_failed
