# What the hook costs when the bridge is right already; sourced by run.sh.
# shellcheck shell=bash

bench_noop() {
    local call="bridge-network start begin -" hook_data=$HERE/bridge-network.xml
    rig_create
    noop_takeover
    noop_install
    echo "Hook with the bridge right already, $((RUNS * 3)) runs each by turns."
    in_host "$BUILT/examples/pair" --runs $((RUNS * 3)) --stdin "$hook_data" \
        "nothing=$installed/nothing" "nothing again=$installed/nothing" "virt-bridge-network=$installed/hook $call" \
        "shell hook=$HERE/shell-hook.sh $call" "python hook=$HERE/python-hook.py $call"
    printf '%-24s%11s%11s\n' '' 'syscalls' 'peak KiB'
    noop_costs nothing "$installed/nothing"
    # shellcheck disable=SC2086  # $call is several words
    {
        noop_costs virt-bridge-network "$installed/hook" $call
        noop_costs 'shell hook' "$HERE/shell-hook.sh" $call
        noop_costs 'python hook' "$HERE/python-hook.py" $call
    }
    rm -r "$installed"
    rig_remove
}

# Copies of the programs, as a package leaves them: a linker writes a file through a mapping, page by page, and what is
# mapped from the page cache afterwards takes more faults than what was written in one go.
noop_install() {
    installed=$(mktemp -d /var/tmp/virt-bridge-bench.XXXXXX)
    cp "$BUILT/examples/nothing" "$installed/nothing"
    cp "$HOOK" "$installed/hook"
}

# The hook itself takes over, which shows that it would act here if the bridge were not right.
noop_takeover() {
    in_host "$HOOK" bridge-network start begin - <"$HERE/bridge-network.xml"
    ip -n host -o link show dev eth0 | grep --quiet ' master br0 ' || { echo "bench: the hook made no bridge" >&2 && return 1; }
}

# System calls and peak memory of a command: noop_costs NAME COMMAND…
noop_costs() {
    local name=$1 calls peak
    shift
    in_host strace --follow-forks --summary-only --summary-columns=calls,name --output="$RESULTS/calls" "$@" <"$hook_data"
    calls=$(awk '$2 == "total" { print $1 }' "$RESULTS/calls")
    peak=$(in_host /usr/bin/time --format %M "$@" 2>&1 >/dev/null <"$hook_data" | tail -n1)
    printf '%-24s%11s%11s\n' "$name" "$calls" "$peak"
}
