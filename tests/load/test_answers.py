"""Wrong answers of all kinds are noticed, and what is not an answer is counted."""

import json
from collections.abc import Callable

import pytest
from fake_server import Reply, fake_server, right

CLIENTS, CALLS, TEXTS = 4, 25, 20  # calls of each client; texts, which the first pass asks for one by one
EVERY = 10  # so many calls pass between two that go wrong
OPTIONS = ("--clients", CLIENTS, "--calls", CALLS, "--distinct", TEXTS, "--warm-up", 1)
FIRST = TEXTS + CLIENTS  # number of the first call that counts


def now_and_then(wrong: Callable[[list[str]], Reply | None]) -> Callable[[list[str], int], Reply | None]:
    """Right answers, but for one call in ten of those that count."""
    return lambda texts, number: wrong(texts) if number >= FIRST and number % EVERY == 0 else right(texts)


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
    "an object": lambda texts: Reply(b'{"error": "none"}'),
    "with another's id": lambda texts: Reply(right(texts).body, 200, {"x-ms-client-request-id": "9-9"}),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_wrong_answers(load, wrong):
    with fake_server(now_and_then(wrong)) as url:
        done = load("--url", url, *OPTIONS)
    assert done.status == 1
    found = done.result["targets"]["url"]
    assert found["wrong"] == CLIENTS * CALLS // EVERY and found["statuses"] == {"200": CLIENTS * CALLS}
    assert "wrong answer" in done.output


def test_right_answers(load):
    with fake_server(lambda texts, _: right(texts)) as url:
        done = load("--url", url, *OPTIONS)
    assert done.status == 0, done.output
    assert done.result["targets"]["url"]["largest_difference"] == 0


STATUSES = {
    "429": Reply(b"{}", 429, {"Retry-After": "1"}),
    "503": Reply(b"{}", 503),
    "424 (429)": Reply(b"{}", 424, {"ms-azureml-model-error-statuscode": "429"}),
    "lost": None,
}


@pytest.mark.parametrize("name", STATUSES)
def test_statuses(load, name):
    with fake_server(now_and_then(lambda _: STATUSES[name])) as url:
        done = load("--url", url, *OPTIONS)
    assert done.status == 1
    count = CLIENTS * CALLS // EVERY
    found = done.result["targets"]["url"]
    assert found["statuses"] == {"200": CLIENTS * CALLS - count, name: count} and found["wrong"] == 0
    assert f"{count} x {name}" in done.output


def test_server_that_always_answers_the_same(load):
    """Nothing could be told from its answers."""
    with fake_server(lambda texts, _: right(["one"] * len(texts))) as url:
        done = load("--url", url, *OPTIONS)
    assert done.status == 1 and "--tolerance" in done.output


def test_server_that_only_refuses(load):
    with fake_server(lambda texts, _: Reply(b'{"error": "key"}', 401)) as url:
        done = load("--url", url, *OPTIONS)
    assert done.status == 1 and "401" in done.output
