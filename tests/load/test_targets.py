"""The load program against real servers: it tells the truth about those that are right, and about those that fail."""

import pathlib
import time
from concurrent.futures import ThreadPoolExecutor

import matplotlib.image
import pytest
from client import Endpoint
from conftest import SMALL
from figures import of_record
from generator import Plan
from run import reference_pass, run_plan
from servers import Program, free_port, serving
from workload import make_workload


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
