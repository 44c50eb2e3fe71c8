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

import numpy as np

Encode = Callable[[list[str], int], np.ndarray]
"""Texts and the most of one batch → dense vectors, float32 [B, D], of length one."""

MAX_LENGTH = 8192


@dataclass
class Settings:
    model: pathlib.Path
    precision: str  # float32, bfloat16 or int8
    threads: int
    cache: pathlib.Path  # for converted models


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
    return Settings(**vars(parser.parse_args()))


# For engines that take padded batches


def padded(model: pathlib.Path, first_states: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Encode:
    """`first_states`: ids and attention mask, int64 [B, L] → the last hidden state of each first token, [B, D]."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)

    def encode(texts: list[str], batch_size: int) -> np.ndarray:
        found: list[np.ndarray | None] = [None] * len(texts)
        for batch in _by_length(texts, batch_size):
            given = [texts[i] for i in batch]
            tokens = tokenizer(given, padding=True, truncation=True, max_length=MAX_LENGTH, return_tensors="np")
            for i, row in zip(batch, first_states(tokens["input_ids"], tokens["attention_mask"])):
                found[i] = row
        return normalized(np.array(found))

    return encode


def _by_length(texts: list[str], batch_size: int) -> Iterator[list[int]]:
    order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
    for begin in range(0, len(order), batch_size):
        yield order[begin : begin + batch_size]


def normalized(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def exported_to_onnx(settings: Settings) -> pathlib.Path:
    """input_ids and attention_mask → last_hidden_state, in float32; made once."""
    file = settings.cache / "onnx" / "model.onnx"
    if file.is_file():
        return file
    import torch
    from transformers import AutoModel

    file.parent.mkdir(parents=True, exist_ok=True)
    model = AutoModel.from_pretrained(settings.model, dtype=torch.float32, attn_implementation="eager").eval()

    class FirstStates(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, input_ids, attention_mask):
            return self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state[:, 0]

    axes = {name: {0: "batch", 1: "length"} for name in ("input_ids", "attention_mask")}
    example = torch.ones(2, 8, dtype=torch.int64)
    torch.onnx.export(
        FirstStates().eval(),
        (example * 5, example),
        str(file.with_name("unfinished.onnx")),
        input_names=[*axes],
        output_names=["first_states"],
        dynamic_axes={**axes, "first_states": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )
    file.with_name("unfinished.onnx").rename(file)
    return file
