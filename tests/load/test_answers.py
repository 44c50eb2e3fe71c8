"""Wrong answers of all kinds are noticed, and what is not an answer is counted."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from client import Endpoint
from fake_server import Reply, fake_server, right, vector_of
from figures import Figures, of_record
from generator import Plan
from run import run_plan
from workload import Workload

CLIENTS, CALLS, EVERY = 4, 25, 10
WORK = Workload([f"text {i}" for i in range(20)], [4] * 20, 1)
VECTORS = WORK.by_request(np.array([vector_of(text) for text in WORK.texts], np.float32))


def measure(wrong: Callable[[list[str]], Reply | None]) -> Figures:
    """Of a server that answers one call in ten wrongly."""
    with fake_server(lambda texts, number: right(texts) if number % EVERY else wrong(texts)) as url:
        plan = Plan(Endpoint.of_url(url), WORK.bodies("/score"), VECTORS, 1e-5, CLIENTS, CALLS, processes=2)
        record, failed = run_plan("test", plan, None)
    return of_record(record, WORK, plan, [], failed)


def vectors(texts: list[str]) -> list[list[float]]:
    return json.loads(right(texts).body)


def off_by_little(texts: list[str]) -> Reply:
    (vector,) = vectors(texts)
    vector[3] += 3e-5
    return Reply(json.dumps([vector]).encode())


WRONG = {
    "a little": off_by_little,
    "of another text": lambda texts: right([texts[0] + " and more"]),
    "one too many": lambda texts: right(texts * 2),
    "none": lambda texts: Reply(b"[]"),
    "short": lambda texts: Reply(json.dumps([vectors(texts)[0][:-1]]).encode()),
    "NaN": lambda texts: Reply(json.dumps([[float("nan")] * 16]).encode()),
    "overflowing": lambda texts: Reply(json.dumps([[1e39] * 16]).encode()),
    "no JSON": lambda texts: Reply(b"<html>"),
    "no numbers": lambda texts: Reply(json.dumps([["a"] * 16]).encode()),
    "numbers as strings": lambda texts: Reply(json.dumps([list(map(str, vectors(texts)[0]))]).encode()),
    "null": lambda texts: Reply(json.dumps([[None] * 16]).encode()),
    "an object": lambda texts: Reply(b'{"error": "none"}'),
    "an object of other objects": lambda texts: Reply(b'{"data": [{"index": 0}]}'),
    "with another's id": lambda texts: Reply(right(texts).body, 200, {"x-ms-client-request-id": "9-9"}),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_wrong_answers(wrong):
    found = measure(wrong)
    assert found.wrong == CLIENTS * CALLS // EVERY and found.statuses == {"200": CLIENTS * CALLS}
    assert found.problems == [f"{found.wrong} wrong answers"]
    assert all("wrong answer" in note for note in found.notes) and found.notes


def test_right_answers():
    found = measure(right)
    assert found.problems == [] and found.notes == [] and found.largest_difference == 0


STATUSES = {
    "429": Reply(b"{}", 429, {"Retry-After": "1"}),
    "503": Reply(b"{}", 503),
    "424 (429)": Reply(b"{}", 424, {"ms-azureml-model-error-statuscode": "429"}),
    "lost": None,
}


@pytest.mark.parametrize("name", STATUSES)
def test_statuses(name):
    count = CLIENTS * CALLS // EVERY
    found = measure(lambda _: STATUSES[name])
    assert found.statuses == {"200": CLIENTS * CALLS - count, name: count} and found.wrong == 0
    assert found.problems == [f"{count} x {name}"]


# The program


OPTIONS = ("--clients", 4, "--calls", 20, "--distinct", 20, "--warm-up", 1, "--no-ceiling")


def test_program_that_meets_wrong_answers(load):
    """The first pass, which tells what is right, and the warm-up see nothing of them."""
    first = 20 + 4
    with fake_server(lambda texts, n: right(texts) if n < first or n % 8 else off_by_little(texts)) as url:
        done = load("--url", url, *OPTIONS)
    assert done.status == 1
    assert done.result["targets"]["url"]["wrong"] == 10
    assert done.result["problems"] == ["url: 10 wrong answers"] and "10 wrong answers" in done.output


def test_server_that_always_answers_the_same(load):
    """Nothing could be told from its answers."""
    with fake_server(lambda texts, _: right(["one"] * len(texts))) as url:
        done = load("--url", url, *OPTIONS)
    assert done.status == 1 and "--tolerance" in done.output


def test_server_that_only_refuses(load):
    with fake_server(lambda texts, _: Reply(b'{"error": "key"}', 401)) as url:
        done = load("--url", url, *OPTIONS)
    assert done.status == 1 and "401" in done.output
