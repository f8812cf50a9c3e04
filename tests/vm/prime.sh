#!/bin/bash
# prime.sh IMAGE: boots a new image once, so that no later boot compiles AppArmor's profiles or asks QEMU for its
# capabilities, which takes long under emulation.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
image=$1
machine=$(mktemp -d)
trap 'rm -rf "$machine"' EXIT
# shellcheck source=tests/vm/machine.sh
. "$here/machine.sh"

in_switch=()
network_devices=()
MACHINE_DISK=file=$image/root.img,format=raw,cache=unsafe

make_machine
power_on
wait_until_up
VM_SECONDS=120 vm '
    virsh --connect qemu:///system capabilities >/dev/null
    virsh --connect qemu:///system domcapabilities --virttype qemu >/dev/null
    # Its DHCP server on a bridge of its own has nothing to do with any case.
    virsh --connect qemu:///system net-autostart --disable default || true
    journalctl --rotate && journalctl --vacuum-time=1s
    sync'
power_off
e2fsck -fp "$image/root.img" || (($? == 1))
