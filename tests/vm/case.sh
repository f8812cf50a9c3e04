#!/bin/bash
# case.sh RELEASE IMAGE CASE RESULTS PACKAGES: runs the file CASE against a machine of its own that boots from IMAGE, on
# a LAN of its own; leaves console, journal and what was said and answered in the directory RESULTS. PACKAGES is the
# directory of the built packages. CASE may be "shell": the machine's console, for a person, with virt-bridge installed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
release=$1 image=$2 case=$3 machine=$4 packages=$5

# As PID 1 of its own PID namespace the case cannot leave anything behind, however it ends.
if [[ ${VIRT_BRIDGE_VM-} != inside ]]; then
    VIRT_BRIDGE_VM=inside exec unshare --net --mount --ipc --uts --pid --fork --kill-child -- "$0" "$@"
fi
unset VIRT_BRIDGE_VM
mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/netns

export PATH=$here/../lab/bin:$PATH
# shellcheck source=tests/lab/network.sh
. "$here/../lab/network.sh"
# shellcheck source=tests/vm/qemu.sh
. "$here/qemu.sh"
# shellcheck source=tests/vm/machine.sh
. "$here/machine.sh"
# shellcheck source=tests/vm/lan.sh
. "$here/lan.sh"
# shellcheck source=tests/vm/host.sh
. "$here/host.sh"

journal() { converse 30 'journalctl --no-pager --boot=all --output=short-precise' /dev/null >"$machine/journal"; }

# Kept for whoever looks for the reason; a machine that does not answer any more is started once more for its journal.
keep_journal() {
    journal || {
        ! is_on || power_cut
        power_on
        wait_until_up && journal
    }
}

finish() {
    local status=$?
    ((status == 0)) || (keep_journal) &>/dev/null || true
    ! is_on || power_cut
    rm -f "$machine"/{disk.qcow2,put.tar,agent.*,monitor.in,monitor.out}
    exit "$status"
}

build_lan
make_machine
if [[ $case = shell ]]; then
    first_command mon:stdio
    "${qemu_command[@]}" <&0 &
    qemu=$!
    # The prompt of a machine that goes on was for another console.
    (wait_until_first_up && vm 'systemctl restart serial-getty@ttyS0' && install_packages virt-bridge) \
        &>"$machine/output"
    wait "$qemu"
    exit
fi
trap finish EXIT
# PID 1 has no default action for signals.
trap 'exit 130' INT TERM
first_command "file:$machine/console-$((++starts)).log"
start_qemu
wait_until_first_up >/dev/null
# shellcheck source=/dev/null
. "$case"
