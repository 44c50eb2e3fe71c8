"""Draws the layers of docs/layers.json and the includes between their paths: a picture, and the list in
docs/architecture.md. scripts/draw_layers calls it; tests/lint/check_layers.py tells when they are out of date."""

import html
import sys

from include_graph import ROOT, Layer, includes, layer_of, read_files, read_layers

PICTURE = ROOT / "docs/images/layers.svg"
DOCUMENT = ROOT / "docs/architecture.md"
BEGIN, END = "<!-- layers: scripts/draw_layers -->\n", "<!-- end of layers -->\n"

Place = tuple[int, str]  # number of the layer, path
Box = tuple[float, float, float]  # left edge, top, width

WIDTH, ROW, BOX, LEFT, GAP, SHIFT = 1060, 76, 36, 120, 12, 70


def folders(layer: Layer) -> list[str]:
    """The paths that the picture shows: folders, and the single headers as one."""
    named = [path for path in layer.paths if path.endswith("/")]
    return (["headers"] if len(named) < len(layer.paths) else []) + named


def folder_of(layers: list[Layer], file: str) -> Place:
    number = layer_of(layers, file)
    assert number is not None, file
    for path in layers[number].paths:
        if path.endswith("/") and file.startswith(path):
            return number, path
    return number, "headers"


def arrows_between(layers: list[Layer], files: dict[str, str]) -> list[tuple[Place, Place]]:
    arrows = set()
    for name, text in files.items():
        own = folder_of(layers, name)
        for other in includes(text):
            target = folder_of(layers, other)
            if target != own:
                arrows.add((own, target))
    return sorted(arrow for arrow in arrows if not is_implied(arrow, arrows))


def is_implied(arrow: tuple[Place, Place], arrows: set[tuple[Place, Place]]) -> bool:
    """Whether others lead from its one end to the other."""
    source, target = arrow
    seen, left = set(), [other for start, other in arrows if start == source and other != target]
    while left:
        place = left.pop()
        if place == target:
            return True
        if place not in seen:
            seen.add(place)
            left += [other for start, other in arrows if start == place]
    return False


def label(path: str) -> str:
    if path == "headers":
        return "include/bgem3/*.h"
    return ("include/" if path.startswith("bgem3/") else "src/") + path.rstrip("/")


def places(layers: list[Layer]) -> dict[Place, Box]:
    found = {}
    for number, layer in enumerate(layers):
        paths = folders(layer)
        width = min(260.0, (WIDTH - LEFT - 2 * SHIFT - GAP * (len(paths) + 1)) / len(paths))
        top = (len(layers) - 1 - number) * ROW + 20
        # Neighbouring rows are shifted, so that arrows over several rows do not run through the boxes between.
        shift = GAP + (number % 3) * SHIFT
        for i, path in enumerate(paths):
            found[number, path] = (LEFT + shift + i * (width + GAP), float(top), width)
    return found


def arrow(source: Box, target: Box) -> str:
    x1, y1 = source[0] + source[2] / 2, source[1] + BOX
    x2, y2 = target[0] + target[2] / 2, target[1]
    if y1 > y2:  # of one row
        y1, y2 = source[1] + BOX / 2, target[1] + BOX / 2
        x1, x2 = (source[0] + source[2], target[0]) if x1 < x2 else (source[0], target[0] + target[2])
    bend = (y2 - y1) / 2
    return (
        f'<path d="M{x1:.0f},{y1:.0f} C{x1:.0f},{y1 + bend:.0f} {x2:.0f},{y2 - bend:.0f} {x2:.0f},{y2:.0f}" '
        'marker-end="url(#tip)"/>'
    )


def picture(layers: list[Layer], files: dict[str, str]) -> str:
    at = places(layers)
    height = len(layers) * ROW + 10
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        'font-size="13">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" '
        'markerUnits="userSpaceOnUse" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#56708c"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for number, layer in enumerate(layers):
        top = (len(layers) - 1 - number) * ROW + 20
        if number % 2 == 0:
            lines.append(f'<rect y="{top - 16}" width="{WIDTH}" height="{ROW}" fill="#f3f6f9"/>')
        lines.append(f'<text x="12" y="{top + 24}" font-weight="bold" fill="#1d2b3a">{html.escape(layer.name)}</text>')
    lines.append('<g fill="none" stroke="#56708c" stroke-opacity="0.45">')
    lines += [arrow(at[source], at[target]) for source, target in arrows_between(layers, files)]
    lines.append("</g>")
    for (_, path), (x, y, width) in at.items():
        lines.append(
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{BOX}" rx="5" fill="#ffffff" stroke="#1d2b3a"/>'
            f'<text x="{x + width / 2:.0f}" y="{y + 25:.0f}" text-anchor="middle" fill="#1d2b3a">{label(path)}</text>'
        )
    return "\n".join([*lines, "</svg>", ""])


def listing(layers: list[Layer]) -> str:
    """The lines of docs/architecture.md between BEGIN and END, highest layer first."""
    lines = ["| layer | what it is | paths |", "| --- | --- | --- |"]
    for layer in reversed(layers):
        paths = [f"`{label(path)}`" for path in layer.paths if path.endswith("/")]
        headers = [f"`{path.removeprefix('bgem3/')}`" for path in layer.paths if not path.endswith("/")]
        lines.append(f"| {layer.name} | {layer.what} | {', '.join(headers + paths)} |")
    return "\n".join([*lines, ""])


def with_listing(document: str, layers: list[Layer]) -> str:
    head, rest = document.split(BEGIN)
    return head + BEGIN + listing(layers) + END + rest.split(END)[1]


def stale(layers: list[Layer], files: dict[str, str]) -> list[str]:
    document = DOCUMENT.read_text(encoding="utf-8")
    if with_listing(document, layers) != document:
        return ["docs/architecture.md: the list of layers is not that of docs/layers.json; run scripts/draw_layers"]
    if not PICTURE.exists() or PICTURE.read_text(encoding="utf-8") != picture(layers, files):
        return ["docs/images/layers.svg is out of date; run scripts/draw_layers"]
    return []


def main() -> int:
    layers, files = read_layers(), read_files()
    PICTURE.write_text(picture(layers, files), encoding="utf-8")
    DOCUMENT.write_text(with_listing(DOCUMENT.read_text(encoding="utf-8"), layers), encoding="utf-8")
    print(f"wrote {PICTURE.relative_to(ROOT)} and the layers of {DOCUMENT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
