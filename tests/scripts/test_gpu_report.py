"""The report of scripts/gpu_check: parts that failed or are missing leave the others readable."""

import json

import gpu_report


def test_peers_are_compared_with_the_median(tmp_path):
    runs = [{"run_name": "12 x 512/real_time", "aggregate_name": name, "real_time": time, "time_unit": "ms"}
            for name, time in (("mean", 90), ("median", 50))]  # fmt: skip
    (tmp_path / "bench.json").write_text(json.dumps({"benchmarks": [{"run_name": "load"}, *runs]}))
    (tmp_path / "peers.json").write_text(json.dumps({"A": {"12 x 512": 0.2, "other": 1}, "B": "not installed"}))
    (tmp_path / "gpu.txt").write_text("[doctest] test cases:   20 |   19 passed | 1 failed | 0 skipped\n")
    report = gpu_report.report(tmp_path)
    assert report["times_as_fast"] == {"A": {"12 x 512": 4.0}}
    assert report["tests"] == {"unit": None, "gpu": {"run": 20, "passed": 19, "failed": 1}}
    assert report["versions"]["torch"]


def test_graphs_are_compared_with_the_same_workload_without(tmp_path):
    times = {"1 x 32": 3.0, "1 x 32, graphs": 1.5, "12 x 512": 50, "8 x 24, graphs": 1}
    runs = [{"run_name": f"{name}/real_time", "aggregate_name": "median", "real_time": time, "time_unit": "ms"}
            for name, time in times.items()]  # fmt: skip
    (tmp_path / "bench.json").write_text(json.dumps({"benchmarks": runs}))
    assert gpu_report.report(tmp_path)["graphs_times_as_fast"] == {"1 x 32": 2.0}


def test_nothing_measured_is_a_report_too(tmp_path):
    (tmp_path / "bench.json").write_text('{"cut sho')
    report = gpu_report.report(tmp_path)
    assert (report["benchmarks"], report["peers_seconds"], report["times_as_fast"]) == (None, None, {})
    assert report["graphs_times_as_fast"] == {}
