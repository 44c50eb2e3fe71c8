"""What a row of the table of model directories is, and what directories are built of."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from directory import Directory
from safetensors.torch import save_file

Build = Callable[[Directory], None]

MODULES = "modules.json"
POOLING = "1_Pooling/config.json"
SENTENCE = "sentence_bert_config.json"
STATED = "config_sentence_transformers.json"
TOKENIZER = ("sentencepiece.bpe.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
WIDTH = 64
FLAGS = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
KINDS = "sentence_transformers.models."


@dataclass(frozen=True)
class Row:
    name: str
    build: Build
    refused: tuple[str, ...] = ()
    kind: str = "embedder"

    def __str__(self) -> str:
        return self.name


@dataclass
class Rows:
    rows: list[Row] = field(default_factory=list)

    def add(self, name: str, *refused: str, kind: str = "embedder") -> Callable[[Build], Build]:
        def keep(build: Build) -> Build:
            self.rows.append(Row(name, build, refused, kind))
            return build

        return keep


def modules(directory: Directory, **kinds: str) -> None:
    """modules.json: folder → class; `root` stands for the directory itself."""
    entries = [("" if path == "root" else path, kind) for path, kind in kinds.items()]
    directory.write(
        MODULES,
        [{"idx": i, "name": str(i), "path": path, "type": KINDS + kind} for i, (path, kind) in enumerate(entries)],
    )


def pipeline(directory: Directory, pooling: Any = None, normalize: bool = False) -> None:
    """Encoder, pooling and, if asked for, normalisation: what most rows change one file of."""
    directory.link("config.json", "model.safetensors", *TOKENIZER)
    kinds = {"root": "Transformer", "pool": "Pooling"} | ({"norm": "Normalize"} if normalize else {})
    modules(directory, **kinds)
    directory.write("pool/config.json", {"word_embedding_dimension": WIDTH, **(pooling or {"pooling_mode": "mean"})})


def dense(directory: Directory, folder: str, sizes: tuple[int, int] = (WIDTH, 32), **config: Any) -> None:
    torch.manual_seed(len(folder))
    directory.write(f"{folder}/config.json", {"in_features": sizes[0], "out_features": sizes[1], **config})
    tensors = {"linear.weight": torch.randn(sizes[1], sizes[0]) / 8}
    if config.get("bias", True):
        tensors["linear.bias"] = torch.randn(sizes[1])
    if config.get("use_residual") and sizes[0] != sizes[1]:
        tensors["residual.weight"] = torch.randn(sizes[1], sizes[0]) / 8
    save_file(tensors, directory.path / folder / "model.safetensors")


ROWS = Rows()
row = ROWS.add
