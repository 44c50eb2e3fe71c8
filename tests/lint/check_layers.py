"""Includes point downwards only: fails when a file includes one of a higher layer.

The layers, lowest first, are those of docs/architecture.md. A new header must be added here, which is the moment to
decide where it belongs.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

LAYERS = [
    [
        "bgem3/version.h",
        "bgem3/export.h",
        "bgem3/detail/message.h",
        "text/",
        "clock.h",
        "error.cpp",
        "bgem3/c.h",
        "bgem3/error.h",
        "bgem3/matrix.h",
        "bgem3/embeddings.h",
        "bgem3/cuda.h",
    ],
    [
        "bgem3/detail/shape.h",
        "bgem3/detail/activation.h",
        "bgem3/detail/onednn.h",
        "bgem3/detail/cuda_ops.h",
        "file/",
        "bgem3/scores.h",
        "bgem3/eigen.h",
        "bgem3/similarity.h",
        "matrix.cpp",
        "border.h",
        "process_mark.h",
        "processors.h",
        "device_names.h",
        "processors.cpp",
    ],
    ["bgem3/dtype.h", "dtype.cpp", "cpu/processor.h"],
    [
        "bgem3/detail/cpu_attention.h",
        "bgem3/detail/cpu_int8.h",
        "bgem3/detail/cpu_layer_norm.h",
        "bgem3/detail/cpu_linear.h",
        "cpu/",
        "cuda/",
    ],
    ["bgem3/detail/float8.h"],
    [
        "bgem3/config.h",
        "config/",
        "bgem3/tokenizer.h",
        "tokenizer/",
        "bgem3/batching.h",
        "batching.cpp",
        "bgem3/checkpoint.h",
        "checkpoint/",
        "bgem3/weights.h",
        "bgem3/detail/weight_binder.h",
    ],
    ["bgem3/packed_batch.h", "bgem3/linear.h"],
    ["bgem3/detail/projections.h"],
    ["bgem3/detail/cuda_layer.h"],
    ["bgem3/input_embedding.h", "bgem3/attention.h", "bgem3/feed_forward.h", "bgem3/pooling.h", "bgem3/heads.h"],
    ["bgem3/encoder_layer.h", "bgem3/detail/checked_results.h"],
    ["bgem3/encoder.h"],
    ["bgem3/blocks.h", "bgem3/options.h"],
    ["bgem3/bgem3.h"],
    ["model_fields.h", "model_fields.cpp"],
    ["bgem3/reranker.h", "bgem3/batching_embedder.h", "bgem3/batching_reranker.h"],
    ["batching/"],
    ["model/"],
    ["pipeline/"],
    ["embedder.cpp", "reranker.cpp", "batching_embedder.cpp", "batching_reranker.cpp", "scores.cpp"],
    ["c/"],
    ["cli/", "server/http/"],
    ["server/"],
]

# The façade is compiled by programs that have no torch.
FACADE = [
    "version",
    "export",
    "c",
    "cuda",
    "error",
    "matrix",
    "eigen",
    "embeddings",
    "scores",
    "similarity",
    "config",
    "dtype",
    "tokenizer",
    "options",
    "bgem3",
    "batching",
    "batching_embedder",
    "batching_reranker",
    "reranker",
]

INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)
TORCH = re.compile(r"^#include <(ATen|c10|torch|caffe2)/", re.M)


def layer_of(path: str) -> int | None:
    for number, members in enumerate(LAYERS):
        if any(path == member or (member.endswith("/") and path.startswith(member)) for member in members):
            return number
    return None


def check_file(file: pathlib.Path, name: str) -> list[str]:
    text = file.read_text(encoding="utf-8")
    own = layer_of(name)
    if own is None:
        return [f"{name}: belongs to no layer; add it to tests/lint/check_layers.py"]
    problems = []
    for included in INCLUDE.findall(text):
        other = layer_of(included)
        if other is None:
            problems.append(f"{name}: includes {included}, which belongs to no layer")
        elif other > own:
            problems.append(f"{name} (layer {own}): includes {included} of the higher layer {other}")
    if name in {f"bgem3/{stem}.h" for stem in FACADE} and TORCH.search(text):
        problems.append(f"{name}: a header of the façade includes torch")
    if name.startswith("bgem3/") and "<torch/torch.h>" in text:
        problems.append(f"{name}: include narrow ATen headers, not torch/torch.h")
    return problems


def main() -> int:
    problems = []
    for base in ("include", "src"):
        for file in sorted((ROOT / base).rglob("*")):
            if file.suffix in {".h", ".cpp", ".cu", ".cuh"}:
                problems += check_file(file, file.relative_to(ROOT / base).as_posix())
    print("\n".join(problems) or "layers: every include points downwards")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
