"""Calling threads against one another: 1, 2, 4 and 16 Python threads on one model, with `threads` 1 and 2.

    python bench/threads.py --models models/e5-small --texts 128 --rounds 5 --json bench/results/threads-e5-small.json
    python bench/threads.py --models models/tiny --texts 512 --rounds 15 --json bench/results/threads-tiny.json

The same texts are encoded each time: in one call, and by each number of callers, who share them in calls of a sixteenth.
Rounds go through all of that in turns. Vectors are compared before anything is timed. `of_one_call` is how long the callers
took, divided by what the one call of the same round took: the median of the rounds. The target is 1.1 for 16 callers.
`processor_ms` is what the process took of the processors for each text.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import random
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import bgem3
import numpy as np
import workload_texts

CALLERS = (1, 2, 4, 16)
THREADS = (1, 2)
CALLS = max(CALLERS)
TOLERANCE = 5e-6


class Measured:
    """Seconds, processor seconds and latencies of all rounds of one way to encode the texts."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.processor: list[float] = []
        self.latencies: list[float] = []

    def summary(self, texts: int) -> dict[str, float]:
        ordered = sorted(self.latencies)
        return {
            "texts_per_second": round(texts / statistics.median(self.seconds), 1),
            "latency_median_ms": round(statistics.median(ordered) * 1e3, 1),
            "latency_p95_ms": round(ordered[int(0.95 * (len(ordered) - 1))] * 1e3, 1),
            "processor_ms": round(statistics.median(self.processor) / texts * 1e3, 3),
        }


Callers = tuple[int, ThreadPoolExecutor]
"""How many, and their threads: a thread's first call starts the threads that compute for it, which later calls find."""


def encode(model: bgem3.EmbeddingModel, parts: list[list[str]], who: Callers, measured: Measured) -> np.ndarray:
    """Vectors of all parts; of n callers, caller k takes every n-th part."""
    callers, pool = who
    vectors: list[Any] = [None] * len(parts)
    ready = threading.Barrier(callers + 1)

    def call(caller: int) -> None:
        ready.wait()
        for i in range(caller, len(parts), callers):
            started = time.perf_counter()
            vectors[i] = model.encode(parts[i])
            measured.latencies.append(time.perf_counter() - started)

    calls = [pool.submit(call, caller) for caller in range(callers)]
    ready.wait()
    started, processor = time.perf_counter(), time.process_time()
    for finished in calls:
        finished.result()
    measured.seconds.append(time.perf_counter() - started)
    measured.processor.append(time.process_time() - processor)
    return np.concatenate(vectors)


def measure(directory: pathlib.Path, threads: int, parallel_calls: int, texts: list[str], rounds: int) -> dict:
    model = bgem3.EmbeddingModel(directory, device="cpu", threads=threads, parallel_calls=parallel_calls)
    size = len(texts) // CALLS
    parts = [texts[i : i + size] for i in range(0, len(texts), size)]
    pools = {n: (n, ThreadPoolExecutor(n)) for n in CALLERS}
    ways = {"one call": (pools[1], [texts]), **{f"{n} callers": (pools[n], parts) for n in CALLERS}}
    expected = model.encode(texts)
    for who, shared in ways.values():
        assert np.abs(encode(model, shared, who, Measured()) - expected).max() < TOLERANCE
    measured = {way: Measured() for way in ways}
    for _ in range(rounds):
        for way, (who, shared) in ways.items():
            encode(model, shared, who, measured[way])
    result = {way: found.summary(len(texts)) for way, found in measured.items()}
    for way, found in measured.items():
        ratios = [ours / one for ours, one in zip(found.seconds, measured["one call"].seconds)]
        result[way]["of_one_call"] = round(statistics.median(ratios), 3)
    return {"threads": model.info["threads"], "parallel_calls": model.info["parallel_calls"], "ways": result}


def make_texts(count: int) -> list[str]:
    """Of 3 to 12 words of many languages, no two alike."""
    rng, words = random.Random(5), " ".join(workload_texts.pieces()).split()
    return [f"{i} " + " ".join(rng.choices(words, k=rng.randint(3, 12))) for i in range(count)]


def show(name: str, run: dict) -> None:
    print(f"\n{name}, threads={run['threads']}, parallel_calls={run['parallel_calls']}")
    for way, row in run["ways"].items():
        print(f"  {way:12}", "  ".join(f"{key} {value}" for key, value in row.items()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", type=pathlib.Path, required=True)
    parser.add_argument("--texts", type=int, default=256, help="a multiple of 16")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parallel-calls", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.texts % CALLS or arguments.texts < CALLS:
        parser.error(f"--texts should be a multiple of {CALLS}, found {arguments.texts}")
    texts, results = make_texts(arguments.texts), {}
    for directory in arguments.models:
        results[directory.name] = []
        for threads in THREADS:
            for parallel_calls in arguments.parallel_calls:
                run = measure(directory, threads, parallel_calls, texts, arguments.rounds)
                results[directory.name].append(run)
                show(directory.name, run)
    if arguments.json:
        about = {
            "date": datetime.date.today().isoformat(),
            "bgem3": bgem3.__version__,
            "machine": platform.machine(),
            "processors": len(os.sched_getaffinity(0)),
            "load_average": round(os.getloadavg()[0], 1),
            "texts": arguments.texts,
            "rounds": arguments.rounds,
        }
        arguments.json.write_text(json.dumps({**about, "results": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
