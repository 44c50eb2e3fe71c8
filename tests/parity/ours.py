"""Runs the library through bgem3_dump_layers and reads what it wrote."""

import json
import pathlib
import subprocess
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ours:
    """Results for B texts; per-text lists are views into the files' arrays."""

    offsets: np.ndarray
    dense: np.ndarray
    sparse: list[dict[int, float]]
    colbert: list[np.ndarray]
    layers: list[np.ndarray]  # [N, D] each, rows of all texts in input order
    scores: np.ndarray | None

    def lengths(self) -> list[int]:
        return np.diff(self.offsets).tolist()

    def hidden(self, layer: int, text: int) -> np.ndarray:
        return self.layers[layer][self.offsets[text] : self.offsets[text + 1]]


def run(tool: str, model: pathlib.Path, texts: list[str] | list[list[int]], out: pathlib.Path, *options: str) -> Ours:
    """Embeds `texts`, which are ids with `--ids`; `options` are the tool's. A failure of the tool fails the test with its message."""
    out.mkdir(parents=True, exist_ok=True)
    file = out / "texts.jsonl"
    file.write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")
    done = subprocess.run([tool, str(model), str(file), str(out), *options], capture_output=True, text=True)
    assert done.returncode == 0, f"bgem3_dump_layers ended with {done.returncode}: {done.stderr}"
    return read(out)


def read(out: pathlib.Path) -> Ours:
    """Reads a directory that the tool wrote."""
    offsets = np.load(out / "offsets.npy")
    layers = [np.load(out / f"layer_{i}.npy") for i in range(len(list(out.glob("layer_*.npy"))))]
    scores = np.load(out / "scores.npy") if (out / "scores.npy").exists() else None
    return Ours(offsets, np.load(out / "dense.npy"), _sparse(out), _colbert(out, offsets), layers, scores)


def _sparse(out: pathlib.Path) -> list[dict[int, float]]:
    if not (out / "sparse_ids.npy").exists():
        return []
    ids, weights, offsets = (np.load(out / f"sparse_{name}.npy") for name in ("ids", "weights", "offsets"))
    return [dict(zip(ids[b:e].tolist(), weights[b:e].tolist(), strict=True)) for b, e in zip(offsets, offsets[1:])]


def _colbert(out: pathlib.Path, offsets: np.ndarray) -> list[np.ndarray]:
    if not (out / "colbert.npy").exists():
        return []
    rows = np.load(out / "colbert.npy")
    begins = offsets - np.arange(len(offsets))  # one row less per text: <s> has none
    return [rows[b:e] for b, e in zip(begins, begins[1:])]
