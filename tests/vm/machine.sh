# shellcheck shell=bash
# Sourced, after qemu.sh: one virtual machine, with a disk of its own over the image's. Set before: as for qemu.sh.

# Emulation on a busy machine: whatever is waited for may take this many times what it takes on an idle one.
patience=${VM_PATIENCE:-4}
starts=0

# make_machine: its disk, the pipes to its agent and to QEMU's monitor
make_machine() {
    mkfifo "$machine"/{agent,monitor}.{in,out}
    # Open in both directions, a pipe never ends, whoever comes and goes.
    exec {to_agent}<>"$machine/agent.in" {from_agent}<>"$machine/agent.out" {to_monitor}<>"$machine/monitor.in"
    cat <>"$machine/monitor.out" >"$machine/monitor.log" &
    qemu-img create -q -f qcow2 -b "$(realpath "$image/root.img")" -F raw "$machine/disk.qcow2"
}

# power_on [ARGUMENT]...: of the kernel; without waiting
power_on() {
    qemu_command "file:$machine/console-$((++starts)).log" "$@"
    start_qemu
}

start_qemu() {
    "${qemu_command[@]}" &>>"$machine/qemu.log" &
    qemu=$!
    # The shell shall not comment on its end.
    disown "$qemu"
}

# first_command SERIAL: as qemu_command, of a machine that has never been on. One that is emulated, and boots so slowly,
# goes on from where its image was left.
first_command() {
    qemu_command "$1"
    [[ ! -e $image/memory ]] || qemu_command+=(-incoming "exec:cat '$image/memory'")
}

# wait_until_first_up: after first_command
wait_until_first_up() {
    if [[ -e $image/memory ]]; then
        # It does not know how long it has slept.
        vm "date --set=@$(date +%s.%N)"
    else
        wait_until_up
    fi
}

# fall_asleep FILE: the machine is off then, with its memory in FILE and its disk as it was at that moment
fall_asleep() {
    monitor 'migrate_set_parameter max-bandwidth 4G'
    monitor "migrate -d \"exec:cat >$1\""
    wait_for $((60 * patience)) is_asleep || fail "its memory is not written: $(tail -n 9 "$machine/monitor.log")"
    monitor quit
    wait_for 30 is_off || fail 'QEMU does not end'
}

is_asleep() {
    monitor 'info migrate'
    grep -q '^Migration status: completed' "$machine/monitor.log"
}

is_on() { [[ -n ${qemu-} ]] && kill -0 "$qemu" 2>/dev/null; }

# answer SECONDS: the next line of the agent
answer() {
    local line='' part end=$((SECONDS + $1))
    # A read that runs out of time may have taken the beginning of the line, its last blank included.
    until IFS= read -r -t 5 part <&"$from_agent"; do
        line+=$part
        is_on || { echo "the machine is off: $(tail -n 3 "$machine/qemu.log")" && return 1; } >&2
        ((SECONDS <= end)) || { echo "no answer of the machine within $1 s" && return 1; } >&2
    done
    echo "$line$part"
}

# wait_until_up: until the machine has reached multi-user.target; says after how many seconds of its own clock
wait_until_up() {
    local line
    line=$(answer $((120 * patience))) || fail "the machine did not come up; see its console"
    [[ $line = 'ready '* ]] || fail "the machine's agent says: $line"
    echo "${line#ready }"
}

# converse SECONDS COMMANDS INPUT: run COMMANDS in the machine with the file INPUT as their standard input
converse() {
    local LC_ALL=C status bytes seconds=$(($1 * patience))
    { printf '%d %d %d\n%s' "$seconds" "${#2}" "$(stat -c %s "$3")" "$2" && cat "$3"; } >&"$to_agent"
    read -r status bytes < <(answer $((seconds + 30 * patience))) || return 255
    [[ $status = [0-9]* ]] || { echo "the machine has started again meanwhile" >&2 && return 255; }
    timeout $((30 * patience)) head -c "$bytes" <&"$from_agent"
    return "$status"
}

# vm COMMANDS: run them in the machine, by bash as root, up to the first that fails
# VM_SECONDS: what they may take on an idle machine
vm() {
    local status=0
    printf '\n# %s\n' "$1" >>"$machine/transcript"
    converse "${VM_SECONDS:-60}" "set -e"$'\n'"$1" /dev/null | tee -a "$machine/transcript" || status=$?
    ((status == 0)) || echo "[status $status]" >>"$machine/transcript"
    return "$status"
}

# vm_put DIRECTORY FILE...: into that directory of the machine
vm_put() {
    local directory=$1 file=$machine/put.tar
    shift
    tar -cf "$file" --transform='s:.*/::' --absolute-names "$@"
    converse 60 "mkdir -p '$directory' && tar -C '$directory' --no-same-owner -xf -" "$file"
}

# restart [ARGUMENT]...: a clean reboot, waited for; with ARGUMENTs of the kernel, a shutdown and a start
restart() {
    if (($#)); then
        power_off
        power_on "$@"
    else
        vm '(sleep 1; systemctl reboot) &>/dev/null &'
    fi
    wait_until_up
}

power_off() {
    vm '(sleep 1; systemctl poweroff) &>/dev/null &'
    wait_for $((90 * patience)) is_off || fail "the machine does not shut down"
}

is_off() { ! is_on; }

power_cut() {
    kill -KILL "$qemu"
    wait_for 10 is_off
    # What was under way to or from the agent went with it.
    while read -r -t 0.1 _ <&"$from_agent"; do :; done
    while read -r -t 0.1 _ <&"$to_agent"; do :; done
}

monitor() { echo "$1" >&"$to_monitor"; }
unplug_uplink() { monitor 'device_del nic0'; }
plug_uplink() { monitor "device_add $nic"; }

# wait_for SECONDS COMMAND...: until COMMAND succeeds
wait_for() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS <= end)) || return 1
        sleep 0.5
    done
}

fail() {
    echo "$*" >&2
    exit 1
}
