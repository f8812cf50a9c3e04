"""Moves interfaces as people do it with lxml: stdin to stdout, or the files given, one after the other."""

import sys

from lxml import etree


def move(source):
    tree = etree.parse(source)
    for interface in tree.xpath("/domain/devices/interface[@type='network' and source/@network='default']"):
        source = interface.find("source")
        source.attrib.clear()
        source.set("network", "bridge-network")
        for part in interface.findall("virtualport"):
            interface.remove(part)
        for target in interface.findall("target"):
            if target.get("dev", "").startswith("vnet"):
                interface.remove(target)
    return etree.tostring(tree, encoding="UTF-8")


for file in sys.argv[1:] or [sys.stdin.buffer]:
    sys.stdout.buffer.write(move(file))
