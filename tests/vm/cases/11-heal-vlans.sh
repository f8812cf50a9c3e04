# shellcheck shell=bash
# Taps that fell off their bridge come back with the VLANs and the isolation that libvirt itself gave them.
install_packages virt-bridge
configure '[bridge.br0]
uplink = "enp1s0"
vlan-filtering = true'
restart_libvirtd
define_network
vm 'virsh net-start bridge-network'
bridged enp1s0

# create NAME VLAN: it need not run to have its tap
create() {
    vm "virsh create --paused /dev/stdin <<EOT
<domain type='qemu'><name>$1</name><memory unit='MiB'>32</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices><interface type='network'><source network='bridge-network'/>$2<target dev='tap-$1'/></interface></devices>
</domain>
EOT"
}

# ports: VLANs and isolation of the guests' taps
ports() {
    vm 'for tap in tap-access tap-trunk tap-native tap-plain; do
        bridge -json vlan show dev $tap
        bridge -detail link show dev $tap | grep -o "isolated o[nf]*"
    done'
}

if [[ $release = 12 ]]; then
    # What no guest has need not be put back.
    refused=$(create access '<vlan><tag id="7"/></vlan>' 2>&1) && fail "libvirt 9 starts a guest with a VLAN: $refused"
    say 'libvirt 9 starts no guest with VLANs on a plain bridge'
    return
fi

create access '<vlan><tag id="7"/></vlan><port isolated="yes"/>'
create trunk '<vlan><tag id="7"/><tag id="9"/></vlan>'
create native '<vlan trunk="yes"><tag id="7"/><tag id="9" nativeMode="untagged"/></vlan>'
create plain ''
before=$(ports)
contains "$before" '"ifname":"tap-access","vlans":\[{"vlan":7,"flags":\["PVID","Egress Untagged"\]}\]' 'the bridge'
contains "$before" 'isolated on' 'the bridge'
vm 'for tap in tap-access tap-trunk tap-native tap-plain; do ip link set $tap nomaster; done'
contains "$(vm 'virt-bridge check tap-fallen || true')" 'tap-access of guest access has fallen off br0' 'check'
healed=$(vm 'virt-bridge heal')
say "$healed"
contains "$healed" 'tap-native of guest native becomes a port of br0 with VLAN 7, 9 again' 'heal'
same "$before" "$(ports)" 'what libvirt gave the taps'
vm 'virt-bridge check tap-fallen && test "$(virt-bridge heal)" = "nothing to do"'

# Without VLANs that are kept apart each would be where it must not be.
vm 'ip link set tap-access nomaster; ip link set br0 type bridge vlan_filtering 0'
contains "$(vm '! virt-bridge heal 2>&1')" 'it has VLANs, and br0 keeps none apart' 'heal'
contains "$(vm 'ip link show tap-access')" 'tap-access:' 'the host'
vm '! ip link show tap-access | grep -q master'
nothing_failed
