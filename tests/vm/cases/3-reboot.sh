# shellcheck shell=bash
# After a boot the network is there without anybody's help, also under another name of the uplink.
online() { vm 'systemctl show --property ActiveEnterTimestampMonotonic --value network-online.target'; }

# An emulated machine's first boot was another one's, long ago.
restart >/dev/null
holds 'systemctl is-active --quiet network-online.target'
without=$(online)
main_job enp1s0
restart >/dev/null
bridged enp1s0
# Other boots on the same machine may take longer for other reasons; nothing of ours stands in the way of this one.
chain=$(vm 'systemd-analyze critical-chain network-online.target')
contains "$chain" 'network-online.target' systemd-analyze
[[ $chain != *virt-bridge* ]] || fail "network-online.target waits for us:"$'\n'"$chain"
with=$(online)
say "$(printf 'network-online.target without %d ms, with %d ms after the start' $((without / 1000)) $((with / 1000)))"
answers_pings 192.0.2.10 || fail 'the host does not answer after the boot'
nothing_failed

configure_uplink "mac:$uplink_mac"
vm 'sed -i s/enp1s0/eth0/ /etc/network/interfaces'
restart net.ifnames=0 >/dev/null
bridged eth0
answers_pings 192.0.2.10 || fail 'the host does not answer after the boot with another name'
nothing_failed
