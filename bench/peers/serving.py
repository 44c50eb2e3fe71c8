"""What every peer shares: a process that loads a model once, answers each line of JSON with one, and times itself.

{"texts": [...], "batch_size": n, "vectors": true} -> {"vectors": [[...]]}
{"texts": [...], "batch_size": n}                  -> {"seconds": ...}
"""

import argparse
import json
import os
import pathlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

Encode = Callable[[list[str], int], np.ndarray]
"""Texts and the most of one batch → dense vectors, float32 [B, D], of length one."""

Tokens = dict[str, np.ndarray]
"""What the model's tokenizer makes of a batch: input_ids, attention_mask and the like, int64 [B, L]."""


@dataclass
class Settings:
    model: pathlib.Path
    precision: str  # float32, bfloat16 or int8
    threads: int
    cache: pathlib.Path  # for converted models
    max_length: int

    @property
    def takes_mean(self) -> bool:
        """Of a text's last hidden states; else the first one is its vector."""
        return json.loads((self.model / "1_Pooling" / "config.json").read_text())["pooling_mode_mean_tokens"]


def serve(load: Callable[[Settings], Encode]) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the peer itself prints must not come between
    encode = load(_settings())
    print("{}", file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        started = time.perf_counter()
        vectors = encode(request["texts"], request["batch_size"])
        seconds = time.perf_counter() - started
        reply = {"vectors": vectors.tolist()} if request.get("vectors") else {"seconds": seconds}
        print(json.dumps(reply), file=answers, flush=True)


def _settings() -> Settings:
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("precision")
    parser.add_argument("threads", type=int)
    parser.add_argument("cache", type=pathlib.Path)
    parser.add_argument("max_length", type=int)
    return Settings(**vars(parser.parse_args()))


# For engines that take padded batches


def padded(settings: Settings, pooled_states: Callable[[Tokens], np.ndarray]) -> Encode:
    """`pooled_states`: a batch → pooled last hidden states, float32 [B, D]."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(settings.model)

    def encode(texts: list[str], batch_size: int) -> np.ndarray:
        found: list[np.ndarray | None] = [None] * len(texts)
        for batch in _by_length(texts, batch_size):
            given = [texts[i] for i in batch]
            tokens = tokenizer(
                given, padding=True, truncation=True, max_length=settings.max_length, return_tensors="np"
            )
            for i, row in zip(batch, pooled_states(dict(tokens))):
                found[i] = row
        return normalized(np.array(found))

    return encode


def _by_length(texts: list[str], batch_size: int) -> Iterator[list[int]]:
    order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
    for begin in range(0, len(order), batch_size):
        yield order[begin : begin + batch_size]


def normalized(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def pool(states: "torch.Tensor", mask: "torch.Tensor", settings: Settings) -> "torch.Tensor":
    """[B, L, D] and the attention mask [B, L] → [B, D]"""
    if not settings.takes_mean:
        return states[:, 0]
    weights = mask[:, :, None].to(states.dtype)
    return (states * weights).sum(dim=1) / weights.sum(dim=1)


def exported_to_onnx(settings: Settings) -> pathlib.Path:
    """Tokens → pooled last hidden states, in float32; made once."""
    file = settings.cache / "onnx" / "model.onnx"
    if file.is_file():
        return file
    import torch
    from transformers import AutoModel, AutoTokenizer

    file.parent.mkdir(parents=True, exist_ok=True)
    model = AutoModel.from_pretrained(settings.model, dtype=torch.float32, attn_implementation="eager").eval()

    example = AutoTokenizer.from_pretrained(settings.model)(
        ["of three words", "one"], padding=True, return_tensors="pt"
    )

    class PooledStates(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, *inputs):
            tokens = dict(zip(example, inputs))
            return pool(self.model(**tokens).last_hidden_state, tokens["attention_mask"], settings)

    torch.onnx.export(
        PooledStates().eval(),
        tuple(example.values()),
        str(file.with_name("unfinished.onnx")),
        input_names=[*example],
        output_names=["pooled_states"],
        dynamic_axes={**{name: {0: "batch", 1: "length"} for name in example}, "pooled_states": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )
    file.with_name("unfinished.onnx").rename(file)
    return file
