"""The report of scripts/gpu_check: parts that failed or are missing leave the others readable."""

import json
import pathlib

import gpu_report


def repeated(name: str, milliseconds: float, aggregate: str = "median", **counters: float) -> dict:
    """As Google Benchmark writes an aggregate."""
    about = {
        "run_name": f"{name}/repeats:3/real_time",
        "run_type": "aggregate",
        "aggregate_name": aggregate,
        "time_unit": "ms",
    }
    return {**about, "real_time": milliseconds, **counters}


def write_bench(folder: pathlib.Path, runs: list[dict], name: str = "bench-calls") -> None:
    (folder / f"{name}.json").write_text(json.dumps({"benchmarks": runs}))


def test_peers_are_compared_with_the_median(tmp_path):
    single = {"run_name": "12 x 512/repeats:3/real_time", "run_type": "iteration", "repetitions": 3, "real_time": 10}
    runs = [{**single, "time_unit": "ms"}, repeated("12 x 512", 90, "mean"), repeated("12 x 512", 50)]
    failed = {"run_name": "attention", "run_type": "iteration", "error_occurred": True}
    write_bench(tmp_path, [failed, *runs])
    (tmp_path / "peers.json").write_text(
        json.dumps({"A": {"12 x 512": 0.2, "other": 1.0, "1 x 32": "failed: x"}, "B": "not installed"})
    )
    assert gpu_report.report(tmp_path)["times_as_fast"] == {"A": {"12 x 512": 4.0}}


def test_both_halves_of_the_benchmarks_count(tmp_path):
    write_bench(tmp_path, [repeated("1 x 32", 10)])
    write_bench(tmp_path, [repeated("product 32, up", 1)], "bench-kernels")
    assert [run["real_time"] for run in gpu_report.report(tmp_path)["benchmarks"]["benchmarks"]] == [1, 10]


def test_graphs_are_compared_with_the_same_workload_without(tmp_path):
    times = {"1 x 32": 1.5, "1 x 32, no graphs": 3.0, "12 x 512": 50, "8 x 24, no graphs": 1}
    runs = [repeated(name, time) for name, time in times.items()]
    write_bench(tmp_path, runs)
    assert gpu_report.report(tmp_path)["graphs_times_as_fast"] == {"1 x 32": 2.0}


def targets_of(report: dict) -> dict[str, bool | None]:
    return {row["target"]: row["met"] for row in report["targets"]}


def test_targets_are_met_missed_or_not_measured(tmp_path):
    once = {
        "run_type": "iteration",
        "repetitions": 1,
        "run_name": "memory/iterations:1",
        "real_time": 9,
        "time_unit": "s",
    }
    runs = [
        repeated("12 x 512", 10, **{"%ceiling": 69.9}),
        repeated("12 x 8192", 10, **{"%ceiling": 61}, peak_device_MB=5000),
        repeated("1 x 32", 10),
        {**once, "device_growth_MB": 0.0, "host_growth_MB": 20},
    ]
    write_bench(tmp_path, runs)
    (tmp_path / "peers.json").write_text(json.dumps({"FlagEmbedding": {"1 x 32": 0.02, "12 x 512": 0.03}}))
    cosines = {"float16": {"lowest": 0.99995}, "float8": "failed: no Hopper"}
    program = {
        "first_vector_seconds": [9, 3, 4],
        "reference": "transformers, float32",
        "cosines": cosines,
        "peers_cosines": {"FlagEmbedding": "failed: x"},
    }
    (tmp_path / "program.json").write_text(json.dumps(program))
    load = {"gpu": {"mean_utilization_percent": 94.9}, "problems": [], "gpu_samples": [{"seconds": 1}]}
    (tmp_path / "load.json").write_text(json.dumps(load))
    assert "gpu_samples" not in gpu_report.report(tmp_path)["load"]
    assert targets_of(gpu_report.report(tmp_path)) == {
        "12 x 512: % of the matmul ceiling": False,
        "384 x 512: % of the matmul ceiling": None,
        "12 x 8192: % of the matmul ceiling": True,
        "12 x 8192: peak device memory, MB": True,
        "12 x 512: times FlagEmbedding": True,
        "24 mixed: times FlagEmbedding": None,
        "1000 short: times FlagEmbedding": None,
        "1 x 32: times FlagEmbedding": False,
        "1 x 32: ms": False,
        "first vector of a new process, s": True,
        "10,000 calls: growth of device memory, MB": True,
        "10,000 calls: growth of host memory, MB": False,
        "lowest cosine to float32": True,
        "lowest cosine less FlagEmbedding's": None,
        "load: GPU busy, %": False,
        "load: problems": True,
    }


def test_a_benchmark_that_was_stopped_keeps_what_it_measured(tmp_path):
    whole = json.dumps({"benchmarks": [repeated("1 x 32", 10), repeated("12 x 512", 50)]}, indent=2)
    (tmp_path / "bench-calls.json").write_text(whole[: whole.rindex("time_unit")])
    (tmp_path / "peers.json").write_text(json.dumps({"FlagEmbedding": {"1 x 32": 0.02, "12 x 512": 0.1}}))
    assert gpu_report.report(tmp_path)["times_as_fast"] == {"FlagEmbedding": {"1 x 32": 2.0}}


LOG = """gpu_check: measurements
machine: {"gpu": "G1", "torch": "2.11.0", "torch_directory": "/somewhere"}
programs: carried; commit abc
=== gpu-graphs
[doctest] test cases:   20 |   20 passed | 0 failed | 0 skipped

=== gpu-graphs: 9 s, exit status 0
machine: {"gpu": "G2", "torch": "2.12.0", "torch_directory": "/somewhere"}
programs: built here, because: it had to be
=== unit
machine: {"gpu": "a line of a program"}
\x1b[31m[doctest] test cases:   3 |   3 passed | 0 failed | 0 skipped
=== unit: 1 s, exit status 0
=== gpu-graphs
[doctest] test cases:   20 |   19 passed | 1 failed | 0 skipped

=== gpu-graphs: 4 s, exit status 1
=== gpu-streams
on a GPU that fell off the bus
=== gpu-streams: 10 s, exit status 124
=== sanitizer
========= ERROR SUMMARY: 2 errors

=== sanitizer: 8 s, exit status 9
=== bench-calls
"""


def test_the_log_tells_of_stages_and_tests_as_they_were_the_last_time(tmp_path):
    (tmp_path / "log.txt").write_text(LOG)
    report = gpu_report.report(tmp_path)
    assert report["stages"] == {
        "gpu-graphs": {"seconds": 4, "status": 1},
        "unit": {"seconds": 1, "status": 0},
        "gpu-streams": {"seconds": 10, "status": 124},
        "sanitizer": {"seconds": 8, "status": 9},
        "bench-calls": {"seconds": None, "status": None},
    }
    assert report["tests"] == {
        "gpu-graphs": {"run": 20, "passed": 19, "failed": 1},
        "unit": {"run": 3, "passed": 3, "failed": 0},
        "gpu-streams": None,
    }
    assert (report["sanitizer_errors"], report["dry_run"]) == (2, False)
    assert (report["device"], report["versions"]["torch"]) == ("G2", "2.12.0")
    assert report["programs"] == "built here, because: it had to be"


def test_nothing_measured_is_a_report_too(tmp_path):
    (tmp_path / "bench-calls.json").write_text('{"cut sho')
    report = gpu_report.report(tmp_path)
    assert (report["benchmarks"], report["peers_seconds"], report["times_as_fast"]) == (None, None, {})
    assert (report["graphs_times_as_fast"], report["stages"]) == ({}, {})
    assert set(targets_of(report).values()) == {None}


def test_a_dry_run_meets_no_target(tmp_path):
    (tmp_path / "log.txt").write_text("gpu_check: dry run\n")
    (tmp_path / "program.json").write_text(json.dumps({"first_vector_seconds": [1, 2, 3]}))
    report = gpu_report.report(tmp_path)
    assert (report["dry_run"], report["targets"]) == (True, [])
