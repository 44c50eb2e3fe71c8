"""The load program where it measures: nothing else may run beside it."""

import re

import pytest
from conftest import SMALL, run_program
from servers import Program, serving


def test_server_beside_the_library(load):
    done = load("--targets", "bgem3-server", "in-process", *SMALL)
    assert done.status == 0, done.output
    server, library = done.result["targets"]["bgem3-server"], done.result["targets"]["in-process"]
    assert server["statuses"] == {"200": 120}
    assert 0 < server["largest_difference"] < 1e-5  # other batches, so other last digits
    (comparison,) = done.result["comparisons"]
    assert comparison["ratio"] == pytest.approx(server["texts_per_s"] / library["texts_per_s"], rel=1e-3)
    assert done.result["generator_calls_per_s"] > server["calls_per_s"] / 2


@pytest.mark.parametrize(("queue", "taken"), [(0, 16), (20, 36)])
def test_burst(load, queue, taken):
    texts = ("--length", 300, "--texts-per-call", 8, "--distinct", 80)
    many = ("--clients", 64, "--queue-requests", queue, "--rounds", 5)
    done = load("--targets", "bgem3-server", "--burst", *many, *texts)
    assert done.status == 0, done.output
    assert done.result["targets"]["bgem3-server"]["burst"]["rounds"] == [{"200": taken, "429": 64 - taken}] * 5


def test_burst_on_a_server_with_another_limit(load, build, nano, tmp_path):
    options = ["--model", str(nano), "--port", "{port}", "--max-requests", "15", "--queue-requests", "0"]
    with serving(Program([str(build / "bgem3-server"), *options], {}, "/ready"), tmp_path / "log") as running:
        url = f"http://127.0.0.1:{running.port}/score"
        texts = ("--length", 300, "--texts-per-call", 8, "--distinct", 80)
        done = load("--url", url, "--burst", "--clients", 20, "--queue-requests", 0, "--rounds", 2, *texts)
    assert done.status == 1
    assert "expected {'200': 16, '429': 4}, found {'200': 15, '429': 5}" in done.output.replace("\n", " ")


@pytest.mark.parametrize(("limit", "status"), [(1000, 0), (0.0001, 1)])
def test_overhead(nano, build, limit, status):
    done = run_program("overhead.py", "--model", nano, "--build", build, "--calls", 100, "--limit-ms", limit)
    assert done.returncode == status, done.stdout + done.stderr
    rows = [re.findall(r"-?\d+\.\d+", line) for line in done.stdout.splitlines() if re.match("│ (stub|model) ", line)]
    assert [len(row) for row in rows] == [6, 6]
