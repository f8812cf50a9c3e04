#!/bin/bash
# prime.sh IMAGE: boots a new image once, so that no later boot compiles AppArmor's profiles or asks QEMU for its
# capabilities, which takes long under emulation. There the machine is not shut down but left as it is, with its memory
# in IMAGE, from where each case goes on. In a network namespace of its own.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
image=$1
machine=$(mktemp -d)
trap 'rm -rf "$machine"' EXIT
# shellcheck source=tests/vm/qemu.sh
. "$here/qemu.sh"
# shellcheck source=tests/vm/machine.sh
. "$here/machine.sh"

in_switch=()
MACHINE_DISK=file=$image/root.img,format=raw,cache=unsafe

ip tuntap add dev nic0 mode tap
ip link set nic0 up
make_machine
power_on
wait_until_up
VM_SECONDS=120 vm '
    virsh --connect qemu:///system capabilities >/dev/null
    virsh --connect qemu:///system domcapabilities --virttype qemu >/dev/null
    # Its DHCP server on a bridge of its own has nothing to do with any case.
    virsh --connect qemu:///system net-autostart --disable default || true
    systemctl is-system-running --wait || true
    sync'
if is_emulated; then
    fall_asleep "$image/memory"
else
    vm 'journalctl --rotate && journalctl --vacuum-time=1s'
    power_off
    e2fsck -fp "$image/root.img" || (($? == 1))
fi
