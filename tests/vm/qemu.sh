# shellcheck shell=bash
# Sourced: what the virtual machine is made of. Whatever changes here, or another QEMU, makes the images anew: they keep
# the memory of such a machine. Set before: image, machine (a directory of its own), in_switch (what runs a command in
# the namespace of nic0, the outer end of the machine's NIC).

uplink_mac=52:54:00:00:00:10
nic=virtio-net-pci,id=nic0,netdev=nic0,bus=lan0,mac=$uplink_mac,romfile=

# /dev/kvm alone says nothing: under a nested or software KVM a distribution's kernel may not run.
is_emulated() { ! { [[ -w /dev/kvm ]] && [[ -d /sys/module/kvm_intel || -d /sys/module/kvm_amd ]]; }; }

# qemu_command SERIAL [ARGUMENT]...: into the array qemu_command; SERIAL is QEMU's -serial, each ARGUMENT the kernel's
# MACHINE_DISK: instead of the machine's own
qemu_command() {
    local accelerator=(-accel kvm -cpu host)
    # A processor that can do little takes a quarter less time to boot than one that can do all that is emulated.
    ! is_emulated || accelerator=(-accel 'tcg,thread=multi,tb-size=512' -cpu Nehalem)
    qemu_command=(
        "${in_switch[@]}" qemu-system-x86_64 -machine "q35,usb=off,vmport=off" "${accelerator[@]}" -smp 2 -m 1024
        -nodefaults -no-user-config -display none -rtc base=utc
        -kernel "$image/vmlinuz" -initrd "$image/initrd.img"
        -append "root=/dev/vda rw console=ttyS0 quiet panic=-1 mitigations=off ${*:2}"
        -drive "${MACHINE_DISK-file=$machine/disk.qcow2,format=qcow2},if=none,id=root"
        -device "virtio-blk-pci,drive=root"
        -device "pcie-root-port,id=lan0,chassis=1"
        -netdev "tap,id=nic0,ifname=nic0,script=no,downscript=no" -device "$nic"
        # By vmgenid the kernel learns that others have its memory, and takes new random numbers.
        -device virtio-rng-pci -device "vmgenid,guid=auto" -device virtio-serial-pci
        -chardev "pipe,id=agent,path=$machine/agent" -device "virtserialport,chardev=agent,name=lab"
        -chardev "pipe,id=monitor,path=$machine/monitor" -mon "chardev=monitor,mode=readline"
        -serial "$1"
    )
}
