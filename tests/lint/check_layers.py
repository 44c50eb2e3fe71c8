"""Fails when a file includes one of a higher layer of docs/layers.json, when files include each other in a circle, when
the kind of a device is asked for outside the paths that dispatch, or when docs/architecture.md shows other layers.

A new folder has to be added to docs/layers.json, which is the moment to decide where it belongs.
"""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts/lib"))
import draw_layers  # noqa: E402
from include_graph import find_circle, includes, layer_of, read_files, read_layers  # noqa: E402

# Programs that have no torch compile what they include.
TORCHLESS = ("values", "interface")
TORCH = re.compile(r"^#include <(ATen|c10|torch|caffe2)/", re.M)
DEVICE_KIND = re.compile(r"\b(is_(cuda|cpu)|on_gpu)\(")
# Layers and formats dispatch; the others move tensors between devices, or say once what follows from the kind.
MAY_ASK = (
    "bgem3/layers/",
    "bgem3/formats/",
    "bgem3/kernels/",
    "kernels/",
    "bgem3/tensors/packed_batch.h",
    "bgem3/families/weight_binder.h",
    "pipeline/transfer.cpp",
    "model/execution.h",
    "model/run_state.cpp",
)


def check_file(layers: list, name: str, text: str) -> list[str]:
    own = layer_of(layers, name)
    if own is None:
        return [f"{name}: belongs to no layer; add it to docs/layers.json"]
    problems = []
    for included in includes(text):
        other = layer_of(layers, included)
        if other is None:
            problems.append(f"{name}: includes {included}, which belongs to no layer")
        elif other > own:
            problems.append(
                f"{name} ({layers[own].name}): includes {included} of the higher layer {layers[other].name}"
            )
    if layers[own].name in TORCHLESS and name.startswith("bgem3/") and "/" not in name[6:] and TORCH.search(text):
        problems.append(f"{name}: a header of the façade includes torch")
    if name.startswith("bgem3/") and "<torch/torch.h>" in text:
        problems.append(f"{name}: include narrow ATen headers, not torch/torch.h")
    if DEVICE_KIND.search(text) and not name.startswith(MAY_ASK):
        problems.append(
            f"{name}: asks for the kind of a device; the layers and formats dispatch, Execution tells the rest"
        )
    return problems


def main() -> int:
    layers, files = read_layers(), read_files()
    problems = [problem for name, text in files.items() for problem in check_file(layers, name, text)]
    if circle := find_circle(files):
        problems.append("a circle of includes: " + " -> ".join(circle))
    if all(layer_of(layers, name) is not None for name in files):
        problems += draw_layers.stale(layers, files)
    print("\n".join(problems) or "layers: every include points downwards")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
