# shellcheck shell=bash
# Packages: docker.io busybox-static
# Packages of 13: docker-cli
# Beside Docker, guests reach the LAN and containers keep their isolation; both shown by packets.
nf_call() { vm 'cat /proc/sys/net/bridge/bridge-nf-call-iptables'; }
is_not_filtered() { holds 'test "$(cat /proc/sys/net/bridge/bridge-nf-call-iptables)" = 0'; }
show() { vm 'virt-bridge netfilter show' || true; }

guest_is_reached() {
    answers_pings 192.0.2.30 || fail "the guest is not reached: $1"
    vm 'ip netns exec guest ping -c3 -W2 -q 192.0.2.20' >/dev/null || fail "the guest does not reach the LAN: $1"
}
guest_is_cut_off() { ! peer ping -c5 -W2 -q 192.0.2.30 >/dev/null || fail "the guest is reached: $1"; }

# containers: two of them; the second's address
containers() {
    vm 'docker rm --force box1 box2 &>/dev/null || true
        docker run --detach --name box1 box /busybox sleep 100000 >/dev/null
        docker run --detach --name box2 box /busybox sleep 100000 >/dev/null
        docker inspect --format "{{.NetworkSettings.IPAddress}}" box2'
}
containers_talk() { vm "docker exec box1 /busybox ping -c3 -W2 -q $1" >/dev/null; }

start_network_again() { vm 'virsh net-destroy bridge-network && virsh net-start bridge-network'; }

holds 'systemctl is-active --quiet docker'
vm 'mkdir /tmp/box && cp /bin/busybox /tmp/box && tar -C /tmp/box -c . | docker import - box'

# A bridge made by hand, without virt-bridge.
vm 'ip link add br0 up type bridge && ip link set enp1s0 master br0'
make_guest
[[ $(nf_call) = 1 ]] || fail 'Docker has changed: it does not set bridge-nf-call-iptables to 1'
guest_is_cut_off 'without virt-bridge Docker does no harm, and the test shows nothing'
vm 'echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables'
guest_is_reached 'it is not bridge netfilter that cuts it off'
vm 'echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables; ip link delete br0'
say 'without virt-bridge Docker cuts the guest off'

said=$(main_job enp1s0)
contains "$said" 'virt-bridge netfilter apply' 'the installation'
vm 'ip link set vnet0 master br0'
guest_is_reached 'Docker was there first'
address=$(containers)
containers_talk "$address" || fail 'containers do not reach each other as Docker has it by default'

vm 'systemctl stop docker.socket docker && rmmod br_netfilter && systemctl start docker'
is_not_filtered
guest_is_reached 'Docker came later'

vm 'echo "{\"icc\": false, \"userland-proxy\": false}" >/etc/docker/daemon.json && systemctl restart docker'
is_not_filtered
guest_is_reached 'Docker has icc=false'

# Without the unit, so that it is seen what it is for.
vm 'systemctl --quiet mask --runtime virt-bridge-netfilter-docker && systemctl restart docker'
[[ $(nf_call) = 1 ]] || fail 'Docker has changed: with icc=false it does not set bridge-nf-call-iptables to 1'
contains "$(show)" 'dockerd (/etc/docker/daemon.json' 'virt-bridge netfilter show'
guest_is_cut_off 'with icc=false Docker does no harm, and the test shows nothing'
start_network_again
guest_is_reached 'the network was started again'
vm 'systemctl --quiet unmask --runtime virt-bridge-netfilter-docker && systemctl restart docker'
is_not_filtered
guest_is_reached 'Docker has icc=false, and was started once more'
address=$(containers)
! containers_talk "$address" || fail 'containers reach each other with icc=false'
vm 'echo 0 >/sys/class/net/docker0/bridge/nf_call_iptables'
containers_talk "$address" || fail 'it is not the flag of docker0 that keeps containers apart: the test shows nothing'
vm 'virt-bridge netfilter apply'
! containers_talk "$address" || fail 'containers reach each other with icc=false'
say 'with icc=false the guest is reached, and containers do not reach each other'

# As kubelet's documentation asks for, by a process of its name.
vm 'cp /bin/busybox /usr/local/bin/kubelet
    modprobe br_netfilter && sysctl --quiet --write net.bridge.bridge-nf-call-iptables=1
    (exec -a sleep /usr/local/bin/kubelet 100000 &>/dev/null) &'
contains "$(show)" '[ ,]kubelet' 'virt-bridge netfilter show'
start_network_again
[[ $(nf_call) = 0 ]] || fail 'the next hook has not corrected what somebody wrote'
vm 'printf "[netfilter]\npolicy = \"leave\"\n" >/etc/virt-bridge.d/policy.toml
    sysctl --quiet --write net.bridge.bridge-nf-call-iptables=1'
start_network_again
[[ $(nf_call) = 1 ]] || fail 'with the policy "leave" the hook has changed what somebody wrote'
vm 'rm /etc/virt-bridge.d/policy.toml'

restart >/dev/null
bridged enp1s0
holds 'systemctl is-active --quiet docker'
holds 'journalctl --boot --quiet --unit virt-bridge-netfilter-docker | grep -q Finished'
is_not_filtered
make_guest
guest_is_reached 'after the boot'
address=$(containers)
! containers_talk "$address" || fail 'containers reach each other with icc=false after the boot'
nothing_failed
