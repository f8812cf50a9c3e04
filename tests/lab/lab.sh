#!/bin/bash
# The lab: a host in namespaces of its own, on a LAN with a router and a peer, with a private libvirtd.
# Nothing of the real host is touched, and all of it ends with this process, however that ends.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
    cat <<'EOT'
usage: lab.sh [OPTION]... [-- COMMAND [ARG]...]

Runs COMMAND (without one: a shell) on the lab's host.

  --no-libvirt    no virtlogd, no libvirtd
  --no-ra         the router sends no router advertisements
  --no-syslog     nobody listens on /dev/log, and there is no /dev/log
  --second-nic    eth1 to a second router, with default routes equal to eth0's
  --hooks DIR     copy what is in DIR to /etc/libvirt/hooks
  --install DIR   install the built binaries of DIR and the link /etc/libvirt/hooks/network
  --serve         print "ready PID" and live until standard input ends; run commands on the host with
                  nsenter -t PID -n -m -p -i -u -- COMMAND

Inside: router, peer, switch, wan COMMAND   run COMMAND there
        daemon start|stop|kill|restart     the private libvirtd
        guest NAME NETWORK                 start a guest that asks its network for DHCP
        /run/lab/syslog                    what was written to /dev/log (its reader: /run/lab/syslog.pid)

To end a lab from outside use SIGKILL: unshare(1) holds back SIGTERM.
EOT
}

libvirt=yes ra=yes syslog=yes second_nic=no serve=no hooks='' install=''
arguments=("$@")
while (($#)); do
    case $1 in
    --no-libvirt) libvirt=no ;;
    --no-ra) ra=no ;;
    --no-syslog) syslog=no ;;
    --second-nic) second_nic=yes ;;
    --hooks) hooks=$(realpath "$2") && shift ;;
    --install) install=$(realpath "$2") && shift ;;
    --serve) serve=yes ;;
    --help) usage && exit ;;
    --) shift && break ;;
    *) usage >&2 && exit 2 ;;
    esac
    shift
done

# As PID 1 of its own PID namespace the lab cannot leave anything behind: when PID 1 dies the kernel kills the rest,
# and with the last process the namespaces, devices and mounts go.
if [[ ${VIRT_BRIDGE_LAB-} != inside ]]; then
    ((EUID == 0)) || { echo "lab.sh: the lab needs root" >&2 && exit 1; }
    VIRT_BRIDGE_LAB=inside exec unshare --net --mount --ipc --uts --pid --fork --kill-child -- "$0" "${arguments[@]}"
fi
unset VIRT_BRIDGE_LAB
# Whoever sits at the other end of an SSH session is not at the other end of the lab's LAN.
unset SSH_CONNECTION

# The old /proc still shows the PID that the caller sees.
read -r outer_pid _ </proc/self/stat

# shellcheck source=tests/lab/isolate.sh
. "$here/isolate.sh"
# shellcheck source=tests/lab/network.sh
. "$here/network.sh"

# say why the lab did not come up, with the end of the log that knows
fail() {
    echo "lab.sh: $1" >&2
    [[ -z ${2-} ]] || tail -n 20 "$2" >&2
    exit 1
}

# wait_for SECONDS COMMAND...: until COMMAND succeeds
wait_for() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS <= end)) || return 1
        sleep 0.01
    done
}

export PATH=/run/lab/bin:/usr/sbin:/usr/bin:/sbin:/bin${PATH:+:$PATH}
isolate "$here/bin"
keep_capabilities "${CARGO_TARGET_DIR:-$here/../../target}/lab/capabilities"
if [[ $syslog = yes ]]; then
    python3 "$here/syslog.py" /dev/log /run/lab/syslog </dev/null &>/run/lab/syslog.err &
    echo $! >/run/lab/syslog.pid
fi
build_network
connect_host
[[ $second_nic = no ]] || build_second_nic
# After the static routes: an advertised default route that stands between the hops of a multipath route is missing
# from every dump of the kernel (fib6_dump_node goes on behind the last sibling; seen with Linux 6.18).
[[ $ra = no ]] || start_router_advertisements
[[ -z $hooks ]] || cp -a "$hooks/." /etc/libvirt/hooks/
[[ -z $install ]] || install_binaries "$install"
[[ $syslog = no ]] || wait_for 5 test -S /dev/log || fail "nobody listens on /dev/log" /run/lab/syslog.err
[[ $ra = no ]] || wait_for 5 has_slaac_address || fail "no router advertisement arrived" /run/lab/radvd.log
echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_dad
[[ $libvirt = no ]] || daemon start || fail "libvirtd did not start"

if [[ $serve = yes ]]; then
    echo "ready $outer_pid"
    while read -r _; do :; done
elif (($#)); then
    # Not exec: PID 1 has to reap what COMMAND and the daemons leave.
    status=0
    "$@" || status=$?
    exit "$status"
else
    cat <<EOT
The lab's host. eth0 is on a LAN with \`router\` (192.0.2.1) and \`peer\` (192.0.2.20); prefix a command with either
to run it there. \`virsh\` speaks to a private libvirtd. \`exit\` ends the lab and leaves nothing behind.
EOT
    bash --rcfile <(echo "[[ ! -f ~/.bashrc ]] || . ~/.bashrc; PATH=$PATH; PS1='lab:\w# '") -i || true
fi
