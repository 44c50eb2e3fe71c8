"""Puts what scripts/gpu_check has measured into one JSON file, and tells which targets are met.

    python scripts/lib/gpu_report.py build/gpu-results OUTPUT.json

The directory holds unit.txt and gpu-AREA.txt (doctest), bench.json (Google Benchmark), peers.json and program.json (bench/), and
stages.txt (a name, seconds and an exit status to a line); what is missing or broken is null in the result.
`times_as_fast` has the seconds of each peer divided by those of bgem3, `graphs_times_as_fast` those of bgem3 without CUDA
graphs divided by those with.
"""

import contextlib
import datetime
import json
import pathlib
import re
import statistics
import subprocess
import sys
from collections.abc import Callable

DOCTEST = re.compile(r"test cases:\s*(\d+) \|\s*(\d+) passed \|\s*(\d+) failed")
SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


def output_of(*command: str) -> str | None:
    """What a command prints; None where there is none or it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def read_tests(file: pathlib.Path) -> dict[str, int] | None:
    """Counts of one doctest run; None when it did not reach its end."""
    match = DOCTEST.search(file.read_text()) if file.exists() else None
    return {"run": int(match[1]), "passed": int(match[2]), "failed": int(match[3])} if match else None


def read_all_tests(results: pathlib.Path) -> dict[str, dict[str, int] | None]:
    """Of unit.txt and of each gpu-AREA.txt."""
    files = [results / "unit.txt", *sorted(results.glob("gpu-*.txt"))]
    return {file.stem: read_tests(file) for file in files}


def read_bench(file: pathlib.Path) -> dict | None:
    """Google Benchmark's, without the run in which it was cut short."""
    text = file.read_text() if file.exists() else ""
    end = text.rfind("\n    }")
    for whole in (text, text[:end] + "\n    }]}"):
        with contextlib.suppress(ValueError):
            return json.loads(whole)
    return None


def read_json(file: pathlib.Path) -> dict | None:
    """The file, unless it is missing or cut short."""
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError):
        return None


def read_stages(file: pathlib.Path) -> dict[str, dict[str, int]]:
    """Seconds and exit status of each; 124 is the status of one that was stopped at its limit."""
    lines = file.read_text().splitlines() if file.exists() else []
    fields = [line.split() for line in lines]
    return {name: {"seconds": int(seconds), "status": int(status)} for name, seconds, status in fields}


def medians(bench: dict | None) -> dict[str, dict]:
    """Of each workload that was repeated; what was not, as it was measured."""
    runs = [run for run in (bench or {}).get("benchmarks", []) if "error_occurred" not in run]
    single = [run for run in runs if run.get("run_type") != "aggregate" and run.get("repetitions", 1) <= 1]
    repeated = [run for run in runs if run.get("aggregate_name") == "median"]
    return {run["run_name"].split("/")[0]: run for run in [*single, *repeated]}


def median_seconds(bench: dict | None) -> dict[str, float]:
    """Seconds of each workload."""
    return {name: run["real_time"] * SECONDS[run["time_unit"]] for name, run in medians(bench).items()}


def compare(ours: dict[str, float], peers: dict | None) -> dict[str, dict[str, float]]:
    """How many times as fast bgem3 is as each peer that was measured."""
    measured = {name: times for name, times in (peers or {}).items() if isinstance(times, dict)}
    return {
        name: {
            workload: seconds / ours[workload]
            for workload, seconds in times.items()
            if workload in ours and isinstance(seconds, float)
        }
        for name, times in measured.items()
    }


def compare_graphs(ours: dict[str, float]) -> dict[str, float]:
    """What CUDA graphs gain, for each workload that was measured with and without."""
    without = {workload: f"{workload}, no graphs" for workload in ours}
    return {workload: ours[name] / ours[workload] for workload, name in without.items() if name in ours}


# Targets

AT_LEAST, AT_MOST = "at least", "at most"
Find = Callable[[dict], float | None]


def of_bench(workload: str, counter: str) -> Find:
    return lambda report: medians(report["benchmarks"]).get(workload, {}).get(counter)


def milliseconds(workload: str) -> Find:
    def find(report: dict) -> float | None:
        seconds = median_seconds(report["benchmarks"]).get(workload)
        return None if seconds is None else 1e3 * seconds

    return find


def of_flagembedding(workload: str) -> Find:
    return lambda report: report["times_as_fast"].get("FlagEmbedding", {}).get(workload)


def first_vector(report: dict) -> float | None:
    seconds = (report["program"] or {}).get("first_vector_seconds")
    return statistics.median(seconds) if isinstance(seconds, list) else None


def lowest_cosine(report: dict) -> float | None:
    """To transformers: compared with itself, bgem3 has met nothing."""
    program = report["program"] or {}
    found = (
        program.get("cosines", {}).get("float16") if program.get("reference", "").startswith("transformers") else None
    )
    return found["lowest"] if isinstance(found, dict) else None


def lowest_cosine_beyond_flagembedding(report: dict) -> float | None:
    ours, theirs = lowest_cosine(report), (report["program"] or {}).get("peers_cosines", {}).get("FlagEmbedding")
    return ours - theirs["lowest"] if ours is not None and isinstance(theirs, dict) else None


# On an H100 or H200, full-size model, float16.
TARGETS: list[tuple[str, Find, str, float]] = [
    ("12 x 512: % of the matmul ceiling", of_bench("12 x 512", "%ceiling"), AT_LEAST, 70),
    ("384 x 512: % of the matmul ceiling", of_bench("384 x 512", "%ceiling"), AT_LEAST, 70),
    ("12 x 8192: % of the matmul ceiling", of_bench("12 x 8192", "%ceiling"), AT_LEAST, 60),
    ("12 x 8192: peak device memory, MB", of_bench("12 x 8192", "peak_device_MB"), AT_MOST, 6000),
    ("12 x 512: times FlagEmbedding", of_flagembedding("12 x 512"), AT_LEAST, 2),
    ("24 mixed: times FlagEmbedding", of_flagembedding("24 mixed"), AT_LEAST, 4),
    ("1000 short: times FlagEmbedding", of_flagembedding("1000 short"), AT_LEAST, 5),
    ("1 x 32: times FlagEmbedding", of_flagembedding("1 x 32"), AT_LEAST, 3),
    ("1 x 32: ms", milliseconds("1 x 32"), AT_MOST, 1),
    ("first vector of a new process, s", first_vector, AT_MOST, 5),
    ("10,000 calls: growth of device memory, MB", of_bench("memory", "device_growth_MB"), AT_MOST, 1),
    ("10,000 calls: growth of host memory, MB", of_bench("memory", "host_growth_MB"), AT_MOST, 8),
    ("lowest cosine to float32", lowest_cosine, AT_LEAST, 0.9999),
    ("lowest cosine less FlagEmbedding's", lowest_cosine_beyond_flagembedding, AT_LEAST, -1e-6),
]


def check_targets(report: dict) -> list[dict]:
    """`met` is null where nothing was measured."""
    rows = []
    for name, find, bound, value in TARGETS:
        found = find(report)
        met = None if found is None else found >= value if bound == AT_LEAST else found <= value
        rows.append({"target": name, "wanted": f"{bound} {value:g}", "found": found, "met": met})
    return rows


def show_targets(rows: list[dict]) -> None:
    words = {None: "not measured", True: "met", False: "MISSED"}
    for row in rows:
        found = "" if row["found"] is None else f"{row['found']:.6g}"
        print(f"{words[row['met']]:12} {row['target']:45} {row['wanted']:16} {found}")


def versions() -> dict[str, str | None]:
    """Of everything that takes part."""
    import torch

    nvcc = output_of("nvcc", "--version")
    return {
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": str(torch.backends.cudnn.version()),
        "nvcc": nvcc.splitlines()[-1] if nvcc else None,
        "driver": output_of("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"),
        "python": sys.version.split()[0],
        "commit": output_of("git", "rev-parse", "HEAD"),
    }


def report(results: pathlib.Path) -> dict:
    """All of it."""
    bench, peers = read_bench(results / "bench.json"), read_json(results / "peers.json")
    ours = median_seconds(bench)
    found = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "device": output_of("nvidia-smi", "--query-gpu=name", "--format=csv,noheader"),
        "versions": versions(),
        "stages": read_stages(results / "stages.txt"),
        "tests": read_all_tests(results),
        "benchmarks": bench,
        "peers_seconds": peers,
        "times_as_fast": compare(ours, peers),
        "graphs_times_as_fast": compare_graphs(ours),
        "program": read_json(results / "program.json"),
    }
    return {**found, "targets": check_targets(found)}


def main(directory: str, output: str) -> None:
    found = report(pathlib.Path(directory))
    pathlib.Path(output).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(output).write_text(json.dumps(found, indent=2) + "\n")
    show_targets(found["targets"])
    print(f"written: {output}")


if __name__ == "__main__":
    main(*sys.argv[1:])
