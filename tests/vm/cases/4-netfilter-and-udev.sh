# shellcheck shell=bash
# The real udevd applies the netfilter policy when br_netfilter is loaded, and gives a bridge its uplink back.
sysctls() { vm 'cat /proc/sys/net/bridge/bridge-nf-call-{ip,ip6,arp}tables | xargs'; }

vm 'modprobe br_netfilter'
[[ $(sysctls) = '1 1 1' ]] || fail 'the module has changed: it does not set the sysctls to 1'
vm 'modprobe --remove br_netfilter'

install_packages virt-bridge
milliseconds=$(vm '
    modprobe br_netfilter
    start=$(date +%s%3N)
    until [[ $(cat /proc/sys/net/bridge/bridge-nf-call-{ip,ip6,arp}tables | xargs) = "0 0 0" ]]; do
        (($(date +%s%3N) - start < 30000)) || exit
        sleep 0.02
    done
    echo $(($(date +%s%3N) - start))') || fail "the sysctls are $(sysctls) long after the module was loaded"
say "the policy holds $milliseconds ms after modprobe has ended"

# ran LINK: udevd has started our program for it since the events were last looked at
ran() { vm "journalctl --no-pager --boot --unit systemd-udevd | grep -q '$1: Running command.*virt-bridge-udev'"; }

if [[ $release = 13 ]]; then
    vm 'udevadm verify /usr/lib/udev/rules.d/90-virt-bridge.rules'
fi
configure '[bridge.br1]
uplink = "bond0"
[bridge.br2]
uplink = "lan5"'
vm 'udevadm control --log-level=debug
    modprobe dummy numdummies=0
    modprobe bonding max_bonds=0
    ip link add dummy0 up type dummy
    ip link add dummy1 type dummy
    ip link add team0 type team
    ip link add veth0 type veth peer name veth1
    ip link add bond0 type bond mode active-backup
    ip link set dummy1 master bond0
    ip link set bond0 up
    ip address add 198.51.100.1/24 dev bond0
    ip link add link dummy0 name lan5 up type vlan id 5
    ip address add 203.0.113.1/24 dev lan5
    udevadm settle'
for link in bond0 lan5 team0; do
    ran "$link" || fail "udevd has not started virt-bridge-udev for $link"
done
for link in dummy0 dummy1 veth0 veth1; do
    ! ran "$link" || fail "udevd has started virt-bridge-udev for $link"
done

vm 'virt-bridge up br1 && virt-bridge up br2'
holds 'ip -brief address show br1 | grep -q 198.51.100.1/24' 'ip -brief address show br2 | grep -q 203.0.113.1/24'
vm 'ip link delete bond0; ip link delete lan5
    ip link add bond0 type bond mode active-backup
    ip link add link dummy0 name lan5 type vlan id 5'
holds 'ip -brief link show master br1 | grep -q ^bond0' 'ip -brief link show master br2 | grep -q ^lan5'

vm 'echo br_netfilter >/etc/modules-load.d/lab.conf
    printf "# first line\nnet.bridge.bridge-nf-call-iptables = 1\n" >/etc/sysctl.d/99-lab.conf'
restart >/dev/null
holds '[[ $(cat /proc/sys/net/bridge/bridge-nf-call-{ip,ip6,arp}tables | xargs) = "0 0 0" ]]'
vm 'sysctl --quiet --system'
[[ $(sysctls) = '1 0 0' ]] || fail "sysctl --system has not written 1: $(sysctls)"
contains "$(vm 'virt-bridge netfilter show' || true)" '/etc/sysctl.d/99-lab.conf:2' 'virt-bridge netfilter show'
vm 'virt-bridge netfilter apply'
[[ $(sysctls) = '0 0 0' ]] || fail "virt-bridge netfilter apply leaves $(sysctls)"
nothing_failed
