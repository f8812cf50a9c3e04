# shellcheck shell=bash
# Whatever the power cut interrupts, the next boot has a working network.

# cut_when CONDITION COMMANDS: the power, at that moment of what COMMANDS do; then on again
cut_when() {
    vm "($2) &>/root/interrupted & until $1; do :; done"
    power_cut
    power_on
}

# As long as it does not answer, whoever waits for the router is in the middle of its takeover.
silence_router() {
    vm 'ping -c1 -W5 -q 192.0.2.1; ping -c1 -W5 -q 2001:db8:0:1::1' >/dev/null
    router ip link set lan down
}
bring_router_back() {
    router ip link set lan up
    router ip address replace 2001:db8:0:1::1/64 dev lan nodad
    router ip address replace fe80::1/64 dev lan nodad
}

# works WHAT: the network, after that
works() {
    wait_until_up >/dev/null
    bridged enp1s0
    answers_pings 192.0.2.10 || fail "no IPv4 after a power cut $1"
    answers_pings 2001:db8:0:1::10 || fail "no IPv6 after a power cut $1"
    nothing_failed
    say "the network works after a power cut $1"
}

interfaces() { vm 'cat /etc/network/interfaces'; }

install_packages virt-bridge
configure '[bridge.br0]
uplink = "enp1s0"
gateway-check = "100s"
[hook]
deadline = "120s"'
restart_libvirtd
define_network
vm sync
before=$(interfaces)

silence_router
cut_when 'test -e /run/virt-bridge/br0.journal && test -e /sys/class/net/enp1s0/master' 'virsh net-start bridge-network'
bring_router_back
works 'in a takeover'

silence_router
cut_when 'test -e /run/virt-bridge/br0.journal' 'virt-bridge undo br0'
bring_router_back
works 'in an undo'

cut_when 'grep -q br0 /etc/network/interfaces' 'virt-bridge up br0 --persist'
works 'when --persist has written /etc/network/interfaces'
[[ $(interfaces) != "$before" ]] || fail '/etc/network/interfaces was not on the disk yet: the test shows nothing'

cut_when '! grep -q br0 /etc/network/interfaces' 'virt-bridge undo br0'
works 'when undo has written it back'
same "$before" "$(interfaces)" /etc/network/interfaces

cut_when 'test -e /usr/sbin/virt-bridge.dpkg-new' 'dpkg --install /root/packages/virt-bridge_*.deb'
works 'in an upgrade'
audit=$(vm 'dpkg --audit')
contains "$audit" virt-bridge 'dpkg --audit'
vm 'dpkg --install /root/packages/virt-bridge_*.deb && test -z "$(dpkg --audit)"'
restart_libvirtd
vm 'virsh net-destroy bridge-network && virsh net-start bridge-network'
bridged enp1s0
nothing_failed
