"""The include graph of the C++ sources, and the layers of docs/layers.json that it has to follow."""

import json
import pathlib
import re
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)
SUFFIXES = {".h", ".cpp", ".cu", ".cuh"}


@dataclass(frozen=True)
class Layer:
    name: str
    what: str
    paths: list[str]  # files, and folders with a slash at the end


def read_layers(root: pathlib.Path = ROOT) -> list[Layer]:
    """Lowest first."""
    entries = json.loads((root / "docs/layers.json").read_text(encoding="utf-8"))
    return [Layer(entry["layer"], entry["what"], entry["paths"]) for entry in entries]


def layer_of(layers: list[Layer], file: str) -> int | None:
    """The number of the layer that `file`, as it is included, belongs to."""
    for number, layer in enumerate(layers):
        if any(file == path or (path.endswith("/") and file.startswith(path)) for path in layer.paths):
            return number
    return None


def read_files(root: pathlib.Path = ROOT) -> dict[str, str]:
    """Each source by its name as it is included → its text."""
    return {
        file.relative_to(root / base).as_posix(): file.read_text(encoding="utf-8")
        for base in ("include", "src")
        for file in sorted((root / base).rglob("*"))
        if file.suffix in SUFFIXES
    }


def includes(text: str) -> list[str]:
    return INCLUDE.findall(text)


def find_circle(files: dict[str, str]) -> list[str]:
    """Files that include each other in a circle; none: an empty list."""
    done: set[str] = set()
    path: list[str] = []

    def visit(file: str) -> list[str]:
        if file in path:
            return [*path[path.index(file) :], file]
        if file in done or file not in files:
            return []
        path.append(file)
        for other in includes(files[file]):
            if circle := visit(other):
                return circle
        path.pop()
        done.add(file)
        return []

    for file in files:
        if circle := visit(file):
            return circle
    return []
