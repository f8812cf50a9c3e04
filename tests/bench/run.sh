#!/bin/bash
# Prints the tables behind the performance promises: run.sh [outage] [noop] [scale] [links] [netfilter] [domain] [status] [owners]; all by default.
# Needs root. RUNS sets how many takeovers of each kind are measured (100), VIRT_BRIDGE and HOOK name other binaries.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)

# Network, mounts and processes of its own: the real host is out of reach, and all of it ends with this script.
if [ -z "${BENCH_NAMESPACES:-}" ]; then
    target=$(uname -m)-unknown-linux-gnu
    (cd "$HERE/../.." && cargo build --quiet --release --target "$target" --bins --examples)
    export BENCH_NAMESPACES=1
    export BUILT=${CARGO_TARGET_DIR:-$HERE/../../target}/$target/release
    exec unshare --net --mount --pid --fork --kill-child --mount-proc "$0" "$@"
fi
export VIRT_BRIDGE=${VIRT_BRIDGE:-$BUILT/virt-bridge} HOOK=${HOOK:-$BUILT/virt-bridge-network}
export HERE RUNS=${RUNS:-100}
for part in rig outage noop scale links netfilter domain status owners; do
    # shellcheck source=/dev/null
    . "$HERE/$part.sh"
done
rig_files
RESULTS=$(mktemp -d /run/results.XXXXXX)
export RESULTS

echo "machine: $(uname -sr), $(nproc) processors, $(sed -n 's/^model name\s*: //p;T;q' /proc/cpuinfo)"
echo "load at the start: $(cut -d' ' -f1-3 /proc/loadavg); $(date -u +%FT%TZ)"
start=$SECONDS
[ $# -gt 0 ] || set -- outage noop scale links netfilter domain status owners
for part; do
    echo
    "bench_$part"
done
echo
echo "took $((SECONDS - start)) s; load at the end: $(cut -d' ' -f1-3 /proc/loadavg)"
