# What handing the uplink over costs with each owner, ours beside the owner's own way; sourced by run.sh.
# shellcheck shell=bash

bench_owners() {
    local owner way round rounds=$(((RUNS + 9) / 10))
    for ((round = 0; round < rounds; round++)); do
        for owner in ifupdown dhclient networkd network-manager; do
            "$HERE/../lab/lab.sh" --no-libvirt --no-ra --install "$(dirname "$VIRT_BRIDGE")" -- \
                "$HERE/owner.sh" "$owner" "$BUILT/examples/prober" >>"$RESULTS/owner-$owner.json" \
                2>"$RESULTS/owner.log" || { cat "$RESULTS/owner.log" >&2 && return 1; }
        done
    done
    echo "Handing the uplink over for good, $rounds hosts each; probes every 200 µs both ways, the watch ends 5 s after the"
    echo "command. \"own way\": the same files put there by hand, and what the owner's manual says. Median / worst."
    printf '%-42s%18s%18s%18s%18s%18s\n' '' 'lost v4' 'lost v6' 'silent v4 ms' 'silent v6 ms' 'command ms'
    for owner in ifupdown dhclient networkd network-manager; do
        for way in up undo own; do
            owners_row "$owner" "$way"
        done
    done
    echo "dhclient has no IPv6 of its own here. netplan lets networkd or NetworkManager do it."
}

owners_row() {
    jq --slurp --raw-output --arg owner "$1" --arg way "$2" '
        def cell($digits): sort | [.[(length / 2 | floor)], .[-1]]
            | map(. * pow(10; $digits) | round / pow(10; $digits) | tostring) | join(" / ");
        def wide($width): tostring | (" " * ($width - length)) + .;
        def family($name): map(select(.name | contains($name)));
        def lost($name): [.[].udp | family($name) | select(. != []) | map(.lost) | add];
        def silence($name): [.[].udp | family($name) | select(. != []) | map(.longest_us / 1000) | max];
        def column($digits): (if . == [] then "-" else cell($digits) end) | wide(18);
        map(select(.way == $way)) | (.[0].said | ($owner + ": " + .)) as $title |
        ($title + " " * (42 - ($title | length))) + (lost("v4") | column(0)) + (lost("v6") | column(0))
            + (silence("v4") | column(1)) + (silence("v6") | column(1)) + ([.[].command.ms] | column(0))' \
        "$RESULTS/owner-$1.json"
}
