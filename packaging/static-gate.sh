#!/bin/bash
# static-gate.sh TARGET: fails unless every program that we ship is one that starts on any host, and fast, but for the
# one that needs libvirt's library, and nothing else.
set -euo pipefail

target=$1
hook_bytes=1600000

cd "$(dirname "$0")/.."
# programs PACKAGE
programs() {
    cargo metadata --no-deps --format-version 1 |
        jq --raw-output --arg name "$1" \
            '.packages[] | select(.name == $name).targets[] | select(.kind == ["bin"]).name'
}
directory=$(cargo metadata --no-deps --format-version 1 | jq --raw-output .target_directory)
cargo build --quiet --release --target "$target" --bins
RUSTFLAGS=-Ctarget-feature=-crt-static cargo build --quiet --release --target "$target" --package virt-bridge-watch

failed=no
complain() {
    echo "static gate: $1"
    failed=yes
}

# A name service lookup works in a static program only with the libraries that it was linked with, and only the linker
# tells of one. GNU ld does: rust-lld, the default on x86_64, keeps silent about .gnu.warning sections.
links_without_warning() {
    cargo rustc --quiet --release --target "$target" --target-dir "$directory/static-gate" --bin "$1" -- \
        -Clink-arg=-fuse-ld=bfd -Clink-arg=-Wl,--fatal-warnings
}

for program in $(programs virt-bridge); do
    file=$directory/$target/release/$program
    headers=$(readelf --wide --file-header --program-headers --dynamic "$file")
    grep -q 'Type: *DYN' <<<"$headers" || complain "$program is not position-independent"
    ! grep -q INTERP <<<"$headers" || complain "$program asks for a dynamic linker"
    ! grep -q NEEDED <<<"$headers" || complain "$program needs a shared library"
    links_without_warning "$program" || complain "$program does not link without warnings"
    size=$(stat --format %s "$file")
    if [[ $program = virt-bridge-* ]]; then
        ((size <= hook_bytes)) || complain "$program has $size bytes, more than the $hook_bytes of a hook"
        # Where a panic would come from is in every program that has the code.
        ! grep --quiet --text clap_builder "$file" || complain "$program has clap in it, which a hook starts without"
    fi
    echo "static gate: $program, $size bytes"
done

for program in $(programs virt-bridge-watch); do
    others=$(readelf --wide --dynamic "$directory/$target/release/$program" |
        sed -n 's/.*(NEEDED).*\[\(.*\)\.so.*/\1/p' | sed '/^\(libvirt\|libc\|libgcc_s\|ld-.*\)$/d')
    [[ -z $others ]] || complain "$program needs libraries beside libvirt's and the compiler's: ${others//$'\n'/, }"
    echo "static gate: $program, with libvirt's library"
done
tree=$(cargo tree --quiet --package virt-bridge --edges normal,build --target "$target")
! grep --quiet --word-regexp virt-sys <<<"$tree" || complain "a static program depends on libvirt's library"
[[ $failed = no ]]
