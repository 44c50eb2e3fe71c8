"""What a Python user has instead on a GPU: seconds of one call in float16, on a model directory, as JSON.

    python bench/cuda_peers.py models/full peers.json

Texts and sizes are those of bgem3_bench_cuda, so its times can be divided by these. That the vectors are right is shown by
cuda_program.py. A package that is not installed is listed as such, and what fails with its reason.
"""

import argparse
import functools
import importlib.util
import json
import math
import pathlib
import statistics
import time
from collections.abc import Callable

import numpy as np
import workload_texts

WORDS = ("bread", "sun", "house", "water", "tree", "milk", "river", "light")
WORKLOADS = {
    "1 x 16": [16],
    "1 x 32": [32],
    "12 x 512": [512] * 12,
    "1 x 2048": [2048],
    "1 x 8192": [8192],
    "12 x 8192": [8192] * 12,
    "24 mixed": workload_texts.MIXED,
    "1000 short": [12] * 1000,
}
BUDGET_SECONDS = 10
Encode = Callable[[list[str]], np.ndarray]


def texts_of(lengths: list[int]) -> list[str]:
    """Texts of so many tokens, from 10 on: each word is one token; the first seven count the texts, so no two are alike."""

    def word(text: int, at: int) -> str:
        return WORDS[(text >> (3 * at) if at < 7 else text * text + 7 * at) % 8]

    return [" ".join(word(i, k) for k in range(n - 2)) for i, n in enumerate(lengths)]


def load_flagembedding(model: str, device: str, batch_size: int) -> Encode:
    from FlagEmbedding import BGEM3FlagModel

    loaded = BGEM3FlagModel(model, use_fp16=device != "cpu", devices=device)
    return lambda texts: loaded.encode(texts, batch_size=batch_size, max_length=8192)["dense_vecs"]


def load_sentence_transformers(model: str, device: str, batch_size: int) -> Encode:
    import torch
    from sentence_transformers import SentenceTransformer

    dtype = torch.float32 if device == "cpu" else torch.float16
    options = {"dtype": dtype, "attn_implementation": "sdpa"}
    loaded = SentenceTransformer(model, device=device, model_kwargs=options)
    return lambda texts: loaded.encode(texts, batch_size=batch_size)


PEERS = {"FlagEmbedding": load_flagembedding, "sentence_transformers": load_sentence_transformers}


def attempt(work: Callable[[], object]) -> object:
    """What `work` gives, or why it gives nothing: one that fails should not hide the others."""
    try:
        return work()
    except Exception as error:
        return f"failed: {error}"


def load_peer(name: str, model: str, device: str, batch_size: int = 256) -> Encode | str:
    """A peer, or why there is none. 256 is FlagEmbedding's own batch size."""
    if importlib.util.find_spec(name) is None:
        return "not installed"
    loaded = attempt(lambda: PEERS[name](model, device, batch_size))
    return loaded if callable(loaded) else str(loaded)


def write(file: pathlib.Path, results: dict[str, object]) -> None:
    """Whole at any time: whoever is stopped leaves what was measured until then."""
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(results, indent=2) + "\n")
    draft.replace(file)


def measure(encode: Encode, texts: list[str]) -> float:
    """Median seconds of at most five calls after one to warm up; each of them ends with the results on the host."""
    encode(texts)
    seconds: list[float] = []
    while len(seconds) < 5 and (len(seconds) < 2 or sum(seconds) < BUDGET_SECONDS):
        started = time.perf_counter()
        encode(texts)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--device", default="cuda:0", help="[%(default)s]")
    parser.add_argument("--most-tokens", type=int, metavar="N", help="without workloads of more tokens [all]")
    options = parser.parse_args()
    limit = options.most_tokens or math.inf
    workloads = {name: sizes for name, sizes in WORKLOADS.items() if sum(sizes) <= limit}
    results: dict[str, object] = {}
    for name in PEERS:
        peer = load_peer(name, options.model, options.device)
        times: dict[str, object] = {}
        results[name] = peer if isinstance(peer, str) else times
        for workload, sizes in workloads.items() if not isinstance(peer, str) else ():
            times[workload] = attempt(functools.partial(measure, peer, texts_of(sizes)))
            write(options.output, results)
    write(options.output, results)


if __name__ == "__main__":
    main()
