"""How near dtype float8 comes to float32: its arithmetic, emulated on the CPU, in transformers' model.

    python bench/float8_quality.py models/e5-small --json bench/results/float8_quality_e5-small.json
    python bench/float8_quality.py models/full --texts 36 --json bench/results/float8_quality_full.json

As on a GPU (include/bgem3/detail/float8.h), weights are e4m3 with a scale for each output, activations e4m3 with a scale
for each token, sums float32, and what lies between products bfloat16. Two things differ, both small: the order of sums,
and the weights of attention, which stay float32 here. bfloat16 alone, emulated in the same way, is there to compare.
"""

import argparse
import copy
import datetime
import importlib.metadata
import json
import pathlib
from collections.abc import Callable

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

TRANSLATIONS = pathlib.Path(__file__).resolve().parents[1] / "tests" / "data" / "translations.json"
LARGEST = 448  # of e4m3
NEAREST = 10
POOLINGS = ("cls", "mean")
Round = Callable[[torch.Tensor], torch.Tensor]


def to_bfloat16(numbers: torch.Tensor) -> torch.Tensor:
    """Rounded, and float32 again, so that sums are."""
    return numbers.bfloat16().float()


def to_float8(rows: torch.Tensor) -> torch.Tensor:
    """Rounded to e4m3 in steps that fit each row."""
    scale = rows.abs().amax(dim=-1, keepdim=True).clamp_min(1e-12) / LARGEST
    return (rows * scale.reciprocal()).to(torch.float8_e4m3fn).float() * scale


class RoundedLinear(torch.nn.Module):
    """A linear layer whose factors are rounded: rows of the weight when it is made, of the input when it is called."""

    def __init__(self, layer: torch.nn.Linear, rounded: Round) -> None:
        super().__init__()
        self.rounded = rounded
        self.weight = rounded(layer.weight)
        self.bias = to_bfloat16(layer.bias)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        factor = self.rounded(to_bfloat16(inputs))
        return to_bfloat16(torch.nn.functional.linear(factor, self.weight, self.bias))


def emulate(model: torch.nn.Module, rounded: Round) -> torch.nn.Module:
    """A copy with all linear layers of the encoder rounded so, embeddings and results of norms to bfloat16."""
    model = copy.deepcopy(model)
    for module in list(model.modules()):
        if isinstance(module, torch.nn.Embedding):
            module.weight.copy_(to_bfloat16(module.weight))
        if isinstance(module, torch.nn.LayerNorm):
            module.register_forward_hook(lambda _module, _inputs, output: to_bfloat16(output))
    for module in list(model.encoder.modules()):
        for name, child in module.named_children():
            if isinstance(child, torch.nn.Linear):
                setattr(module, name, RoundedLinear(child, rounded))
    return model


def embed(model: torch.nn.Module, tokens: list[dict[str, torch.Tensor]]) -> dict[str, np.ndarray]:
    """Pooling → normalised vectors; one text at a time, as nothing of another may matter."""
    states = [model(**each).last_hidden_state[0] for each in tokens]
    pooled = {"cls": [state[0] for state in states], "mean": [state.mean(dim=0) for state in states]}
    return {name: torch.nn.functional.normalize(torch.stack(rows)).numpy() for name, rows in pooled.items()}


def nearest(vectors: np.ndarray) -> list[set[int]]:
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -1)
    return [set(np.argsort(-row)[:NEAREST].tolist()) for row in similarity]


def compare(exact: np.ndarray, found: np.ndarray) -> dict[str, float]:
    cosines = (exact.astype(np.float64) * found).sum(axis=1)
    overlap = np.mean([len(a & b) / NEAREST for a, b in zip(nearest(exact), nearest(found))])
    return {
        "lowest_cosine": round(float(cosines.min()), 6),
        "mean_cosine": round(float(cosines.mean()), 6),
        "ten_nearest_in_common": round(float(overlap), 4),
    }


@torch.inference_mode()
def measure(directory: pathlib.Path, texts: list[str]) -> dict[str, dict]:
    """Pooling → dtype → how near it comes to float32."""
    tokenizer = AutoTokenizer.from_pretrained(directory)
    tokens = [tokenizer(text, truncation=True, max_length=1024, return_tensors="pt") for text in texts]
    model = AutoModel.from_pretrained(directory, dtype=torch.float32, add_pooling_layer=False).eval()
    exact = embed(model, tokens)
    results: dict[str, dict] = {pooling: {} for pooling in POOLINGS}
    for dtype, rounded in (("bfloat16", to_bfloat16), ("float8", to_float8)):
        found = embed(emulate(model, rounded), tokens)
        for pooling in POOLINGS:
            results[pooling][dtype] = compare(exact[pooling], found[pooling])
            print(f"{pooling}, {dtype}: {results[pooling][dtype]}", flush=True)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path, help="model directory")
    parser.add_argument("--texts", type=int, help="so many of the 108 sentences [all]")
    parser.add_argument("--json", type=pathlib.Path, help="where the results go")
    arguments = parser.parse_args()
    by_language = json.loads(TRANSLATIONS.read_text("utf-8"))
    texts = [sentence for language in by_language.values() for sentence in language][: arguments.texts]
    report = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "what": "float8 emulated on a CPU, compared with float32",
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "transformers")},
        "model": arguments.model.name,
        "texts": len(texts),
        "results": measure(arguments.model, texts),
    }
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
