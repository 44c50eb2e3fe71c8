"""Fails when libbgem3 exports a symbol that is not bgem3's: another copy of a library inside would meet it."""

import subprocess
import sys


def main(library: str) -> int:
    lines = subprocess.run(
        ["nm", "--dynamic", "--defined-only", "--demangle", library], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    names = [line.split(" ", 2)[2] for line in lines]
    foreign = [name for name in names if "bgem3::" not in name.split("(")[0]]
    print(f"{len(names)} symbols exported, {len(foreign)} of them not bgem3's")
    print("\n".join(foreign))
    return 1 if foreign or not names else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
