"""What the emulations of a GPU's precisions have in common: texts, transformers' model in float32 on the CPU, a copy of it
that rounds, and how near the vectors of the two are.

A rounded number is float32 again, so sums of products are float32, as they are on a GPU.
"""

import datetime
import importlib.metadata
import json
import pathlib
from collections.abc import Callable

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

TRANSLATIONS = pathlib.Path(__file__).resolve().parents[1] / "tests" / "data" / "translations.json"
NEAREST = 10
POOLINGS = ("cls", "mean")
Round = Callable[[torch.Tensor], torch.Tensor]
Tokens = list[dict[str, torch.Tensor]]


def sentences(count: int | None) -> list[str]:
    """The first of 108 sentences in nine languages; all of them for None."""
    by_language = json.loads(TRANSLATIONS.read_text("utf-8"))
    return [sentence for language in by_language.values() for sentence in language][:count]


def tokenize(directory: pathlib.Path, texts: list[str]) -> Tokens:
    """Of each text by itself: nothing is padded."""
    tokenizer = AutoTokenizer.from_pretrained(directory)
    return [tokenizer(text, truncation=True, max_length=1024, return_tensors="pt") for text in texts]


def load_model(directory: pathlib.Path) -> torch.nn.Module:
    return AutoModel.from_pretrained(directory, dtype=torch.float32, add_pooling_layer=False).eval()


def to_bfloat16(numbers: torch.Tensor) -> torch.Tensor:
    return numbers.bfloat16().float()


def to_float16(numbers: torch.Tensor) -> torch.Tensor:
    return numbers.half().float()


class RoundedLinear(torch.nn.Module):
    """A linear layer with a rounded weight and bias, which rounds its inputs and its outputs when it is called."""

    def __init__(self, layer: torch.nn.Linear, weights: Round, biases: Round, inputs: Round, outputs: Round) -> None:
        super().__init__()
        self.inputs, self.outputs = inputs, outputs
        self.weight = weights(layer.weight)
        self.bias = biases(layer.bias)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.outputs(torch.nn.functional.linear(self.inputs(rows), self.weight, self.bias))


def replace_linear(model: torch.nn.Module, make: Callable[[str, torch.nn.Linear], torch.nn.Module]) -> None:
    """Puts make(name, layer) in place of each linear layer of the encoder."""
    for path, module in list(model.encoder.named_modules()):
        for name, child in module.named_children():
            if isinstance(child, torch.nn.Linear):
                setattr(module, name, make(f"{path}.{name}", child))


def round_embeddings(model: torch.nn.Module, rounded: Round) -> None:
    for module in model.modules():
        if isinstance(module, torch.nn.Embedding):
            module.weight.copy_(rounded(module.weight))


def norms(model: torch.nn.Module) -> list[torch.nn.LayerNorm]:
    return [module for module in model.modules() if isinstance(module, torch.nn.LayerNorm)]


def embed(model: torch.nn.Module, tokens: Tokens) -> dict[str, np.ndarray]:
    """Pooling → normalised vectors; one text at a time, as nothing of another may matter."""
    states = [model(**each).last_hidden_state[0] for each in tokens]
    pooled = {"cls": [state[0] for state in states], "mean": [state.mean(dim=0) for state in states]}
    return {name: torch.nn.functional.normalize(torch.stack(rows)).numpy() for name, rows in pooled.items()}


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of rows, in double precision."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def nearest(vectors: np.ndarray, count: int) -> list[set[int]]:
    """Of each row the `count` others that are nearest to it."""
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -1)
    return [set(np.argsort(-row)[:count].tolist()) for row in similarity]


def compare(exact: np.ndarray, found: np.ndarray, digits: int) -> dict[str, float]:
    """Of two texts at least."""
    each = cosines(exact, found)
    wanted = min(NEAREST, len(exact) - 1)
    overlap = np.mean([len(a & b) / wanted for a, b in zip(nearest(exact, wanted), nearest(found, wanted))])
    return {
        "lowest_cosine": round(float(each.min()), digits),
        "mean_cosine": round(float(each.mean()), digits),
        "ten_nearest_in_common": round(float(overlap), 4),
    }


def write_report(file: pathlib.Path, what: str, model: pathlib.Path, texts: int, **results: object) -> None:
    report = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "what": what,
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "transformers")},
        "model": model.name,
        "texts": texts,
        **results,
    }
    file.write_text(json.dumps(report, indent=2) + "\n")
