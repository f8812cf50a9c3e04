# Takeovers of an uplink with many routes and addresses; sourced by run.sh.
# shellcheck shell=bash

bench_scale() {
    local count round
    echo "Takeover of 100 addresses and many routes, half IPv4 and half IPv6, 5 runs each; the kernel's minimum is the"
    echo "same messages sent again with nothing around them (refused: answered with an error); lost and silence are the"
    echo "worst of 5 more takeovers, by probes every 200 µs; blind: the prober itself had no processor."
    printf '%-8s%14s%13s%10s%9s%14s%8s%10s%10s%14s%14s%10s\n' routes 'takeover ms' 'µs a route' messages refused \
        'minimum ms' ratio 'lost v4' 'lost v6' 'silent v4 ms' 'silent v6 ms' 'blind ms'
    for count in 1000 3000 10000; do
        scale_record "$count"
        for ((round = 0; round < 5; round++)); do
            scale_takeover "$count" >>"$RESULTS/takeover-$count"
            scale_replay "$count" >>"$RESULTS/replay-$count"
            scale_outage "$count" >>"$RESULTS/outage-$count"
        done
        scale_row "$count"
    done
    scale_rehearsal
}

# The promise is 3 s for a host with 1,000 routes.
scale_rehearsal() {
    local round
    scale_host 1000
    for ((round = 0; round < 5; round++)); do
        in_host "$VIRT_BRIDGE" plan br0 --uplink eth0 --rehearse --json >"$RESULTS/rehearsal"
        jq '.rehearsal.microseconds / 1000' "$RESULTS/rehearsal" >>"$RESULTS/rehearsals"
    done
    rig_remove
    jq --slurp --raw-output '"Rehearsal with 1,000 routes: median \(sort[2]) ms, worst \(max) ms of 5"' "$RESULTS/rehearsals"
}

# A new host each time: a recording holds interface indexes, and the next br0 on the same host would get another.
scale_host() {
    rig_create
    scale_load "$1" | ip -n host -batch -
}

scale_load() {
    local i
    for ((i = 0; i < 50; i++)); do
        printf 'addr add 192.0.2.%d/24 dev eth0\n' $((100 + i))
        printf 'addr add 2001:db8::%x/64 dev eth0 nodad\n' $((256 + i))
    done
    for ((i = 0; i < $1 / 2; i++)); do
        printf 'route add 10.%d.%d.0/24 via 192.0.2.1\n' $((i / 256)) $((i % 256))
        printf 'route add 2001:db8:%x::/48 via 2001:db8::1\n' $((i + 1))
    done
}

scale_record() {
    scale_host "$1"
    in_host strace --follow-forks -yy --trace=sendmsg,sendto --write=all --string-limit=1 --output="$RESULTS/recording-$1" \
        "$VIRT_BRIDGE" up br0 --uplink eth0 >/dev/null
    rig_remove
}

# Prints the milliseconds of one takeover.
scale_takeover() {
    scale_host "$1"
    # shellcheck disable=SC2016  # for the inner shell, so that entering the namespace is not measured
    in_host bash -ec 'start=${EPOCHREALTIME/./}; "$@" >/dev/null; echo $(((${EPOCHREALTIME/./} - start) / 10))e-2' \
        bash "$VIRT_BRIDGE" up br0 --uplink eth0
    rig_remove
}

scale_replay() {
    scale_host "$1"
    in_host "$BUILT/examples/replay" "$RESULTS/recording-$1"
    rig_remove
}

scale_outage() {
    scale_host "$1"
    prober --json --tail-ms 300 -- ip netns exec host "$VIRT_BRIDGE" up br0 --uplink eth0 2>/dev/null
    rig_remove
}

scale_row() {
    jq --null-input --raw-output --argjson routes "$1" --slurpfile takeover "$RESULTS/takeover-$1" \
        --slurpfile replay "$RESULTS/replay-$1" --slurpfile outage "$RESULTS/outage-$1" '
        def median: sort | .[length / 2 | floor];
        def family($name): map(.udp | map(select(.name | contains($name))));
        def rounded: . * 100 | round / 100;
        ($takeover | median) as $mine | ($replay | map(.ms) | median) as $least
        | [$routes, $mine, ($mine * 1000 / $routes | rounded),
            $replay[0].messages, $replay[0].refused,
            ($least | rounded), ($mine / $least | rounded),
            ($outage | (family("v4") | map(map(.lost) | add) | max), (family("v6") | map(map(.lost) | add) | max),
                (family("v4") | map(map(.longest_us) | max) | max / 1000 | rounded),
                (family("v6") | map(map(.longest_us) | max) | max / 1000 | rounded),
                (map(.pauses.probes.longest_us) | max / 1000 | rounded))]
        | map(tostring) | join(" ")' |
        while read -r routes mine each messages refused least ratio lost4 lost6 silent4 silent6 blind; do
            printf '%-8s%14s%12s%10s%9s%14s%8s%10s%10s%14s%14s%10s\n' "$routes" "$mine" "$each" "$messages" "$refused" "$least" \
                "$ratio" "$lost4" "$lost6" "$silent4" "$silent6" "$blind"
        done
}
