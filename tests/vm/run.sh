#!/bin/bash
# run.sh PACKAGES: runs the cases of tests/vm/cases on booted Debian 12 and 13 systems, with the built packages that are
# in the directory PACKAGES. CASE= chooses by number or name, several are separated by spaces; RELEASE=12 or 13 one
# release. run.sh --shell PACKAGES: the console of a machine on which virt-bridge is being installed; ^A x ends it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
((EUID == 0)) || { echo "run.sh: the machine's LAN needs root" >&2 && exit 1; }

shell=no
[[ $1 != --shell ]] || { shell=yes && shift; }
packages=$(realpath "$1")
results=$(realpath --canonicalize-missing "${CARGO_TARGET_DIR:-$here/../../target}/vm")
read -ra releases <<<"${RELEASE:-12 13}"

# chosen FILE: whether CASE names it
chosen() {
    local name wanted
    name=$(basename "$1" .sh)
    [[ -n ${CASE-} ]] || return 0
    for wanted in $CASE; do
        [[ $wanted != "$name" && $wanted != "${name%%-*}" && $wanted != "${name#*-}" ]] || return 0
    done
    return 1
}

# run RELEASE FILE: one line, what the case has to say, and for a failed one what and where
run() {
    local image name directory start=$SECONDS extra
    name=$(basename "$2" .sh)
    directory=$results/$name-$1
    # Beside the plain host's.
    mapfile -t extra < <(sed -En "s/^# Packages( of $1)?: //p" "$2" | tr ' ' '\n')
    image=$("$here/image.sh" "$1" "${extra[@]}") || return
    rm -rf "$directory"
    mkdir -p "$directory"
    start=$SECONDS
    if "$here/case.sh" "$1" "$image" "$2" "$directory" "$packages" \
        3>"$directory/report" &>"$directory/output" </dev/null; then
        printf 'ok      Debian %s  %-24s %4d s\n' "$1" "$name" $((SECONDS - start))
        cat "$directory/report"
    else
        printf 'FAILED  Debian %s  %-24s %4d s\n' "$1" "$name" $((SECONDS - start))
        cat "$directory/report"
        tail -n 20 "$directory/output" | sed 's/^/    /'
        echo "    console, journal, and what was said and answered: $directory"
        return 1
    fi
}

if [[ $shell = yes ]]; then
    release=${releases[-1]}
    image=$("$here/image.sh" "$release")
    directory=$(mktemp -d)
    trap 'rm -rf "$directory"' EXIT
    "$here/case.sh" "$release" "$image" shell "$directory" "$packages"
    exit
fi

# Images that are not there yet are built at the same time.
for release in "${releases[@]}"; do
    "$here/image.sh" "$release" >/dev/null &
done
wait

files=()
while read -r file; do
    ! chosen "$file" || files+=("$file")
done < <(printf '%s\n' "$here"/cases/*.sh | sort -V)
((${#files[@]})) || { echo "run.sh: there is no case '$CASE' in $here/cases" >&2 && exit 2; }

# run_all RELEASE: each case's report in one piece, because the other release's cases report in between; the status is
# how many have failed
run_all() {
    local file report failed=0
    for file in "${files[@]}"; do
        report=$(run "$1" "$file") || failed=$((failed + 1))
        printf '%s\n' "$report"
    done
    return "$failed"
}

# A machine keeps little more than one processor busy, so the releases do not wait for each other.
running=() failed=0
for release in "${releases[@]}"; do
    run_all "$release" &
    running+=($!)
done
for process in "${running[@]}"; do
    wait "$process" || failed=$((failed + $?))
done
echo "$((${#files[@]} * ${#releases[@]})) cases in $SECONDS s, $failed failed"
((failed == 0))
