"""Fails when a built file lacks a protection of cmake/hardening.cmake; docs/building.md says what each is for.

check_hardening.py [--programs FILE...] [--libraries FILE...] [--fortified FILE...] [--objects FILE...]

--fortified: those that copy or format what could overflow; a file without such calls does not tell how it was compiled.
"""

import argparse
import functools
import re
import subprocess
import sys
from collections.abc import Callable


@functools.cache
def readelf(file: str, *options: str) -> str:
    command = ["readelf", "--wide", *options, file]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def is_bound_at_start(file: str) -> bool:
    return bool(re.search(r"\((FLAGS|FLAGS_1)\).*\b(BIND_NOW|NOW)\b", readelf(file, "--dynamic")))


def has_relro(file: str) -> bool:
    return "GNU_RELRO" in readelf(file, "--program-headers")


def runs_no_data(file: str) -> bool:
    """No segment, the stack's among them, that can be written and run."""
    segments = re.findall(r"^ +([A-Z_]+) +(?:0x\w+ +){5}([RWE ]{3})", readelf(file, "--program-headers"), re.M)
    assert {"LOAD", "GNU_STACK"} <= {kind for kind, _ in segments}, segments
    return not any("W" in flags and "E" in flags for _, flags in segments)


def is_position_independent(file: str) -> bool:
    return bool(re.search(r"\(FLAGS_1\).*\bPIE\b", readelf(file, "--dynamic")))


def checks_its_stack(file: str) -> bool:
    return "__stack_chk_fail" in readelf(file, "--dyn-syms")


def is_fortified(file: str) -> bool:
    """Calls a checking twin of at least one function of the C library."""
    return bool(re.search(r" UND __\w+_chk\b", readelf(file, "--dyn-syms")))


def marks_targets_of_jumps(file: str) -> bool:
    """Of the objects: a linked file is marked when those of the C library are, too, which Debian 12 leaves out."""
    return bool(re.search(r"x86 feature:.*IBT, SHSTK", readelf(file, "--notes")))


LINKED = (is_bound_at_start, has_relro, runs_no_data, checks_its_stack)
Check = Callable[[str], bool]


def missing(files: list[str], checks: tuple[Check, ...]) -> list[str]:
    return [f"{file}: {check.__name__} is not so" for file in files for check in checks if not check(file)]


def main() -> int:
    parser = argparse.ArgumentParser()
    for kind in ("programs", "libraries", "fortified", "objects"):
        parser.add_argument(f"--{kind}", nargs="*", default=[])
    given = parser.parse_args()
    problems = missing(given.programs, (*LINKED, is_position_independent))
    problems += missing(given.libraries, LINKED)
    problems += missing(given.fortified, (is_fortified,))
    problems += missing(given.objects, (marks_targets_of_jumps,))
    print(f"{len(given.programs)} programs, {len(given.libraries)} libraries, {len(given.objects)} objects")
    print("\n".join(problems))
    return 1 if problems or not (given.programs or given.libraries) else 0


if __name__ == "__main__":
    sys.exit(main())
