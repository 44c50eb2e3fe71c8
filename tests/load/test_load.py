"""The load program against real servers: it tells the truth about those that are right, and about those that fail."""

import pathlib
import re
import time
from concurrent.futures import ThreadPoolExecutor

import matplotlib.image
import pytest
from client import Endpoint
from conftest import run_program
from figures import of_record
from generator import Plan
from run import reference_pass, run_plan
from servers import Program, free_port, serving
from workload import make_workload

SMALL = ("--clients", 4, "--calls", 30)


def script(file: pathlib.Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("#!/bin/sh\n" + text)
    file.chmod(0o755)


@pytest.fixture
def stub_program(build) -> pathlib.Path:
    return build / "tests" / "server" / "bgem3_stub_server"


def test_stub(load):
    done = load("--targets", "stub", *SMALL)
    assert done.status == 0, done.output
    (found,) = done.result["targets"].values()
    assert found["statuses"] == {"200": 120} and found["wrong"] == 0 and found["calls"] == 120
    assert found["connections"] == 4  # kept
    latency = found["latency_ms"]
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p95"] <= latency["p99"] <= latency["max"]
    assert found["calls_per_s"] == pytest.approx(120 / found["seconds"], rel=1e-3)
    assert found["texts_per_s"] == found["calls_per_s"] < found["tokens_per_s"]
    assert sum(found["latency_histogram"]["counts"]) == 120
    assert done.result["versions"]["bgem3"] and done.result["date"] and done.result["processor"]
    assert matplotlib.image.imread(done.picture).shape[0] > 500


def test_server_beside_the_library(load):
    done = load("--targets", "bgem3-server", "in-process", *SMALL)
    assert done.status == 0, done.output
    server, library = done.result["targets"]["bgem3-server"], done.result["targets"]["in-process"]
    assert server["statuses"] == {"200": 120}
    assert 0 < server["largest_difference"] < 1e-5  # other batches, so other last digits
    (comparison,) = done.result["comparisons"]
    assert comparison["ratio"] == pytest.approx(server["texts_per_s"] / library["texts_per_s"], rel=1e-3)
    assert done.result["generator_calls_per_s"] > server["calls_per_s"] / 2


def test_several_texts_of_a_length(load):
    done = load("--targets", "bgem3-server", *SMALL, "--texts-per-call", 3, "--length", 100)
    assert done.status == 0, done.output
    (found,) = done.result["targets"].values()
    assert found["texts_per_s"] == pytest.approx(3 * found["calls_per_s"], rel=1e-3)
    assert found["tokens_per_s"] == pytest.approx(100 * found["texts_per_s"], rel=0.1)


@pytest.mark.parametrize("route", ["/embed", "/v1/embeddings"])
def test_other_routes(load, route):
    done = load("--targets", "bgem3-server", *SMALL, "--route", route, "--no-ceiling", "--texts-per-call", 2)
    assert done.status == 0, done.output


def test_server_that_takes_fewer_requests(load):
    """Clients that are refused ask for the next thing at once; every refusal counts."""
    done = load("--targets", "bgem3-server", *SMALL, "--length", 500, "--max-requests", 1, "--queue-requests", 0)
    assert done.status == 1
    (found,) = done.result["targets"].values()
    assert found["statuses"].keys() == {"200", "429"} and sum(found["statuses"].values()) == 120
    assert found["wrong"] == 0
    assert "x 429" in done.output


def test_server_that_lets_others_wait(load):
    done = load("--targets", "bgem3-server", *SMALL, "--length", 500, "--max-requests", 1)
    assert done.status == 0, done.output
    (found,) = done.result["targets"].values()
    assert found["statuses"] == {"200": 120}


def test_server_that_dies(stub_program, nano, tmp_path):
    work = make_workload(nano, "short", count=20, size=1)
    command = [str(stub_program), "--model", str(nano), "--port", "{port}"]
    with serving(Program(command, {}, "/ready"), tmp_path / "log") as running, ThreadPoolExecutor(1) as pool:
        endpoint = Endpoint("127.0.0.1", running.port)
        expected = work.by_request(reference_pass(endpoint, work))
        plan = Plan(endpoint, work.bodies("/score"), expected, 1e-5, clients=4, calls=1_000_000, processes=2)

        def kill_under_load() -> None:
            while running.log.read_bytes().count(b"\n") < 500:  # a line for each request
                time.sleep(0.05)
            running.process.kill()

        killed = pool.submit(kill_under_load)
        record, failed = run_plan("test", plan, running)
        killed.result()
    assert "the server ended with status -9" in failed
    assert record.statuses["200"] > 100 and record.statuses["lost"] >= 1 and record.wrong == 0
    found = of_record(record, work, plan, [], failed)
    assert found.problems[0] == failed and found.calls < found.calls_wanted == 4_000_000


def test_server_that_does_not_start(load, tmp_path):
    script(tmp_path / "bgem3-server", 'echo "no such thing" >&2; exit 3\n')
    done = load("--targets", "bgem3-server", "--reference", "server", *SMALL, "--build", tmp_path)
    assert done.status == 1
    (found,) = done.result["targets"].values()
    assert "status 3" in found["failed"] and "no such thing" in found["failed"]


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


@pytest.mark.parametrize(
    "options",
    [
        ("--length", "long"),
        ("--model", "/nowhere"),
        ("--url", "ftp://x"),
        ("--targets", "x"),
        ("--calls", "0"),
        ("--queue-requests", "-1"),
    ],
)
def test_wrong_usage(load, options):
    done = load(*options)
    assert done.status == 2 and options[0] in done.output


def test_nobody_listens(load):
    done = load("--url", f"http://127.0.0.1:{free_port()}/score", *SMALL)
    assert done.status == 1
    assert "refused" in done.output


@pytest.mark.parametrize(("limit", "status"), [(1000, 0), (0.0001, 1)])
def test_overhead(nano, build, limit, status):
    done = run_program("overhead.py", "--model", nano, "--build", build, "--calls", 100, "--limit-ms", limit)
    assert done.returncode == status, done.stdout + done.stderr
    rows = [re.findall(r"-?\d+\.\d+", line) for line in done.stdout.splitlines() if re.match("│ (stub|model) ", line)]
    assert [len(row) for row in rows] == [6, 6]
