"""Predicts what a call takes on an NVIDIA GPU from bytes and operations, and puts what was measured beside it.

    python bench/cuda_model.py
    python bench/cuda_model.py --gpu T4

How it is predicted stands in cuda_roofline.py, of what a GPU is made in cuda_gpus.py. Nothing is fitted to the times of
whole calls: where they differ, something is missing here, or could be faster there.

"before" is the code as it first met a GPU, "after" as it is now, and the steps between them are the changes in their order.
Columns: ms, % of the ceiling of products, change of ms by the step.
"""

import argparse
import pathlib
import re
import sys

from cuda_gpus import GPUS, NoResults, load_gpu, measured_benchmarks, read_results
from cuda_roofline import AFTER, BEFORE, Gpu, add, call_parts, call_seconds, count_flops, floor_seconds, steps

BENCH = pathlib.Path(__file__).resolve().parent


def mixed_lengths() -> list[int]:
    return [int(tokens) for tokens in (BENCH / "mixed_lengths.inc").read_text().split(",")]


def workloads() -> dict[str, list[int]]:
    """Those of bgem3_bench_cuda."""
    return {
        "12 x 512": [512] * 12,
        "12 x 8192": [8192] * 12,
        "24 mixed": mixed_lengths(),
        "1000 short": [12] * 1000,
        "1 x 32": [32],
    }


# Those at commit a7c2b10 had a quarter more tokens: tokens a second are compared. Not of 12 x 8192, which were three
# texts, nor of 1 x 32, whose time hardly depends on tokens.
COMPARED_BEFORE = ("12 x 512", "24 mixed", "1000 short")


def measured_ms(workload: str) -> float:
    each = measured_benchmarks().get(workload)
    if each is None:
        raise NoResults(f"expected the workload '{workload}' in gpu-h100.json, found none")
    return each["real_time"]


def measured_before_ms(workload: str, lengths: list[int]) -> float | None:
    if workload not in COMPARED_BEFORE:
        return None
    before = read_results("gpu-h100-parts.json")["before"]["workloads"][workload]
    return 1e3 * sum(lengths) / before["tokens/s"]


def percent_of_ceiling(gpu: Gpu, lengths: list[int], ms: float) -> float:
    return 100 * count_flops(lengths) / (ms * 1e-3) / gpu.matmul


def cell(gpu: Gpu, lengths: list[int], ms: float | None, change: float | None = None) -> str:
    if ms is None:
        return ""
    return f"{ms:7.2f} {percent_of_ceiling(gpu, lengths, ms):3.0f} %" + ("" if change is None else f" {change:+6.2f}")


def print_row(label: str, cells: list[str]) -> None:
    print(f"{label:32}" + "".join(f"{each:<22}" for each in cells).rstrip())


def print_steps(gpu: Gpu) -> None:
    before: list[float] = []
    for label, code in steps().items():
        now = [1e3 * call_seconds(gpu, code, lengths) for lengths in workloads().values()]
        changes = [b - a for a, b in zip(before, now)] or [None] * len(now)
        cells = [cell(gpu, lengths, *each) for lengths, *each in zip(workloads().values(), now, changes)]
        print_row(label, cells)
        before = now
    print_row("after", [cell(gpu, lengths, ms) for lengths, ms in zip(workloads().values(), before)])


def print_measured(gpu: Gpu) -> None:
    loads = workloads()
    after = {name: 1e3 * call_seconds(gpu, AFTER, lengths) for name, lengths in loads.items()}
    before = {name: 1e3 * call_seconds(gpu, BEFORE, lengths) for name, lengths in loads.items()}
    found_before = {name: measured_before_ms(name, lengths) for name, lengths in loads.items()}
    print_row("measured before", [cell(gpu, loads[name], ms) for name, ms in found_before.items()])
    ratios = [f"{ms / before[name]:7.2f}" if ms else "" for name, ms in found_before.items()]
    print_row("measured / predicted, before", ratios)
    print_row("measured after", [cell(gpu, loads[name], measured_ms(name)) for name in loads])
    print_row("measured / predicted, after", [f"{measured_ms(name) / after[name]:7.2f}" for name in loads])


KINDS = {
    "attention": r"attention|flash_fwd",
    "norms": r"layer_norm",
    "GELU": r"Gelu",
    "products": r"nvjet|splitKreduce|gemm|cutlass",
}


def kind_of(kernel: str) -> str | None:
    return next((kind for kind, pattern in KINDS.items() if re.search(pattern, kernel)), None)


def profiled_parts(workload: str) -> dict[str, float]:
    """Seconds by kind of kernel, of the calls that were profiled; nothing for the others."""
    kernels = read_results("gpu-h100-parts.json")["kernels_by_workload"]["after"].get(workload, [])
    parts = add() if kernels else {}
    for _calls, microseconds, kernel in kernels:
        if kind := kind_of(kernel):
            parts[kind] += microseconds * 1e-6
    return parts


def with_rest(parts: dict[str, float], call: float) -> dict[str, float]:
    """And what the call takes beside them: copies, gaps between kernels, the host."""
    return parts | {"rest": call - sum(parts.values())}


def parts_of(gpu: Gpu, workload: str, lengths: list[int]) -> list[dict[str, float]]:
    """Predicted, and profiled where that was done."""
    found = [with_rest(call_parts(gpu, AFTER, lengths), call_seconds(gpu, AFTER, lengths))]
    profiled = profiled_parts(workload) if gpu.measured else {}
    return [*found, with_rest(profiled, measured_ms(workload) * 1e-3)] if profiled else found


def print_parts(gpu: Gpu) -> None:
    print("\nafter, ms by kind of kernel: predicted" + (", profiled" if gpu.measured else ""))
    parts = [parts_of(gpu, name, lengths) for name, lengths in workloads().items()]
    for kind in ("products", "attention", "norms", "rest"):
        print_row(f"  {kind}", ["".join(f"{1e3 * each[kind]:8.2f}" for each in of_workload) for of_workload in parts])


def print_gpu(gpu: Gpu) -> None:
    source = "measured" if gpu.measured else "assumed; predicted only, no such GPU was measured"
    print(f"{gpu.name}: ceiling {gpu.matmul / 1e12:.0f} TFLOP/s ({source})\n")
    print_row("", [f"{name:>12}" for name in workloads()])
    print_steps(gpu)
    if gpu.measured:
        print_measured(gpu)
    floors = [cell(gpu, lengths, 1e3 * floor_seconds(gpu, lengths)) for lengths in workloads().values()]
    print_row("floor: operations or weights", floors)
    print_parts(gpu)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gpu", choices=GPUS, default="H100", help="[%(default)s]")
    try:
        print_gpu(load_gpu(parser.parse_args().gpu))
    except NoResults as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
