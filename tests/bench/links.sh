# The hook on a host with thousands of other links; sourced by run.sh.
# shellcheck shell=bash

bench_links() {
    rig_create
    noop_takeover
    echo "Hook with the bridge right already, $((RUNS * 3)) runs, before and after 4,000 other links."
    links_pair
    links_batch | ip -n host -batch -
    echo "with $(ip -n host -o link show type veth | wc -l) veths:"
    links_pair
    rig_remove
}

links_pair() {
    in_host "$BUILT/examples/pair" --runs $((RUNS * 3)) --stdin "$HERE/bridge-network.xml" \
        "nothing=$BUILT/examples/nothing" "virt-bridge-network=$HOOK bridge-network start begin -"
}

links_batch() {
    local i
    for ((i = 0; i < 2000; i++)); do
        echo "link add left$i type veth peer name right$i"
    done
}
