# shellcheck shell=bash
# Packages: ufw firewalld
# A host's firewall that forwards nothing does not stop guests on a bridge.

# is_answered: a port of the guest's on which nobody listens is refused, unless somebody on the way drops or rejects that.
# Not a ping, which ufw forwards whatever its policy.
is_answered() { [[ $(peer timeout 3 bash -c '</dev/tcp/192.0.2.30/9' 2>&1) = *'Connection refused'* ]]; }

# behind_the_firewall WHAT: with br_netfilter loaded, which is when a firewall of the host can see bridged packets
behind_the_firewall() {
    wait_for $((20 * patience)) is_answered || fail "the guest is not reached: $1"
    vm 'sysctl --quiet --write net.bridge.bridge-nf-call-iptables=1'
    ! is_answered || fail "$1 lets everything pass: the test shows nothing"
    vm 'virt-bridge netfilter apply'
    wait_for $((20 * patience)) is_answered || fail "the guest is not reached any more: $1"
    say "$1 stops bridged guests where bridge netfilter is on, and does not where virt-bridge has turned it off"
}

vm 'systemctl disable --now firewalld'
main_job enp1s0
vm 'modprobe br_netfilter'
make_guest

vm 'ufw --force enable'
behind_the_firewall ufw
vm 'ufw disable'

vm 'systemctl start firewalld'
# Debian 12's lets everything pass between links of one zone, and br0 is one with itself.
vm 'firewall-cmd --quiet --zone=public --remove-forward'
behind_the_firewall firewalld
vm 'systemctl stop firewalld'

vm 'nft add table inet lab; nft "add chain inet lab forward { type filter hook forward priority 0; policy drop; }"'
behind_the_firewall 'policy drop of nftables'
nothing_failed
