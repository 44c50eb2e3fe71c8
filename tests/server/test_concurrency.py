"""Many clients at once: they share batches, get right answers, take turns, and the surplus is refused."""

import time
from collections import Counter

import numpy as np
import pytest
from sample_texts import TEXTS
from server import QUEUES, Server, body_of, in_background, refused
from vectors import assert_close
from waiting import wait_for

import bgem3

CLIENTS = 64
LIMIT = 16


def test_answers_of_the_stub_repeat(stub):
    """What the other tests here compare with."""
    found = stub.post("/score", TEXTS).json()
    assert np.shape(found) == (len(TEXTS), 16)
    assert found == [stub.post("/score", [text]).json()[0] for text in TEXTS]
    assert len({tuple(row) for row in found}) == len(TEXTS)


def test_surplus_is_refused_and_the_rest_is_right(start_stub):
    """64 at once where 16 are taken: exactly 48 are sent away, at once; the others get what they get alone."""
    texts = [f"sleep 2000 client {i}" for i in range(CLIENTS)]
    with start_stub("--max-requests", LIMIT, "--queue-requests", 0) as server:
        answers = server.post_at_once("/score", [[text] for text in texts])
        assert Counter(answer.status_code for answer in answers) == {200: LIMIT, 429: CLIENTS - LIMIT}
        for answer in answers:
            if answer.status_code == 429:
                refused(answer, 429, "overloaded")
                assert answer.elapsed.total_seconds() < 2
        right = {text: answer.json()[0] for text, answer in zip(texts, answers) if answer.status_code == 200}
        assert server.post("/score", list(right)).json() == list(right.values())
        assert len({tuple(vector) for vector in right.values()}) == LIMIT
        # All places are free again.
        again = server.post_at_once("/score", [["sleep 300"]] * LIMIT)
        assert {answer.status_code for answer in again} == {200}


def test_exactly_as_many_clients_as_places_are_never_refused(start_stub):
    """A place is free by the time its client has the answer, so that it can ask again at once."""

    def ask(server: Server, number: int) -> set[int]:
        return {server.post("/score", [f"text {number} {i}"]).status_code for i in range(100)}

    with start_stub("--max-requests", LIMIT, "--queue-requests", 0) as server:
        calls = [lambda number=number: ask(server, number) for number in range(LIMIT)]
        with in_background(*calls) as statuses:
            assert all(found.result() == {200} for found in statuses)


@pytest.mark.parametrize("route", QUEUES)
def test_requests_share_batches(start_stub, route):
    """16 texts of 200 ms take 3200 ms one by one; the first goes alone, the others gather meanwhile."""
    with start_stub() as server:
        begin = time.monotonic()
        answers = server.post_at_once(route, [body_of(route, [f"sleep 200 {i}"]) for i in range(LIMIT)])
        assert time.monotonic() - begin < 1.2
        assert {answer.status_code for answer in answers} == {200}
        model = QUEUES[route]
        wait_for(lambda: server.metric("bgem3_batch_requests_sum", model=model) == LIMIT, seconds=5)
        assert server.metric("bgem3_batch_requests_count", model=model) <= 4


def test_lone_client_does_not_wait_for_company(start_stub):
    with start_stub("--batch-wait-ms", 500) as server:
        server.post("/score", ["a"])
        begin = time.monotonic()
        for _ in range(10):
            assert server.post("/score", ["a"]).status_code == 200
        assert time.monotonic() - begin < 1


def test_merged_answers_are_those_of_the_model(server, reference):
    """Texts of many lengths from 16 clients, of which each asks for something else than its neighbour."""
    texts = [[f"client {i} asks " + "many words " * (7 * i + k) for k in range(3)] for i in range(LIMIT)]
    expected = [reference.encode(each) for each in texts]

    def ask(number: int) -> None:
        wanted = expected[number]
        for _ in range(8):
            if number % 2:
                found = server.post("/score", texts[number]).json()
                assert_close(found, wanted["dense_vecs"])
            else:
                (*found,) = server.post("/v1/encode", {"input": texts[number], "colbert": False}).json()["data"]
                assert_close([f["dense"] for f in found], wanted["dense_vecs"])
                for item, weights in zip(found, wanted["lexical_weights"], strict=True):
                    assert item["sparse"] == pytest.approx(weights, rel=1e-4, abs=1e-6)

    with in_background(*[lambda number=number: ask(number) for number in range(LIMIT)]) as calls:
        for call in calls:
            call.result()


def test_rankings_at_once_are_those_of_the_model(server, tiny_reranker):
    """Questions and passages of many lengths from 16 clients, whose pairs share batches."""
    queries = [f"question {i} " + "in many words " * (5 * i) for i in range(LIMIT)]
    texts = [f"passage {k} " + "many words " * (20 * k) for k in range(6)]
    with bgem3.FlagReranker(str(tiny_reranker), dtype="float32", devices="cpu", max_length=8192) as model:
        expected = [model.compute_score([(query, text) for text in texts]) for query in queries]

    def ask(number: int) -> None:
        for _ in range(4):
            found = server.post("/rerank", {"query": queries[number], "texts": texts, "raw_scores": True}).json()
            assert_close([item["score"] for item in found], [expected[number][item["index"]] for item in found])

    with in_background(*[lambda number=number: ask(number) for number in range(LIMIT)]) as calls:
        for call in calls:
            call.result()


@pytest.mark.parametrize("route", QUEUES)
def test_short_request_does_not_wait_for_a_long_one(start_stub, route):
    """40 texts of 100 ms in batches of 4 take a second; one text asked meanwhile comes back long before."""
    with start_stub("--batch-size", 4) as server:
        texts = [f"sleep 100 {i}" for i in range(40)]
        with in_background(lambda: server.post(route, body_of(route, texts))) as (long,):
            server.wait_for_work(1)
            begin = time.monotonic()
            assert server.post(route, body_of(route, ["short"])).status_code == 200
            assert time.monotonic() - begin < 0.4
            assert not long.done()
            assert len(long.result().json()) == 40


@pytest.mark.parametrize("route", QUEUES)
def test_queue_that_is_full(start_stub, route):
    """One text in work, at most 8 in the queue; a request of more than 8 is taken when nothing waits."""
    with start_stub("--batch-size", 1, "--queue-texts", 8, "--max-requests", CLIENTS) as server:
        answers = server.post_at_once(route, [body_of(route, [f"sleep 300 {i}"]) for i in range(CLIENTS // 2)])
        statuses = Counter(answer.status_code for answer in answers)
        assert 8 <= statuses[200] <= 10
        assert statuses[200] + statuses[429] == CLIENTS // 2
        for answer in answers:
            if answer.status_code == 429:
                refused(answer, 429, "overloaded")
        assert server.post(route, body_of(route, ["a", "b", "c", "d"] * 5)).status_code == 200


def test_routes_that_compute_nothing_do_not_count(start_stub):
    with start_stub("--max-requests", 1) as server:
        answers = [server.get(route) for route in ("/health", "/ready", "/metrics", "/info") for _ in range(20)]
        assert {answer.status_code for answer in answers} == {200}
        assert server.metric("bgem3_requests_in_work") == 0
