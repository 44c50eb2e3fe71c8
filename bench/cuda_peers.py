"""What a Python user has instead on a GPU: seconds of one call in float16, on a model directory, as JSON.

    python bench/cuda_peers.py models/full > peers.json

Texts and sizes are those of bgem3_bench_cuda, so its times can be divided by these. That the vectors are right is shown by
cuda_program.py. A package that is not installed is listed as such.
"""

import importlib.util
import json
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

WORDS = ("bread", "sun", "house", "water", "tree", "stone", "river", "bird")
# bench/workloads.h has the same.
MIXED = [103, 508, 432, 53, 69, 52, 197, 93, 243, 10, 651, 88]
MIXED += [225, 84, 63, 173, 267, 78, 82, 226, 35, 16, 159, 44]
WORKLOADS = {
    "1 x 16": [16],
    "1 x 32": [32],
    "12 x 512": [512] * 12,
    "1 x 2048": [2048],
    "1 x 8192": [8192],
    "12 x 8192": [8192] * 12,
    "24 mixed": MIXED,
    "1000 short": [12] * 1000,
}
BUDGET_SECONDS = 10
Encode = Callable[[list[str]], np.ndarray]


def texts_of(lengths: list[int]) -> list[str]:
    """Texts of about so many tokens; no two are alike."""
    return [" ".join(WORDS[(i * i + 7 * k) % 8] for k in range(n - 3)) + f" {i}" for i, n in enumerate(lengths)]


def load_flagembedding(model: str, device: str) -> Encode:
    from FlagEmbedding import BGEM3FlagModel

    loaded = BGEM3FlagModel(model, use_fp16=device != "cpu", devices=device)
    return lambda texts: loaded.encode(texts, batch_size=256, max_length=8192)["dense_vecs"]


def load_sentence_transformers(model: str, device: str) -> Encode:
    import torch
    from sentence_transformers import SentenceTransformer

    dtype = torch.float32 if device == "cpu" else torch.float16
    options = {"dtype": dtype, "attn_implementation": "sdpa"}
    loaded = SentenceTransformer(model, device=device, model_kwargs=options)
    return lambda texts: loaded.encode(texts, batch_size=256)


PEERS = {"FlagEmbedding": load_flagembedding, "sentence_transformers": load_sentence_transformers}


def for_each_peer(model: str, device: str, work: Callable[[Encode], object]) -> dict[str, object]:
    """What `work` makes of each peer, or why there is nothing: one that fails should not hide the others."""
    results: dict[str, object] = {}
    for name, load in PEERS.items():
        if importlib.util.find_spec(name) is None:
            results[name] = "not installed"
            continue
        try:
            results[name] = work(load(model, device))
        except Exception as error:
            results[name] = f"failed: {error}"
    return results


def measure(encode: Encode, texts: list[str]) -> float:
    """Median seconds of at most five calls after one to warm up; each of them ends with the results on the host."""
    encode(texts)
    seconds: list[float] = []
    while len(seconds) < 5 and (len(seconds) < 2 or sum(seconds) < BUDGET_SECONDS):
        started = time.perf_counter()
        encode(texts)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def main(model: str) -> None:
    texts = {workload: texts_of(sizes) for workload, sizes in WORKLOADS.items()}
    times = for_each_peer(model, "cuda:0", lambda encode: {name: measure(encode, some) for name, some in texts.items()})
    json.dump(times, sys.stdout, indent=2)


if __name__ == "__main__":
    main(*sys.argv[1:])
