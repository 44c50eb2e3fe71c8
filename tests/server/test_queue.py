"""Requests beyond --max-requests wait for their turn: in order, for so long, and not more than so many."""

import asyncio
import json
import resource
import time
from collections import Counter

import httpx
import openai
import pytest
from server import OTHER_BODIES, Replay, Server, answer_on, connected, in_background, post_bytes, refused
from vectors import assert_close
from waiting import wait_for

SLEEP = [["sleep 600"]]


def vector_of(answer: httpx.Response) -> list[float]:
    return answer.json()[0]


async def ask(port: int, text: str) -> httpx.Response:
    """On a connection of its own, without a library that would take minutes for thousands of them."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(post_bytes("/score", json.dumps([text]).encode(), "Connection: close"))
    received = await reader.read()
    writer.close()
    return answer_on(Replay(received))


async def ask_all(server: Server, texts: list[str]) -> list[httpx.Response]:
    """The answers to a request for each text, all at once."""
    port = server.port
    return await asyncio.gather(*[ask(port, text) for text in texts])


# As documented


def test_two_hundred_requests_of_a_client_as_it_comes(server, reference):
    """None fails, with OpenAI's client at its defaults."""
    texts = [f"text {i} of two hundred " + "and more words " * (i % 7) for i in range(200)]

    async def embed_all() -> list:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="any") as client:
            return await asyncio.gather(*[client.embeddings.create(model="m", input=text) for text in texts])

    before = server.metric("bgem3_requests_total", route="/v1/embeddings", status="429")
    vectors = [answer.data[0].embedding for answer in asyncio.run(embed_all())]
    assert_close(vectors, reference.encode(texts)["dense_vecs"])
    assert server.metric("bgem3_requests_total", route="/v1/embeddings", status="429") == before


def test_three_thousand_requests_at_once(start_stub):
    """As many as may wait are answered, and right; the others are told to come again."""
    count, work, wait = 3000, 256, 2048
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count + 500:
        pytest.skip(f"the system allows {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    texts = [f"request {i}" for i in range(count)]
    with start_stub("--batch-size", 256, "--queue-timeout-ms", 60_000) as server:
        with in_background(lambda: asyncio.run(ask_all(server, ["sleep 8000"] * work))) as (busy,):
            server.wait_for_work(work)
            answers = asyncio.run(ask_all(server, texts))
            assert {answer.status_code for answer in busy.result()} == {200}
        statuses = Counter(answer.status_code for answer in answers)
        assert set(statuses) == {200, 429} and sum(statuses.values()) == count
        assert wait <= statuses[200] < count
        for answer in answers:
            if answer.status_code == 429:
                refused(answer, 429, "overloaded")
        right = {text: vector_of(answer) for text, answer in zip(texts, answers) if answer.status_code == 200}
        assert server.post("/score", list(right)[:wait]).json() == list(right.values())[:wait]
        assert server.metric("bgem3_requests_waiting") == server.metric("bgem3_requests_in_work") == 0


# One place, so that what happens can be told


@pytest.fixture
def narrow(start_stub) -> Server:
    """One request works, two wait."""
    with start_stub("--max-requests", 1, "--queue-requests", 2, "--batch-size", 1) as running:
        yield running


def wait_for_queue(server: Server, waiting: int) -> None:
    wait_for(lambda: server.metric("bgem3_requests_waiting") == waiting, seconds=10)


def test_those_beyond_the_queue_are_refused(narrow):
    with in_background(*[lambda: narrow.post("/score", *SLEEP)] * 3) as calls:
        wait_for_queue(narrow, 2)
        refused(narrow.post("/score", ["a"]), 429, "overloaded")
        assert "--" not in refused(narrow.post("/api/embed", OTHER_BODIES["/api/embed"]), 429, "overloaded")
        assert narrow.metric("bgem3_requests_in_work") == 1
        assert [call.result().status_code for call in calls] == [200] * 3
    assert narrow.post("/score", ["a"]).status_code == 200


def test_turns_are_in_the_order_of_requests(narrow):
    ends: list[str] = []

    def ask(name: str) -> None:
        assert narrow.post("/score", [f"sleep 300 {name}"]).status_code == 200
        ends.append(name)

    with in_background(lambda: ask("first")) as (first,):
        narrow.wait_for_work(1)
        with in_background(lambda: ask("second")) as (second,):
            wait_for_queue(narrow, 1)
            with in_background(lambda: ask("third")) as (third,):
                for call in (first, second, third):
                    call.result()
    assert ends == ["first", "second", "third"]


def test_wait_counts_as_time_in_the_queue(narrow):
    with in_background(lambda: narrow.post("/score", *SLEEP)):
        narrow.wait_for_work(1)
        answer = narrow.post("/score", ["a"])
    assert float(answer.headers["x-queue-time"]) > 200


def test_wait_has_a_limit(start_stub):
    with start_stub("--max-requests", 1, "--queue-timeout-ms", 300) as server:
        with in_background(lambda: server.post("/score", ["sleep 1500"])) as (long,):
            server.wait_for_work(1)
            begin = time.monotonic()
            assert "300 ms" in refused(server.post("/score", ["a"]), 429, "overloaded")
            assert 0.2 < time.monotonic() - begin < 1
            assert server.metric("bgem3_requests_waiting") == 0
            assert long.result().status_code == 200


def test_wait_begins_when_a_request_has_arrived(start_stub):
    """Not with its head: a slow body is no wait."""
    request = post_bytes("/score", b'["a"]')
    with start_stub("--max-requests", 1, "--queue-timeout-ms", 1000) as server, connected(server) as slow:
        slow.sendall(request[:-1])
        time.sleep(0.8)
        with in_background(lambda: server.post("/score", ["sleep 700"])):
            server.wait_for_work(1)
            time.sleep(0.3)
            slow.sendall(request[-1:])
            assert answer_on(slow).status_code == 200


def test_deadline_holds_while_a_request_waits(narrow):
    with in_background(lambda: narrow.post("/score", *SLEEP)):
        narrow.wait_for_work(1)
        refused(narrow.post("/score", ["a"], headers={"x-request-timeout-ms": "100"}), 408, "deadline_exceeded")
        assert narrow.metric("bgem3_requests_waiting") == 0


def test_who_leaves_gives_up_the_place_in_the_queue(narrow):
    with in_background(lambda: narrow.post("/score", ["sleep 1500"])) as (long,):
        narrow.wait_for_work(1)
        for _ in range(3):  # more than may wait
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(f"{narrow.url}/score", json=["a"], timeout=0.2, trust_env=False)
            wait_for_queue(narrow, 0)
        assert long.result().status_code == 200


def test_without_a_queue(start_stub):
    with start_stub("--max-requests", 1, "--queue-requests", 0) as server:
        with in_background(lambda: server.post("/score", *SLEEP)):
            server.wait_for_work(1)
            refused(server.post("/score", ["a"]), 429, "overloaded")
        assert server.post("/score", ["a"]).status_code == 200


def test_those_who_wait_are_answered_before_the_end(narrow):
    with in_background(*[lambda: narrow.post("/score", *SLEEP)] * 3) as calls:
        wait_for_queue(narrow, 2)
        assert narrow.stop() == 0
        assert [call.result().status_code for call in calls] == [200] * 3
