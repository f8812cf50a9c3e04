#!/usr/bin/python3
"""order.py CALLGRIND MAP: a linker script that puts side by side what a program ran through, for packaging/order.ld.

CALLGRIND is what `valgrind --tool=callgrind --dump-instr=yes` wrote of the program, MAP what lld wrote when it linked it
(`-Map=`). Names lose what changes with each build: the hashes of Rust's symbols, the numbers of LLVM's copies.
"""

import bisect
import re
import sys


def addresses(callgrind):
    """Where the program's own instructions that ran are, in ascending order; positions may be relative to the last."""
    found, last = set(), 0
    for line in callgrind:
        position = re.match(r"(0x[0-9a-f]+|[+-][0-9]+|\*) ", line)
        if position:
            word = position[1]
            last = int(word, 16) if word.startswith("0x") else last + int(word.replace("*", "0"))
            found.add(last)
    return sorted(found)


def code(link_map):
    """Address, size, file and name of each section of code, as they were linked."""
    for line in link_map:
        section = re.match(r" *([0-9a-f]+) +[0-9a-f]+ +([0-9a-f]+) +[0-9]+ {9}(\S+):\((\.text\S*)\)$", line)
        if section:
            yield int(section[1], 16), int(section[2], 16), section[3], section[4]


def pattern(file, section):
    """What finds a section again in another build: one of Rust by its name, one of the C library by its file."""
    if not file.endswith(".rcgu.o"):
        return "*%s(%s)" % (re.sub(r"\((.*)\)$", r":\1", file.rsplit("/", 1)[-1]), section)
    section = re.sub(r"17h[0-9a-f]{16}E.*$|\.[0-9]+$|\.llvm\.[0-9]+$", lambda end: "17h*" if "17h" in end[0] else "*", section)
    return "*(%s)" % re.sub(r"Cs[0-9A-Za-z]+_", "Cs*_", section)


def main(callgrind, link_map):
    ran = addresses(callgrind)
    lines = (
        pattern(file, section)
        for start, size, file, section in code(link_map)
        if bisect.bisect_left(ran, start) < bisect.bisect_left(ran, start + size)
    )
    print("/* Written by tests/bench/order.sh: what a network hook runs through that finds its bridge right already. The kernel")
    print("   maps 64 KiB of a program at each fault (do_fault_around in mm/memory.c), and so a few of them do. */")
    print("SECTIONS {\n    .text.hook : {")
    print("\n".join("        " + line for line in dict.fromkeys(lines)))
    print("    }\n}\nINSERT BEFORE .text;")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1]) as callgrind, open(sys.argv[2]) as link_map:
        main(callgrind, link_map)
