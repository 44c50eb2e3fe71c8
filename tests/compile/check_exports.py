"""Fails when libbgem3 exports a symbol that is not bgem3's: another copy of a library inside would meet it."""

import re
import subprocess
import sys

# A function of the C interface with its version, and a version itself.
OF_C = re.compile(r"bgem3_\w+@@BGEM3_\d+\.\d+|BGEM3_(\d+\.\d+|CXX)")


def main(library: str) -> int:
    lines = subprocess.run(
        ["nm", "--dynamic", "--defined-only", "--demangle", "--with-symbol-versions", library],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    names = [line.split(" ", 2)[2] for line in lines]
    foreign = [name for name in names if "bgem3::" not in name.split("(")[0] and not OF_C.fullmatch(name)]
    print(f"{len(names)} symbols exported, {len(foreign)} of them not bgem3's")
    print("\n".join(foreign))
    return 1 if foreign or not names else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
