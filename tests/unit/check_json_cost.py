"""check_json_cost.py PROGRAM MEGABYTES: JSON of twice the size takes at most 2.5 times the instructions, for each shape and
each doubling from one megabyte on. Instructions are the same on every run, whatever else the machine does."""

import re
import subprocess
import sys
from itertools import pairwise

GROWTH_MAX = 2.5
PARSING = "bgem3::parse_json(*unsigned long)"  # the whole of it, and not the making of the text


def instructions(program: str, shape: str, size: int) -> int:
    tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", f"--toggle-collect={PARSING}"]
    run = subprocess.run([*tool, program, shape, str(size)], check=True, capture_output=True, text=True)
    counted = re.search(r"Collected : (\d+)", run.stderr)
    assert counted, run.stderr
    return int(counted[1])


def main(program: str, megabytes: int) -> int:
    sizes = [1 << power for power in range(megabytes.bit_length())]
    shapes = subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines()
    assert len(shapes) > 10, shapes
    failed = False
    for shape in shapes:
        counts = [instructions(program, shape, size << 20) for size in sizes]
        assert counts[0] > sizes[0] << 20, f"{shape}: nothing was counted"
        growth = [after / before for before, after in pairwise(counts)]
        print(f"{shape}: {counts[0] / (1 << 20):.0f} instructions a byte, then times", *(f"{g:.2f}" for g in growth))
        failed |= max(growth) > GROWTH_MAX
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
