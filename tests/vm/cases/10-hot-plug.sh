# shellcheck shell=bash
# An uplink that is unplugged and plugged again is a port of its bridge again, by the real udevd in its sandbox.
is_here() { vm 'test -e /sys/class/net/enp1s0'; }
is_gone() { ! is_here; }

main_job enp1s0
for round in first second; do
    unplug_uplink
    wait_for $((30 * patience)) is_gone || fail "the $round time the NIC does not go"
    ! peer ping -c2 -W2 -q 192.0.2.10 >/dev/null || fail "the machine answers without its NIC"
    bridge=$(vm 'ip -brief address show br0')
    contains "$bridge" '192.0.2.10/24' "the $round time br0"
    plug_uplink
    wait_for $((30 * patience)) is_here || fail "the $round time the NIC does not come back"
    bridged enp1s0
    answers_pings 192.0.2.10 || fail "the $round time the machine does not answer"
    answers_pings 2001:db8:0:1::10 || fail "the $round time the machine does not answer over IPv6"
done
log=$(vm 'journalctl --no-pager --boot --output cat --identifier virt-bridge-udev')
[[ $(grep -c '^enp1s0 is here' <<<"$log") = 2 ]] || fail "the journal does not have two returns of the NIC:"$'\n'"$log"
say "$log"
nothing_failed
