#!/bin/bash
# Fetches this Debian release's libvirt source package once, and prints where its test data are: libvirt-source.sh DIR.
# apt's own lists, cache and sources stay as they are.
set -euo pipefail

directory=$1
mkdir -p "$directory"
directory=$(cd "$directory" && pwd)
exec 9>"$directory/lock"
flock 9
if [[ ! -e $directory/complete ]]; then
    apt=$directory/apt
    rm -rf "$apt" "$directory/source"
    mkdir -p "$apt"/lists/partial "$apt"/cache/archives/partial "$apt"/sources.list.d "$directory/source"
    # shellcheck source=/dev/null
    . /etc/os-release
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    cat >"$apt/sources.list.d/source.sources" <<END
Types: deb-src
URIs: http://deb.debian.org/debian
Suites: $VERSION_CODENAME
Components: main
Signed-By: $keyring
END
    options=(-o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o Dir::Etc::SourceList=/dev/null
        -o "Dir::Etc::SourceParts=$apt/sources.list.d" -o APT::Sandbox::User=root --quiet=2)
    apt-get "${options[@]}" update >&2
    (cd "$apt" && apt-get "${options[@]}" source --download-only libvirt >&2)
    tar --extract --xz --file "$(echo "$apt"/libvirt_*.orig.tar.xz)" --directory "$directory/source" --strip-components 1
    rm -rf "$apt"
    touch "$directory/complete"
fi
echo "$directory/source/tests"
