# What a takeover costs the host's traffic; sourced by run.sh.
# shellcheck shell=bash

bench_outage() {
    rig_create
    outage_probes
    outage_table
    echo
    outage_lookups
    rig_remove
}

outage_probes() {
    local round ways=(noise takeover undo blog best-order)
    for ((round = 0; round < RUNS; round++)); do
        for way in "${ways[@]}"; do
            # undo goes on from takeover's state.
            [ "$way" = undo ] || rig_reset
            outage_watch "$way" --tcp --warm-up-ms 100 --tail-ms 200 >>"$RESULTS/$way.json"
        done
    done
    rig_reset
    outage_watch takeover --tcp --tail-ms 10000 >"$RESULTS/takeover-10s.json"
    rig_reset
    prober --json --tcp --duration-ms 10000 >"$RESULTS/noise-10s.json"
}

# Watches one way of taking over: outage_watch WAY PROBER-OPTION…
outage_watch() {
    local way=$1
    shift
    case $way in
    noise) set -- "$@" --duration-ms 330 ;;
    takeover) set -- "$@" -- ip netns exec host "$VIRT_BRIDGE" up br0 --uplink eth0 ;;
    undo) set -- "$@" -- ip netns exec host "$VIRT_BRIDGE" undo br0 ;;
    *) set -- "$@" -- ip netns exec host sh "$HERE/$way.sh" ;;
    esac
    prober --json "$@" 2>"$RESULTS/stderr" || { cat "$RESULTS/stderr" >&2 && return 1; }
}

outage_table() {
    echo "Outage, $RUNS runs each by turns; probes every 200 µs both ways; lost is the sum of both directions."
    echo "Median / worst. The watch ends 200 ms after the command, so no outage is counted beyond that."
    printf '%-14s%14s%14s%18s%18s%18s%8s%15s%15s\n' \
        '' 'lost v4' 'lost v6' 'silent v4 ms' 'silent v6 ms' 'tcp stall ms' broken 'blind ms' 'command ms'
    local way
    for way in noise takeover undo blog best-order noise-10s takeover-10s; do
        jq --slurp --raw-output --arg way "$way" '
            def cell($digits): sort | [.[(length / 2 | floor)], .[-1]]
                | map(. * pow(10; $digits) | round / pow(10; $digits) | tostring) | join(" / ");
            def wide($width): tostring | (" " * ($width - length)) + .;
            def family($name): map(select(.name | contains($name)));
            def silence: map(.longest_us / 1000) | max;
            . as $runs | [
                ([$runs[] | .udp | family("v4") | map(.lost) | add] | cell(0) | wide(14)),
                ([$runs[] | .udp | family("v6") | map(.lost) | add] | cell(0) | wide(14)),
                ([$runs[] | .udp | family("v4") | silence] | cell(2) | wide(18)),
                ([$runs[] | .udp | family("v6") | silence] | cell(2) | wide(18)),
                ([$runs[] | .tcp | silence] | cell(2) | wide(18)),
                ([$runs[] | .tcp[] | select(.error)] | length | wide(8)),
                ([$runs[] | .pauses.probes.longest_us / 1000] | cell(2) | wide(15)),
                ([$runs[] | .command.ms // 0] | cell(1) | wide(15))
            ] | add | ($way + " " * (14 - ($way | length))) + .' "$RESULTS/$way.json"
    done
    echo "broken: TCP streams that had not delivered everything half a second later; blind: the prober itself had no processor."
}

outage_lookups() {
    local round way
    for ((round = 0; round < (RUNS + 9) / 10; round++)); do
        for way in noise takeover undo blog best-order; do
            [ "$way" = undo ] || rig_reset
            outage_watch "$way" --without-probes --warm-up-ms 100 --tail-ms 200 --lookup 192.0.2.1 --lookup 203.0.113.1 \
                --lookup 2001:db8::1 --lookup 2001:db8:ffff::1 >>"$RESULTS/lookups-$way.json"
        done
    done
    echo "Route lookups of both gateways and of an address behind each, in a loop, in the sum of $round runs."
    printf '%-14s%12s%12s%16s%20s%12s\n' '' lookups failed 'other source' 'longest without ms' 'blind ms'
    for way in noise takeover undo blog best-order; do
        jq --slurp --raw-output '([.[].pauses.lookups.longest_us] | max / 1000) as $blind | [.[].lookups[]]
            | [(map(.lookups) | add), (map(.failed) | add), (map(.other_source) | add),
                (map(.longest_without_us) | max / 1000), $blind] | map(tostring) | join(" ")' \
            "$RESULTS/lookups-$way.json" |
            while read -r lookups failed other without blind; do
                printf '%-14s%12s%12s%16s%20.3f%12.2f\n' "$way" "$lookups" "$failed" "$other" "$without" "$blind"
            done
    done
}
