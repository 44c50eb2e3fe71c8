"""Reads abidiff's report of changed leaf types from standard input and exits with 1 when a change in it breaks programs.

Only what c.h allows itself does not: structs of options begin with their size, so members may be added at the end of them.
abidiff could be told to pass over such structs, but would then pass over every change of theirs, too. What is not
understood counts as a break.
"""

import re
import sys

GROWN_OPTIONS = re.compile(
    r"'struct bgem3_\w+_options( at [^']*)?' changed:\n"
    r"  type size (changed from (?P<size>\d+) to \d+ \(in bits\)|hasn't changed)\n"
    r"  \d+ data member insertions?:\n"
    r"(?P<members>(    '[^'\n]+', at offset \d+ \(in bits\)( at .*)?\n?)+)"
)


def breaks(report: str) -> bool:
    blocks = [block for block in re.split(r"\n\s*\n", report.strip("\n")) if "changes summary:" not in block]
    return not blocks or not all(map(is_harmless, blocks))


def is_harmless(block: str) -> bool:
    found = GROWN_OPTIONS.fullmatch(block)
    if not found or not found["size"]:
        return False
    offsets = re.findall(r"', at offset (\d+) \(in bits\)", found["members"])
    return all(int(offset) >= int(found["size"]) for offset in offsets)


if __name__ == "__main__":
    sys.exit(breaks(sys.stdin.read()))
