"""How near dtype float8 comes to float32: its arithmetic, emulated on the CPU, in transformers' model.

    python bench/float8_quality.py models/e5-small --json bench/results/float8_quality_e5-small.json
    python bench/float8_quality.py models/full --texts 36 --json bench/results/float8_quality_full.json

As on a GPU (include/bgem3/formats/float8.h), weights are e4m3 with a scale for each output, activations e4m3 with a scale
for each token, sums float32, and what lies between products bfloat16. Two things differ, both small: the order of sums,
and the weights of attention, which stay float32 here. bfloat16 alone, emulated in the same way, is there to compare.
"""

import argparse
import copy
import pathlib

import torch
from emulation import (
    POOLINGS,
    Round,
    RoundedLinear,
    compare,
    embed,
    load_model,
    norms,
    replace_linear,
    round_embeddings,
    sentences,
    to_bfloat16,
    tokenize,
    write_report,
)

LARGEST = 448  # of e4m3
DIGITS = 6


def to_float8(rows: torch.Tensor) -> torch.Tensor:
    """Rounded to e4m3 in steps that fit each row."""
    scale = rows.abs().amax(dim=-1, keepdim=True).clamp_min(1e-12) / LARGEST
    return (rows * scale.reciprocal()).to(torch.float8_e4m3fn).float() * scale


def emulate(model: torch.nn.Module, rounded: Round) -> torch.nn.Module:
    """A copy with all linear layers of the encoder rounded so, embeddings and results of norms to bfloat16."""
    model = copy.deepcopy(model)
    round_embeddings(model, to_bfloat16)
    for norm in norms(model):
        norm.register_forward_hook(lambda _module, _inputs, output: to_bfloat16(output))
    replace_linear(
        model,
        lambda _name, layer: RoundedLinear(
            layer, rounded, to_bfloat16, lambda rows: rounded(to_bfloat16(rows)), to_bfloat16
        ),
    )
    return model


@torch.inference_mode()
def measure(directory: pathlib.Path, texts: list[str]) -> dict[str, dict]:
    """Pooling → dtype → how near it comes to float32."""
    tokens = tokenize(directory, texts)
    model = load_model(directory)
    exact = embed(model, tokens)
    results: dict[str, dict] = {pooling: {} for pooling in POOLINGS}
    for dtype, rounded in (("bfloat16", to_bfloat16), ("float8", to_float8)):
        found = embed(emulate(model, rounded), tokens)
        for pooling in POOLINGS:
            results[pooling][dtype] = compare(exact[pooling], found[pooling], DIGITS)
            print(f"{pooling}, {dtype}: {results[pooling][dtype]}", flush=True)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path, help="model directory")
    parser.add_argument("--texts", type=int, help="so many of the 108 sentences [all]")
    parser.add_argument("--json", type=pathlib.Path, help="where the results go")
    arguments = parser.parse_args()
    texts = sentences(arguments.texts)
    results = measure(arguments.model, texts)
    if arguments.json:
        what = "float8 emulated on a CPU, compared with float32"
        write_report(arguments.json, what, arguments.model, len(texts), results=results)


if __name__ == "__main__":
    main()
