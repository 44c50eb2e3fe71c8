"""docs/building.md tells what the build asks for: fails when a library, its least version or what is fetched differs."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FETCHED = re.compile(r"bgem3_(?:pkg_)?dependency\((\w+) ([\d.]+)\s+https://\S+ ([\d.]+) (\w+)")
FOUND = re.compile(r"find_package\((Boost|OpenSSL|spdlog|pybind11|ZLIB) ([\d.]+)")
BY_PKG_CONFIG = re.compile(r"pkg_check_modules\((\w+) .*?>=([\d.]+)\)")
COMPARED = re.compile(r"(prometheus-cpp|TORCH|ARROW)_VERSION VERSION_LESS ([\d.]+)")


def asked_for() -> dict[str, tuple[str, ...]]:
    """By library: least version, and version and commit of what is fetched."""
    files = [*sorted((ROOT / "cmake").glob("*.cmake")), ROOT / "python" / "CMakeLists.txt"]
    text = "\n".join(file.read_text("utf-8") for file in files)
    names = {"TORCH": "LibTorch", "ARROW": "Arrow", "ZLIB": "zlib", "zstd": "libzstd"}
    found = {names.get(name, name): (least,) for name, least in FOUND.findall(text) + BY_PKG_CONFIG.findall(text)}
    compared = {names.get(name, name): (least,) for name, least in COMPARED.findall(text)}
    fetched = {name: tuple(rest) for name, *rest in FETCHED.findall(text)}
    return {**found, **compared, **fetched}


def told() -> dict[str, tuple[str, ...]]:
    rows = re.findall(
        r"^\| (\S+) \| [^|]+ \| ([\d.]+) \| (.*) \|$", (ROOT / "docs/building.md").read_text("utf-8"), re.M
    )
    commit = re.compile(r"([\d.]+), commit `(\w+)`")
    return {name: (least, *(part for found in commit.findall(rest) for part in found)) for name, least, rest in rows}


def main() -> int:
    wanted, table = asked_for(), told()
    problems = [
        f"{name}: the build asks for {wanted.get(name)}, docs/building.md says {table.get(name)}"
        for name in sorted(wanted.keys() | table.keys())
        if wanted.get(name) != table.get(name)
    ]
    problems += [
        f"{name}: expected 40 digits of a commit, found '{rest[1]}'"
        for name, (_, *rest) in wanted.items()
        if rest and not re.fullmatch(r"[0-9a-f]{40}", rest[1])
    ]
    print(f"{len(wanted)} libraries")
    print("\n".join(problems))
    return 1 if problems or len(wanted) < 17 else 0


if __name__ == "__main__":
    sys.exit(main())
