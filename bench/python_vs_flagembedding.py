"""bgem3 and FlagEmbedding side by side: the same calls, in turn, in one run; what counts are the ratios.

    python bench/python_vs_flagembedding.py --model models/full
    python bench/python_vs_flagembedding.py --model DIR --repetitions 5 --json result.json

Results are compared before anything is timed. Start-up is measured in fresh processes, the rest in this one, always
interleaved; a row shows the medians and the range of the ratio.
"""

import argparse
import contextlib
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import workload_texts

PACKAGES = {"bgem3": "bgem3", "FlagEmbedding": "FlagEmbedding"}
TOLERANCE = 5e-6
BATCH_SIZE = 12


def load(package: str, model: str):
    module = __import__(package)
    return module.BGEM3FlagModel(model, use_fp16=False, devices="cpu", passage_max_length=8192, batch_size=BATCH_SIZE)


# Workloads


def workloads(tokenizer) -> dict[str, list[str]]:
    rng, pieces = random.Random(11), workload_texts.pieces()

    def text_of(tokens: int) -> str:
        return workload_texts.text_of(tokens, pieces, tokenizer, rng)

    return {
        "2 short texts": ["What is BGE-M3?", "How do I bake bread without yeast?"],
        "12 x 512 tokens": [text_of(512) for _ in range(12)],
        f"24 mixed, {min(workload_texts.MIXED)} to {max(workload_texts.MIXED)} tokens": [
            text_of(n) for n in workload_texts.MIXED
        ],
    }


# Measuring


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def interleaved(works: dict[str, Callable[[], float]], repetitions: int) -> dict[str, list[float]]:
    """Runs all works in turn, `repetitions` times; what each returned."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repetitions):
        for name, work in works.items():
            times[name].append(work())
    return times


def start_up(model: str, repetitions: int) -> dict[str, dict[str, list[float]]]:
    """Import with load, and the first call, each in a fresh process."""

    def child(package: str) -> dict[str, float]:
        command = [sys.executable, __file__, "--model", model, "--start-up-of", package]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])

    found = {package: [] for package in PACKAGES}
    for _ in range(repetitions):
        for package in PACKAGES:
            found[package].append(child(package))
    return {
        row: {p: [run[row] for run in runs] for p, runs in found.items()} for row in ("import and load", "first call")
    }


def measure_start_up(package: str, model: str) -> None:
    started = time.perf_counter()
    embedder = load(package, model)
    loaded = time.perf_counter()
    embedder.encode(["Hello World"])
    print(json.dumps({"import and load": loaded - started, "first call": time.perf_counter() - loaded}))


def check_equal(models: dict[str, object], texts: list[str]) -> float:
    vectors = [model.encode(texts)["dense_vecs"] for model in models.values()]
    difference = float(np.abs(vectors[0] - vectors[1]).max())
    if difference > TOLERANCE:
        raise SystemExit(f"the results differ by {difference}, more than {TOLERANCE}: nothing to compare")
    return difference


# Telling


def describe() -> dict[str, object]:
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as lines:
        processor = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")
    packages = ["bgem3", "FlagEmbedding", "transformers", "torch"]
    return {
        "date": datetime.date.today().isoformat(),
        "processor": processor if sys.platform == "linux" else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "dtype": "float32",
        "versions": {name: importlib.metadata.version(name) for name in packages},
    }


def summarise(times: dict[str, list[float]]) -> dict[str, object]:
    ratios = [theirs / ours for ours, theirs in zip(times["bgem3"], times["FlagEmbedding"])]
    medians = {package: statistics.median(values) for package, values in times.items()}
    return {"seconds": medians, "ratio": medians["FlagEmbedding"] / medians["bgem3"], "ratios": sorted(ratios)}


def show(rows: dict[str, dict], about: dict[str, object]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", "bgem3, s", "FlagEmbedding, s", "times as fast", "range", title=f"{about['processor']}, float32")
    for name, row in rows.items():
        ours, theirs = (f"{row['seconds'][package]:.3f}" for package in PACKAGES)
        table.add_row(name, ours, theirs, f"{row['ratio']:.1f}", f"{row['ratios'][0]:.1f} to {row['ratios'][-1]:.1f}")
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="models/full", help="model directory [%(default)s]")
    parser.add_argument("--repetitions", type=int, default=3, help="runs of each [%(default)s]")
    parser.add_argument("--json", type=pathlib.Path, help="write the figures here as well")
    parser.add_argument("--start-up-of", choices=PACKAGES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    os.environ["TQDM_DISABLE"] = "1"
    if arguments.start_up_of:
        measure_start_up(arguments.start_up_of, arguments.model)
        return

    rows = {name: summarise(times) for name, times in start_up(arguments.model, arguments.repetitions).items()}
    models = {package: load(package, arguments.model) for package in PACKAGES}
    for name, texts in workloads(models["bgem3"].tokenizer).items():
        difference = check_equal(models, texts)  # warms both up as well
        works = {package: lambda m=model: seconds(lambda: m.encode(texts)) for package, model in models.items()}
        rows[name] = {**summarise(interleaved(works, arguments.repetitions)), "max_difference": difference}
    about = describe()
    show(rows, about)
    if arguments.json:
        arguments.json.write_text(json.dumps({**about, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
