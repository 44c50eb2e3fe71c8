"""Puts what scripts/gpu_check has measured into one JSON file.

    python scripts/lib/gpu_report.py build/gpu-results OUTPUT.json

The directory holds unit.txt and gpu.txt (doctest), bench.json (Google Benchmark) and peers.json; what is missing or
broken is null in the result. `times_as_fast` has the seconds of each peer divided by those of bgem3,
`graphs_times_as_fast` those of bgem3 without CUDA graphs divided by those with.
"""

import datetime
import json
import pathlib
import re
import subprocess
import sys

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


def read_json(file: pathlib.Path) -> dict | None:
    """The file, unless it is missing or cut short."""
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError):
        return None


def median_seconds(bench: dict | None) -> dict[str, float]:
    """Seconds of each workload that was repeated."""
    runs = (bench or {}).get("benchmarks", [])
    medians = [run for run in runs if run.get("aggregate_name") == "median"]
    return {run["run_name"].split("/")[0]: run["real_time"] * SECONDS[run["time_unit"]] for run in medians}


def compare(ours: dict[str, float], peers: dict | None) -> dict[str, dict[str, float]]:
    """How many times as fast bgem3 is as each peer that was measured."""
    measured = {name: times for name, times in (peers or {}).items() if isinstance(times, dict)}
    return {
        name: {workload: seconds / ours[workload] for workload, seconds in times.items() if workload in ours}
        for name, times in measured.items()
    }


def compare_graphs(ours: dict[str, float]) -> dict[str, float]:
    """What CUDA graphs gain, for each workload that was measured with and without."""
    with_graphs = {workload: f"{workload}, graphs" for workload in ours}
    return {workload: ours[workload] / ours[name] for workload, name in with_graphs.items() if name in ours}


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
    bench, peers = read_json(results / "bench.json"), read_json(results / "peers.json")
    ours = median_seconds(bench)
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "device": output_of("nvidia-smi", "--query-gpu=name", "--format=csv,noheader"),
        "versions": versions(),
        "tests": {name: read_tests(results / f"{name}.txt") for name in ("unit", "gpu")},
        "benchmarks": bench,
        "peers_seconds": peers,
        "times_as_fast": compare(ours, peers),
        "graphs_times_as_fast": compare_graphs(ours),
    }


def main(directory: str, output: str) -> None:
    text = json.dumps(report(pathlib.Path(directory)), indent=2)
    pathlib.Path(output).write_text(text + "\n")
    print(f"written: {output}")


if __name__ == "__main__":
    main(*sys.argv[1:])
