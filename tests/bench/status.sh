# What it costs to look at a host, with few guests and with a thousand; sourced by run.sh.
# shellcheck shell=bash

bench_status() {
    rig_create
    noop_takeover
    mkdir -p /run/libvirt/qemu
    status_wrappers
    echo "A look at a host with one bridge, $RUNS runs each by turns; check looks for every trap."
    status_pair
    ip -n host -batch - < <(status_taps)
    status_guests
    echo "with $(ip -n host -o link show master br0 | wc -l) ports of br0, 1,000 of them guests' taps:"
    status_pair
    rm -rf /run/libvirt
    rig_remove
}

status_pair() {
    in_host "$BUILT/examples/pair" --runs "$RUNS" "ip and bridge=$RESULTS/peers" \
        "virt-bridge status=$VIRT_BRIDGE status" "virt-bridge check=$RESULTS/check"
}

# What an administrator would say instead; and check, which says by its exit code what it has found.
status_wrappers() {
    printf '#!/bin/sh\nip -j -d link >/dev/null && bridge -j fdb >/dev/null\n' >"$RESULTS/peers"
    printf '#!/bin/sh\n%s check >/dev/null; [ $? -le 2 ]\n' "$VIRT_BRIDGE" >"$RESULTS/check"
    chmod +x "$RESULTS/peers" "$RESULTS/check"
}

status_taps() {
    local i
    for ((i = 0; i < 1000; i++)); do
        echo "tuntap add vnet$i mode tap"
        echo "link set vnet$i master br0 up"
    done
}

# As libvirt writes them of running guests, but for what has nothing to do with interfaces.
status_guests() {
    local i
    for ((i = 0; i < 1000; i++)); do
        cat >"/run/libvirt/qemu/guest$i.xml" <<END
<domstatus state='running' reason='booted' pid='1'><domain type='kvm'><name>guest$i</name><devices>
<interface type='network'><mac address='52:54:00:01:$(printf '%02x:%02x' $((i / 256)) $((i % 256)))'/>
<source network='bridge-network' portid='82563fca-b11b-4270-8f86-eed5e2fca4fe'/>
<actual type='bridge'><source bridge='br0'/></actual><target dev='vnet$i'/><model type='virtio'/></interface>
</devices></domain></domstatus>
END
    done
}
