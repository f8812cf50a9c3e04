#!/bin/bash
# deb.sh [--source] DIRECTORY: builds the Debian packages in DIRECTORY, or with --source what they are built from
# elsewhere; from this tree and crates that are vendored there.
# dpkg-buildpackage wants ./debian at the root of the source, which is not where we keep it: so it gets a tree of its own.
set -euo pipefail

make=packages
[[ $1 != --source ]] || { make=source && shift; }
mkdir -p "$1"
work=$(realpath "$1")
cd "$(dirname "$0")/.."
version=$(dpkg-parsechangelog --file packaging/debian/changelog --show-field Version)
tree=$work/virt-bridge-${version%-*}

# The files of the working tree, as they are; what cargo has built there stays and is built again where a file is newer.
mkdir -p "$tree"
find "$tree" -mindepth 1 -maxdepth 1 ! -name target -exec rm -rf {} +
git ls-files -z --cached --others --exclude-standard |
    xargs -0 cp --parents --no-dereference --preserve=mode,timestamps --target-directory="$tree"
mv "$tree/packaging/debian" "$tree/debian"

# Crates are fetched once for each Cargo.lock, and never by the build itself.
lock=$(sha256sum <Cargo.lock)
vendor=$work/vendor-${lock:0:16}
[[ -e $vendor ]] || {
    cargo vendor --quiet --locked --versioned-dirs "$vendor.new" >/dev/null
    mv "$vendor.new" "$vendor"
}
cp --recursive --link "$vendor" "$tree/vendor"

# upstream NAME ARGUMENT...: a tarball that is the same whenever and by whomever it is made
upstream() {
    tar --create --auto-compress --file="$work/virt-bridge_${version%-*}.$1.tar.xz" --sort=name --owner=0 --group=0 \
        --numeric-owner --mode=go=rX,u+rw,a-s --anchored --no-wildcards \
        --mtime="@$(dpkg-parsechangelog --file "$tree/debian/changelog" --show-field Timestamp)" "${@:2}"
}

if [[ $make = source ]]; then
    upstream orig --directory="$work" --exclude="${tree##*/}"/{debian,target,vendor} "${tree##*/}"
    upstream orig-vendor --directory="$tree" vendor
    cd "$work"
    dpkg-source --build "${tree##*/}"
    ls -l -- *.dsc *.tar.xz
    exit
fi

cd "$tree"
# Debian's own cargo from Debian 13 on; before, the toolchain of rustup.
profiles=()
dpkg --compare-versions "$(dpkg-query --show --showformat='${Version}' rustc 2>/dev/null || echo 0)" ge 1.85 ||
    profiles=(--build-profiles=pkg.virt-bridge.rustup)
nice dpkg-buildpackage --build=binary --no-pre-clean --unsigned-changes --unsigned-source "${profiles[@]}"
cd ..
ls -l -- *.deb
