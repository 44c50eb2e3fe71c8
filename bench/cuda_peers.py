"""What a Python user has instead on a GPU: seconds of one call in float16, on a model directory, as JSON.

    python bench/cuda_peers.py models/full > peers.json

Texts and sizes are those of bgem3_bench_cuda, so its times can be divided by these. A package that is not installed is
listed as such.
"""

import importlib.util
import json
import statistics
import sys
import time
from collections.abc import Callable

WORDS = ("bread", "sun", "house", "water", "tree", "stone", "river", "bird")
WORKLOADS = {"1 x 16": [16], "1 x 32": [32], "12 x 512": [512] * 12, "1 x 2048": [2048], "1000 short": [12] * 1000}
Encode = Callable[[list[str]], object]


def texts_of(lengths: list[int]) -> list[str]:
    """Texts of about so many tokens; no two are alike."""
    return [" ".join(WORDS[(i * i + 7 * k) % 8] for k in range(n - 3)) + f" {i}" for i, n in enumerate(lengths)]


def load_flagembedding(model: str) -> Encode:
    from FlagEmbedding import BGEM3FlagModel

    loaded = BGEM3FlagModel(model, use_fp16=True, devices="cuda:0")
    return lambda texts: loaded.encode(texts, batch_size=256, max_length=8192)


def load_sentence_transformers(model: str) -> Encode:
    import torch
    from sentence_transformers import SentenceTransformer

    options = {"dtype": torch.float16, "attn_implementation": "sdpa"}
    loaded = SentenceTransformer(model, device="cuda", model_kwargs=options)
    return lambda texts: loaded.encode(texts, batch_size=256)


PEERS = {"FlagEmbedding": load_flagembedding, "sentence_transformers": load_sentence_transformers}


def measure(encode: Encode, texts: list[str]) -> float:
    """Median seconds of five calls after one to warm up; every one of them ends with the results on the host."""
    encode(texts)
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        encode(texts)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def main(model: str) -> None:
    results: dict[str, object] = {}
    for name, load in PEERS.items():
        if importlib.util.find_spec(name) is None:
            results[name] = "not installed"
            continue
        try:
            encode = load(model)
            results[name] = {workload: measure(encode, texts_of(sizes)) for workload, sizes in WORKLOADS.items()}
        except Exception as error:  # one peer that fails should not hide the others
            results[name] = f"failed: {error}"
    json.dump(results, sys.stdout, indent=2)


if __name__ == "__main__":
    main(*sys.argv[1:])
