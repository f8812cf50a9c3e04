# The policy for bridge netfilter: a thousand bridges at once, and what the module's event costs; sourced by run.sh.
# shellcheck shell=bash

UDEV_PROGRAM=${UDEV_PROGRAM:-$BUILT/virt-bridge-udev}
NETFILTER_KEYS=(iptables ip6tables arptables)

bench_netfilter() {
    ip netns add host
    # As the blog has it, and where systemd-sysctl finds it, too.
    printf 'net.bridge.bridge-nf-call-%s = 0\n' "${NETFILTER_KEYS[@]}" >/etc/sysctl.d/bridge.conf
    netfilter_module
    echo
    netfilter_thousand
    rm /etc/sysctl.d/bridge.conf
    ip netns del host
}

# The sysctls as the module leaves them, before each run.
netfilter_module() {
    local program='' run
    export SUBSYSTEM=module ACTION=add
    local programs=(nothing virt-bridge-udev 'virt-bridge-udev again' 'sysctl -p FILE' systemd-sysctl)
    local -A command=(
        [nothing]=$BUILT/examples/nothing
        [virt-bridge-udev]=$UDEV_PROGRAM
        ['virt-bridge-udev again']=$UDEV_PROGRAM
        ['sysctl -p FILE']='/sbin/sysctl -q -p /etc/sysctl.d/bridge.conf'
        [systemd-sysctl]='/lib/systemd/systemd-sysctl --prefix=/net/bridge'
    )
    # shellcheck disable=SC2153  # run.sh sets RUNS
    echo "The module's event: three sysctls from 1 to 0, $RUNS runs each by turns."
    for ((run = 0; run < RUNS; run++)); do
        for program in "${programs[@]}"; do
            netfilter_sysctls 1
            netfilter_time "${command[$program]}" >>"$RESULTS/module-$program"
            [[ $program = nothing ]] || netfilter_check 0
        done
    done
    printf '%-24s%11s%11s%11s%11s\n' '' 'p10 µs' 'median µs' 'ratio' 'syscalls'
    for program in "${programs[@]}"; do
        netfilter_sysctls 1
        # shellcheck disable=SC2086  # a command is several words
        in_host strace --follow-forks --summary-only --summary-columns=calls,name --output="$RESULTS/calls" \
            ${command[$program]}
        netfilter_line "$program" "$RESULTS/module-$program" "$RESULTS/module-virt-bridge-udev" \
            "$(awk '$2 == "total" { print $1 }' "$RESULTS/calls")"
    done
}

netfilter_thousand() {
    local i run way runs=$(((RUNS + 19) / 20))
    for ((i = 1000; i < 2000; i++)); do echo "link add podman$i type bridge"; done | ip -n host -batch -
    for ((i = 1000; i < 2000; i++)); do echo "link set podman$i type bridge nf_call_iptables 0"; done >"$RESULTS/reset"
    sed 's/0$/1/' "$RESULTS/reset" >"$RESULTS/batch"
    { echo '#!/bin/bash'; echo '/sbin/sysctl -q -p /etc/sysctl.d/bridge.conf'; sed 's/^/ip /' "$RESULTS/batch"; } \
        >"$RESULTS/by-hand"
    { echo '#!/bin/bash'; echo '/sbin/sysctl -q -p /etc/sysctl.d/bridge.conf'; echo "ip -batch $RESULTS/batch"; } \
        >"$RESULTS/in-a-batch"
    chmod +x "$RESULTS/by-hand" "$RESULTS/in-a-batch"
    echo "A thousand containers' bridges, $runs runs each by turns: by hand one flag of three, by us all three."
    local ways=(virt-bridge-udev 'sysctl, 1000 × ip' 'sysctl, ip -batch')
    local commands=("$UDEV_PROGRAM" "$RESULTS/by-hand" "$RESULTS/in-a-batch")
    for ((run = 0; run < runs; run++)); do
        for way in 0 1 2; do
            netfilter_sysctls 1
            ip -n host -batch "$RESULTS/reset"
            netfilter_time "${commands[way]}" >>"$RESULTS/thousand-$way"
        done
    done
    printf '%-24s%11s%11s%11s\n' '' 'p10 µs' 'median µs' 'ratio'
    for way in 0 1 2; do
        netfilter_line "${ways[way]}" "$RESULTS/thousand-$way" "$RESULTS/thousand-0" ''
    done
}

netfilter_sysctls() {
    in_host /bin/sh -c "for key in ${NETFILTER_KEYS[*]}; do echo $1 >/proc/sys/net/bridge/bridge-nf-call-\$key; done"
}

# A run that did nothing would be fast.
netfilter_check() {
    local found
    found=$(in_host cat /proc/sys/net/bridge/bridge-nf-call-{ip,ip6,arp}tables | xargs)
    [[ $found = "$1 $1 $1" ]] || { echo "bench: the sysctls are $found" >&2 && return 1; }
}

# Microseconds of a command in the host's namespace, which this shell's child is in already.
netfilter_time() {
    # shellcheck disable=SC2016
    in_host bash -c 'begun=${EPOCHREALTIME/./}; $1 >/dev/null; echo $((${EPOCHREALTIME/./} - begun))' timed "$1"
}

# netfilter_line NAME TIMES FIRST SYSCALLS: the best tenth, because a dump waits for whoever else changes links, the
# median, and its ratio to FIRST's.
netfilter_line() {
    local mine first
    mine=$(netfilter_quantile "$2" 0.5) first=$(netfilter_quantile "$3" 0.5)
    printf '%-24s%11s%11s%11s%11s\n' "$1" "$(netfilter_quantile "$2" 0.1)" "$mine" \
        "$(awk "BEGIN { printf \"%.2f\", $mine / $first }")" "$4"
}

netfilter_quantile() {
    sort -n "$1" | awk -v part="$2" '{ value[NR] = $1 } END { print value[int(NR * part) + (NR * part < 1)] }'
}
