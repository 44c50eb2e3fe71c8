"""Puts what scripts/gpu_check has measured into one JSON file, and tells which targets are met.

    python scripts/lib/gpu_report.py build/gpu-results [--quiet]

Of the directory it reads log.txt, in which each stage has its words between "=== NAME" and "=== NAME: N s, exit status N",
bench-kernels.json and bench-calls.json (Google Benchmark), peers.json, program.json and load.json (bench/); what is missing or broken is
null in the result, gpu_check.json. --quiet: targets are not printed.
`times_as_fast` has the seconds of each peer divided by those of bgem3, `graphs_times_as_fast` those of bgem3 without CUDA
graphs divided by those with.
"""

import contextlib
import datetime
import json
import pathlib
import re
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass

DOCTEST = re.compile(r"test cases:\s*(\d+) \|\s*(\d+) passed \|\s*(\d+) failed")
SANITIZER = re.compile(r"ERROR SUMMARY: (\d+) error")
BEGIN = re.compile(r"=== ([\w-]+)")
END = re.compile(r"=== ([\w-]+): (\d+) s, exit status (\d+)")
TESTS = re.compile(r"unit|gpu-\w+")
BENCHMARKS = ("bench-kernels", "bench-calls")
SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


@dataclass
class Stage:
    """What a stage printed, and how it ended; both are None for one that did not end."""

    words: list[str]
    seconds: int | None = None
    status: int | None = None


@dataclass
class Log:
    """Of all calls: `notes` has lines such as "machine: ..." by their first word, the last call's."""

    dry_run: bool
    notes: dict[str, str]
    stages: dict[str, Stage]


def read_log(file: pathlib.Path) -> Log:
    """A stage that ran twice is what it was the last time."""
    lines = file.read_text(errors="replace").splitlines() if file.exists() else []
    log, current = Log("gpu_check: dry run" in lines[:1], {}, {}), None
    for line in lines:
        if match := END.fullmatch(line):
            stage = log.stages.setdefault(match[1], Stage([]))
            stage.seconds, stage.status = int(match[2]), int(match[3])
            current = None
        elif match := BEGIN.fullmatch(line):
            current = log.stages[match[1]] = Stage([])
        elif current:
            current.words.append(line)
        elif ": " in line:
            log.notes.update([line.split(": ", 1)])
    return log


def read_tests(stage: Stage) -> dict[str, int] | None:
    """Counts of one doctest run; None when it did not reach its end."""
    match = DOCTEST.search("\n".join(stage.words))
    return {"run": int(match[1]), "passed": int(match[2]), "failed": int(match[3])} if match else None


def read_sanitizer(log: Log) -> int | None:
    """Errors that compute-sanitizer found; None where it did not reach its end."""
    words = log.stages["sanitizer"].words if "sanitizer" in log.stages else []
    match = SANITIZER.search("\n".join(words))
    return int(match[1]) if match else None


def read_machine(log: Log) -> dict:
    """What gpu_machine.py found."""
    try:
        return json.loads(log.notes.get("machine", "{}"))
    except ValueError:
        return {}


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


def read_benchmarks(results: pathlib.Path) -> dict | None:
    """Both halves as one, with the context of the last that there is; None where there is neither."""
    halves = [half for half in (read_bench(results / f"{name}.json") for name in BENCHMARKS) if half]
    if not halves:
        return None
    return {**halves[-1], "benchmarks": [run for half in halves for run in half.get("benchmarks", [])]}


def read_load(file: pathlib.Path) -> dict | None:
    """Without the samples, which are thousands."""
    found = read_json(file)
    return found and {name: value for name, value in found.items() if name != "gpu_samples"}


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


def gpu_busy(report: dict) -> float | None:
    gpu = (report["load"] or {}).get("gpu") or {}
    return gpu.get("mean_utilization_percent")


def problems_of_load(report: dict) -> int | None:
    """Kinds of them."""
    return None if report["load"] is None else len(report["load"]["problems"])


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
    ("load: GPU busy, %", gpu_busy, AT_LEAST, 95),
    ("load: problems", problems_of_load, AT_MOST, 0),
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


def report(results: pathlib.Path) -> dict:
    """All of it."""
    log, bench, peers = read_log(results / "log.txt"), read_benchmarks(results), read_json(results / "peers.json")
    machine, ours = read_machine(log), median_seconds(bench)
    names = ("torch", "cuda", "cudnn", "nvcc", "driver", "python", "commit")
    found = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "dry_run": log.dry_run,
        "device": machine.get("gpu"),
        "versions": {name: machine.get(name) for name in names},
        "programs": log.notes.get("programs"),
        "stages": {name: {"seconds": each.seconds, "status": each.status} for name, each in log.stages.items()},
        "tests": {name: read_tests(each) for name, each in log.stages.items() if TESTS.fullmatch(name)},
        "sanitizer_errors": read_sanitizer(log),
        "benchmarks": bench,
        "peers_seconds": peers,
        "times_as_fast": compare(ours, peers),
        "graphs_times_as_fast": compare_graphs(ours),
        "program": read_json(results / "program.json"),
        "load": read_load(results / "load.json"),
    }
    return {**found, "targets": [] if log.dry_run else check_targets(found)}


def write_whole(file: pathlib.Path, text: str) -> None:
    """Whole at any time: whoever is stopped leaves the last one."""
    draft = file.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(file)


def main(directory: str, option: str = "") -> None:
    if option not in ("", "--quiet"):
        sys.exit(f"expected --quiet or nothing, found {option!r}")
    file = pathlib.Path(directory) / "gpu_check.json"
    found = report(file.parent)
    write_whole(file, json.dumps(found, indent=2) + "\n")
    if not option:
        show_targets(found["targets"])
        print(f"written: {file}")


if __name__ == "__main__":
    main(*sys.argv[1:])
