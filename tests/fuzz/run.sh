#!/bin/bash
# Fuzzes the readers of XML: run.sh [domain|network] [SECONDS]; run.sh build only compiles the targets.
# cargo-fuzz does the same with its sanitizers, but on a nightly compiler only; this code is safe Rust, and stable
# gives the coverage that the fuzzer is led by.
set -euo pipefail
cd "$(dirname "$0")"

target=${1:-domain} seconds=${2:-600}
coverage=(-Cpasses=sancov-module -Ccodegen-units=1 --cfg=fuzzing)
for option in level=4 inline-8bit-counters pc-table trace-compares; do
    coverage+=("-Cllvm-args=-sanitizer-coverage-$option")
done
host=$(rustc -vV | sed -n 's/^host: //p')
directory=${CARGO_TARGET_DIR:-$PWD/../../target}/fuzz
RUSTFLAGS=${coverage[*]} cargo build --quiet --release --locked --target "$host" --target-dir "$directory"
[ "$target" != build ] || exit 0

# What it finds goes into the target directory first; the corpus in the tree is small and kept by hand (-merge=1).
found=$directory/corpus-$target
mkdir -p "$found"
exec "$directory/$host/release/$target" -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=1024 \
    -dict=xml.dict -artifact_prefix="$directory/" "$found" "corpus/$target"
