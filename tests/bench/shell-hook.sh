#!/bin/sh
# The hook that a competent administrator writes with ip, grep and xmllint: does nothing if br0 is right, or else makes it.
[ "$2 $3" = "start begin" ] || exit 0
bridge=$(xmllint --xpath 'string(/hookData/network[forward/@mode="bridge"]/bridge/@name)' -)
[ "$bridge" = br0 ] || exit 0
ip -o link show dev br0 2>/dev/null | grep -q '[<,]UP[,>]' || {
    ip link add name br0 type bridge && ip link set br0 up || exit 1
}
ip -o link show dev eth0 | grep -q ' master br0 ' || exec sh "${0%/*}/blog.sh"
