# shellcheck shell=bash
# A started network has its bridge, the host answers all the while, and a guest is on the LAN.
install_packages virt-bridge
configure_uplink enp1s0
rehearsal=$(vm 'virt-bridge plan br0 --rehearse')
contains "$rehearsal" 'takeover: done' 'the rehearsal'
contains "$rehearsal" 'undo: done' 'the rehearsal'
contains "$rehearsal" 'enp1s0, hardware and its driver: a veth stands in' 'the rehearsal'
say "$(grep '^rehearsal, ' <<<"$rehearsal")"
restart_libvirtd
define_network

watch_from_outside
vm 'virsh net-start bridge-network'
bridged enp1s0
lost=$(lost_outside)
say "$lost"
# What takes the kernel 0.1 ms takes it tens under emulation: a few pings of fifty a second may fall into that.
contains "$lost" 'IPv4: [0-5] of' 'the peer'
contains "$lost" 'IPv6: [0-5] of' 'the peer'

hook=$(vm 'journalctl --no-pager --boot --output cat --identifier virt-bridge-network')
contains "$hook" 'br0' 'the journal'
say "$(grep -m1 br0 <<<"$hook")"

vm_put /root "$here/../lab/bin/guest"
vm 'mkdir -p /run/lab && bash /root/guest g1 bridge-network 52:54:00:00:00:30'
wait_for $((90 * patience)) has_lease 52:54:00:00:00:30 || fail 'the guest got no lease from the LAN'
address=$(lease 52:54:00:00:00:30)
answers_pings "$address" || fail "the guest does not answer at $address"
say "the guest answers at $address"

# VLANs, which not every kernel has that the other tests run on.
vm 'virt-bridge why g1' >/dev/null || fail 'something is wrong with the way of a guest that answers'
why=$(vm 'ip link set br0 type bridge vlan_filtering 1
    bridge vlan delete dev enp1s0 vid 1
    virt-bridge why g1 || true')
contains "$why" 'enp1s0 does not carry VLAN 1 of vnet0' 'virt-bridge why'
mend=$(sed -n 's/^ *mend: *//p' <<<"$why")
say "$mend"
vm "$mend && virt-bridge why g1" >/dev/null || fail "it is not mended by: $mend"
nothing_failed
