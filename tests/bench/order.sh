#!/bin/bash
# Writes packaging/order.ld anew: links the network hook with a map, lets it find its bridge right under callgrind.
# Needs root, valgrind, and rustc's own linker (lld). Worth it after a change to what such a hook runs through.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)

if [ -z "${BENCH_NAMESPACES:-}" ]; then
    command -v valgrind >/dev/null || { echo "order: valgrind is missing: apt install valgrind" >&2 && exit 1; }
    target=$(uname -m)-unknown-linux-gnu
    WORK=$(mktemp -d)
    cd "$ROOT"
    cp packaging/order.ld "$WORK/order.ld"
    trap 'mv "$WORK/order.ld" packaging/order.ld; rm -rf "$WORK"' EXIT
    export WORK BENCH_NAMESPACES=1
    # From no order: valgrind places what is outside of .text wrongly.
    echo 'SECTIONS { } INSERT BEFORE .text;' >packaging/order.ld
    CARGO_TARGET_DIR=$WORK \
        cargo rustc --quiet --release --target "$target" --bin virt-bridge-network -- "-Clink-arg=-Wl,-Map=$WORK/map"
    CARGO_TARGET_DIR=$WORK cargo build --quiet --release --target "$target" --bin virt-bridge
    export BUILT=$WORK/$target/release
    unshare --net --mount --pid --fork --kill-child --mount-proc "$0"
    packaging/order.py "$WORK/callgrind" "$WORK/map" >"$WORK/new"
    mv "$WORK/new" "$WORK/order.ld"
    exit
fi
export VIRT_BRIDGE=$BUILT/virt-bridge
# shellcheck source=tests/bench/rig.sh
. "$HERE/rig.sh"
rig_files
rig_create
hook() { in_host "$@" "$BUILT/virt-bridge-network" bridge-network start begin - <"$HERE/bridge-network.xml"; }
hook
hook valgrind --quiet --tool=callgrind --dump-instr=yes --callgrind-out-file="$WORK/callgrind"
