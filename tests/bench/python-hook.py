#!/usr/bin/python3 -I
"""The hook that a competent administrator writes in Python: the standard library, and sysfs instead of processes."""
import os
import sys
import xml.etree.ElementTree as ElementTree

BRIDGE, UPLINK, IFF_UP = "br0", "eth0", 1


def is_ours(hook_data):
    network = ElementTree.parse(hook_data).getroot().find("network")
    forward, bridge = network.find("forward"), network.find("bridge")
    return forward is not None and forward.get("mode") == "bridge" and bridge.get("name") == BRIDGE


def is_right():
    device = f"/sys/class/net/{BRIDGE}"
    if not os.path.exists(f"{device}/brif/{UPLINK}"):
        return False
    with open(f"{device}/flags") as flags:
        return int(flags.read(), 16) & IFF_UP != 0


if sys.argv[2:4] == ["start", "begin"] and is_ours(sys.stdin) and not is_right():
    os.execv("/bin/sh", ["sh", os.path.join(os.path.dirname(sys.argv[0]), "blog.sh")])
