#!/bin/bash
# Fetches this Debian release's ifupdown2, which cannot be installed beside ifupdown, once, and prints where it is unpacked:
# ifupdown2.sh DIR.
set -euo pipefail

directory=$1
mkdir -p "$directory"
directory=$(cd "$directory" && pwd)
exec 9>"$directory/lock"
flock 9
if [[ ! -e $directory/complete ]]; then
    rm -rf "$directory/package" "$directory/tree"
    mkdir "$directory/package"
    cd "$directory/package"
    download() { apt-get --quiet=2 -o APT::Sandbox::User=root download ifupdown2 >&2; }
    download || { apt-get --quiet=2 update >&2 && download; }
    dpkg-deb --extract ifupdown2_*.deb "$directory/tree"
    chmod +x "$directory/tree/usr/share/ifupdown2/__main__.py"
    # As a system has it whose /sbin is /usr/sbin.
    [[ ! -d $directory/tree/sbin ]] || mv "$directory/tree/sbin" "$directory/tree/usr/sbin"
    touch "$directory/complete"
fi
echo "$directory/tree"
