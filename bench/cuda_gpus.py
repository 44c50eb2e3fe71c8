"""GPUs for cuda_roofline.py. Rates of the H100 are those of bench/results, of kernels and products by themselves; those of
GPUs that were not measured are assumed.
"""

import bisect
import functools
import json
import math
import pathlib
import re
import statistics

from cuda_roofline import HEAD_SIZE, HEADS, Attention, Curve, Gpu

RESULTS = pathlib.Path(__file__).resolve().parent / "results"


class NoResults(Exception):
    """Says which results are missing."""


@functools.cache
def read_results(name: str) -> dict:
    file = RESULTS / name
    if not file.is_file():
        raise NoResults(f"expected measured results in {file}, found no such file")
    return json.loads(file.read_text())


def measured_benchmarks() -> dict[str, dict]:
    """Name → median of its repetitions, or the only one."""
    found = {}
    for each in read_results("gpu-h100.json")["benchmarks"]["benchmarks"]:
        if each.get("aggregate_name", "median") == "median" and (each["repetitions"] == 1 or "aggregate_name" in each):
            found[each["run_name"].split("/")[0]] = each
    return found


def attention_flops(texts: int, tokens: int) -> int:
    return 4 * texts * tokens**2 * HEADS * HEAD_SIZE


def measured_attention(kernel: str) -> Attention:
    """From "attention 12 x 512, flash" and the like. One text leaves most of the GPU idle: the smallest kernel."""
    points, smallest = {}, 0.0
    for name, each in measured_benchmarks().items():
        if found := re.fullmatch(rf"attention (\d+) x (\d+), {kernel}", name):
            texts, tokens = int(found[1]), int(found[2])
            seconds = attention_flops(texts, tokens) / (each["TFLOP/s"] * 1e12)
            if texts > 1:
                points[tokens] = seconds / texts
            elif tokens == 32:
                smallest = seconds
    if len(points) < 2 or not smallest:
        raise NoResults(f"expected 'attention TEXTS x TOKENS, {kernel}' in gpu-h100.json, found {sorted(points)}")
    return Attention(interpolate(points), smallest)


def interpolate(points: dict[int, float]) -> Curve:
    """Powers of the length between points and beyond the last; as much as the first before it."""
    known = sorted(points)

    def seconds(tokens: int) -> float:
        if tokens <= known[0]:
            return points[known[0]]
        right = min(max(bisect.bisect_left(known, tokens), 1), len(known) - 1)
        a, b = known[right - 1], known[right]
        power = math.log(points[b] / points[a]) / math.log(b / a)
        return points[a] * (tokens / a) ** power

    return seconds


def assumed_attention(tile: int, rate: float, smallest: float) -> Attention:
    """Whole tiles of queries and keys at one rate."""
    return Attention(lambda tokens: attention_flops(1, math.ceil(tokens / tile) * tile) / rate, smallest)


def measured_gelu_factor() -> float:
    """The median over products of many rows that were timed by themselves."""
    products = read_results("gpu-h100-parts.json")["products"]["1024"]
    large = [each for name, each in products.items() if name.startswith("up ") and int(name.split()[1]) >= 3072]
    return statistics.median(each["bias+gelu_tanh epilogue"][0] / each["bias"][0] for each in large)


def h100() -> Gpu:
    """Bandwidths and the smallest kernel are assumed: 90 % of what the memory is sold with."""
    return Gpu(
        name="H100",
        capability=90,
        multiprocessors=132,
        matmul=float(read_results("gpu-h100.json")["benchmarks"]["context"]["matmul_tflops"]) * 1e12,
        memory=3.0e12,
        cache=5.5e12,
        cache_bytes=50e6,
        smallest_kernel=2.5e-6,
        gelu_factor=measured_gelu_factor(),
        attention={kernel: measured_attention(kernel) for kernel in ("short", "long", "flash", "efficient")},
        measured=True,
    )


def a100() -> Gpu:
    """A100 SXM with 80 GB. 312 TFLOP/s and 2.04 TB/s by its data sheet, 85 % of them assumed."""
    return Gpu(
        name="A100",
        capability=80,
        multiprocessors=108,
        matmul=265e12,
        memory=1.75e12,
        cache=3.5e12,
        cache_bytes=40e6,
        smallest_kernel=3e-6,
        gelu_factor=1.1,
        attention={"short": assumed_attention(16, 40e12, 6e-6), "flash": assumed_attention(128, 180e12, 6e-6)},
    )


def t4() -> Gpu:
    """65 TFLOP/s and 320 GB/s by its data sheet; 70 W leave 40 TFLOP/s."""
    return Gpu(
        name="T4",
        capability=75,
        multiprocessors=40,
        matmul=40e12,
        memory=0.26e12,
        cache=1.2e12,
        cache_bytes=4e6,
        smallest_kernel=4e-6,
        gelu_factor=1.1,
        attention={"efficient": assumed_attention(64, 14e12, 6e-6)},
    )


GPUS = {"H100": h100, "A100": a100, "T4": t4}


@functools.cache
def load_gpu(name: str) -> Gpu:
    if name not in GPUS:
        raise NoResults(f"expected a GPU of {', '.join(GPUS)}, found '{name}'")
    return GPUS[name]()
