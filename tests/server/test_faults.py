"""Clients that misbehave and an encoder that fails: others do not notice, and the next request is fine."""

import contextlib
import json
import socket
import struct
import threading
import time

import httpx
import pytest
from server import (
    MEGABYTE,
    QUEUES,
    Server,
    answer_on,
    body_of,
    connected,
    exchange,
    head,
    in_background,
    post_bytes,
    refused,
    resident,
    wait_for,
)


def works(server: Server, route: str = "/score") -> bool:
    return server.post(route, body_of(route, ["fine"])).status_code == 200


# Clients that go away


def reset(connection: socket.socket) -> None:
    """Closes as a process does that crashed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("leave", [socket.socket.close, reset], ids=["close", "reset"])
@pytest.mark.parametrize("sent", [0, 1, 20, -5, None], ids=["nothing", "a byte", "half a head", "half a body", "all"])
def test_client_leaves(start_stub, leave, sent):
    """Its place among --max-requests is free again."""
    request = post_bytes("/score", json.dumps(["sleep 300"] * 3).encode())
    with start_stub("--max-requests", 1, "--batch-size", 1) as server:
        for _ in range(5):
            with connected(server) as connection:
                connection.sendall(request[:sent])
                time.sleep(0.02)
                leave(connection)
        wait_for(lambda: works(server), seconds=5)


@pytest.mark.parametrize("route", QUEUES)
def test_texts_of_a_client_that_left_are_not_computed(start_stub, route):
    with start_stub("--batch-size", 1, "--request-timeout-ms", 60000) as server:
        with in_background(lambda: server.post(route, body_of(route, ["sleep 1000"]))) as (first,):
            server.wait_for_work(1)
            with connected(server) as connection:
                connection.sendall(post_bytes(route, json.dumps(body_of(route, ["sleep 4000"] * 5)).encode()))
                server.wait_for_work(2)
                time.sleep(0.2)  # who ends at once may wait for the answer
            begin = time.monotonic()
            assert works(server, route)
            assert time.monotonic() - begin < 3
            assert first.result().status_code == 200


def test_client_leaves_while_the_answer_is_written(start_server):
    """An answer of many megabytes, of which it reads a few bytes."""
    body = json.dumps({"inputs": ["some words of a text " * 100] * 50}).encode()
    with start_server("--request-timeout-ms", 60000) as server:
        for leave in (socket.socket.close, reset):
            with connected(server, seconds=60) as connection:
                connection.sendall(post_bytes("/embed_all", body))
                assert connection.recv(20).startswith(b"HTTP/1.1 200")
                leave(connection)
        assert works(server)


# Clients that are slow


def drip(connection: socket.socket, data: bytes, end: threading.Event, pause: float = 0.05) -> None:
    """Sends a byte at a time, as long as somebody listens."""
    with contextlib.suppress(OSError):
        for byte in data:
            connection.sendall(bytes([byte]))
            if end.wait(pause):
                return


SLOW = {
    "head": (b"", b"POST /score HTTP/1.1\r\nHost: test\r\n" + b"x-slow: 1\r\n" * 50),
    "body": (head("POST", "/score", "Content-Length: 1000"), b" " * 1000),
    "chunks": (head("POST", "/score", "Transfer-Encoding: chunked"), b"1\r\n \r\n" * 100),
}


@pytest.mark.parametrize("part", SLOW)
def test_slow_loris(impatient, part):
    """However steadily bytes come, the whole must come in time."""
    at_once, slowly = SLOW[part]
    with connected(impatient) as connection:
        connection.sendall(at_once)
        begin = time.monotonic()
        end = threading.Event()
        with in_background(lambda: drip(connection, slowly, end)):
            try:
                refused(answer_on(connection), 408, "request_timeout")
                assert 0.3 < time.monotonic() - begin < 3
                assert connection.recv(1) == b""
            finally:
                end.set()


def test_nothing_more_comes(impatient):
    for start in (b"POST /sc", head("POST", "/score", "Content-Length: 9") + b'["a'):
        refused(exchange(impatient, start), 408, "request_timeout")


def test_silent_connections_are_closed(impatient):
    with connected(impatient) as silent, connected(impatient) as idle:
        idle.sendall(head("GET", "/health"))
        assert answer_on(idle).status_code == 200
        begin = time.monotonic()
        for connection in (silent, idle):
            assert connection.recv(1000) == b"" or connection is silent  # which may be told why
        assert time.monotonic() - begin < 3


def test_many_slow_clients_hold_nobody_up(impatient):
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(connected(impatient)) for _ in range(300)]
        for connection in slow:
            connection.sendall(head("POST", "/score", "Content-Length: 1000") + b"[")
        begin = time.monotonic()
        assert all(works(impatient) for _ in range(20))
        assert time.monotonic() - begin < 2
        assert {answer_on(connection).status_code for connection in slow} == {408}
    # On a connection of its own: the server may be closing the idle one.
    assert exchange(impatient, post_bytes("/score", b'["fine"]')).status_code == 200


def test_client_that_does_not_read(start_stub):
    """Its answers stay in the buffers of both sides; whoever reads gets theirs."""
    body = json.dumps({"inputs": ["a text " * 500] * 1000}).encode()
    limits = ["--idle-timeout-ms", 1000, "--read-timeout-ms", 1000, "--request-timeout-ms", 10_000]
    with start_stub(*limits) as server:
        with contextlib.ExitStack() as stack:
            for _ in range(4):
                connection = stack.enter_context(connected(server))
                connection.sendall(post_bytes("/embed_all", body))
            wait_for(lambda: works(server))
            assert works(server)


# Bodies that are large


def test_body_of_100_megabytes(start_stub):
    """Refused by its announced length, and the client can read why although it goes on sending."""
    with start_stub() as server:
        assert works(server)
        before = resident(server)
        with connected(server) as connection:
            connection.sendall(head("POST", "/score", f"Content-Length: {100 * MEGABYTE}"))
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for _ in range(100):
                    connection.sendall(b" " * MEGABYTE)
            refused(answer_on(connection), 413, "body_too_large")
        assert resident(server) - before < 16 * MEGABYTE
        assert works(server)


def test_body_of_100_megabytes_without_a_length(start_stub):
    with start_stub() as server:
        assert works(server)
        before = resident(server)
        with connected(server) as connection:
            connection.sendall(head("POST", "/score", "Transfer-Encoding: chunked"))
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for _ in range(100):
                    connection.sendall(b"%x\r\n" % MEGABYTE + b" " * MEGABYTE + b"\r\n")
            refused(answer_on(connection), 413, "body_too_large")
        assert resident(server) - before < 100 * MEGABYTE
        assert works(server)


def test_client_library_sends_100_megabytes(stub):
    response = stub.client.post("/score", content=b"[" + b" " * 100 * MEGABYTE + b"]")
    refused(response, 413, "body_too_large")


# Deadlines


@pytest.mark.parametrize("route", QUEUES)
def test_deadline_passes_in_the_queue(start_stub, route):
    """The answer comes at the deadline, not when the batch in work is done, and nothing is computed for it."""
    with start_stub("--batch-size", 1) as server:
        with in_background(lambda: server.post(route, body_of(route, ["sleep 1500"]))) as (first,):
            server.wait_for_work(1)
            begin = time.monotonic()
            late = server.post(route, body_of(route, ["sleep 3000"]), headers={"x-request-timeout-ms": "200"})
            assert 0.19 < time.monotonic() - begin < 1
            refused(late, 408, "deadline_exceeded")
            assert works(server, route)
            assert time.monotonic() - begin < 3
        assert first.result().status_code == 200


@pytest.mark.parametrize("route", QUEUES)
def test_deadline_passes_in_work(stub, route):
    begin = time.monotonic()
    response = stub.post(route, body_of(route, ["sleep 1500"]), headers={"x-request-timeout-ms": "200"})
    refused(response, 408, "deadline_exceeded")
    assert 0.19 < time.monotonic() - begin < 1
    assert works(stub, route)


def test_limit_of_the_server_holds_for_all(start_stub):
    with start_stub("--request-timeout-ms", 200) as server:
        refused(server.post("/score", ["sleep 1500"]), 408, "deadline_exceeded")
        longer = server.post("/score", ["sleep 1500"], headers={"x-request-timeout-ms": "60000"})
        refused(longer, 408, "deadline_exceeded")


# An encoder that fails


def test_out_of_memory(stub):
    refused(stub.post("/score", ["out of memory"]), 503, "out_of_memory")
    assert works(stub)
    assert stub.get("/health").status_code == 200 and stub.get("/ready").status_code == 200


@pytest.mark.parametrize("route", QUEUES)
def test_out_of_memory_is_of_its_own_request_only(stub, route):
    """Those that shared its batch are answered."""
    with in_background(lambda: stub.post(route, body_of(route, ["sleep 400"]))):  # the others gather meanwhile
        stub.wait_for_work(1)
        texts = ["out of memory" if i == 3 else f"text {i}" for i in range(8)]
        answers = stub.post_at_once(route, [body_of(route, [text]) for text in texts])
    refused(answers[3], 503, "out_of_memory")
    for text, answer in zip(texts, answers, strict=True):
        if text != "out of memory":
            assert answer.json() == stub.post(route, body_of(route, [text])).json()


@pytest.mark.parametrize(
    "route", ["/score", "/v1/embeddings", "/v1/encode", "/embed", "/embed_sparse", "/embed_all", "/rerank"]
)
def test_internal_error(stub, route):
    field = "inputs" if route.startswith("/embed") else "input"
    wrong = body_of(route, ["internal error"]) if route == "/rerank" else {field: ["internal error"]}
    response = stub.post(route, wrong)
    refused(response, 500, "internal")
    line = stub.log_of(response.headers["x-request-id"])
    assert 500 in line.values()
    assert works(stub)


@pytest.mark.parametrize("route", QUEUES)
def test_stalled_batch_is_told_by_health(start_stub, route):
    with start_stub("--stall-timeout-ms", 300) as server:
        with in_background(lambda: server.post(route, body_of(route, ["stall 2500"]))) as (answer,):
            server.wait_for_work(1)
            wait_for(lambda: server.get("/health").status_code == 503, seconds=2)
            assert server.get("/").status_code == 503
            assert answer.result().status_code == 200
        assert server.get("/health").status_code == 200


def test_slow_batch_that_comes_on_is_healthy(start_stub):
    with start_stub("--stall-timeout-ms", 300) as server:
        with in_background(lambda: server.post("/score", ["sleep 1200"])) as (answer,):
            while not answer.done():
                assert server.get("/health").status_code == 200
                time.sleep(0.05)


def test_probes_are_answered_while_all_places_are_taken(start_stub):
    with start_stub("--max-requests", 1, "--queue-requests", 0) as server:
        with in_background(lambda: server.post("/score", ["sleep 800"])) as (answer,):
            server.wait_for_work(1)
            refused(server.post("/score", ["a"]), 429, "overloaded")
            for route in ("/health", "/ready", "/metrics", "/info"):
                assert server.get(route).status_code == 200
            assert not answer.done()


def test_many_connections(stub):
    """More than a server with a thread for each would like."""
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(connected(stub)) for _ in range(800)]
        assert works(stub)
        idle[-1].sendall(head("GET", "/health"))
        assert answer_on(idle[-1]).status_code == 200


def test_everything_at_once(stub):
    """Seconds of clients of all kinds; whoever behaves gets right answers."""
    wanted = stub.post("/score", ["steady"]).json()
    end = time.monotonic() + 3
    wrong: list[httpx.Response] = []

    def misbehave(request: bytes) -> None:
        while time.monotonic() < end:
            with connected(stub) as connection, contextlib.suppress(OSError):
                connection.sendall(request)
                reset(connection)

    def behave() -> None:
        while time.monotonic() < end:
            response = stub.post("/score", ["steady"])
            if response.status_code != 429 and (response.status_code, response.json()) != (200, wanted):
                wrong.append(response)

    whole = post_bytes("/score", b'["sleep 5"]')
    calls = [lambda request=request: misbehave(request) for request in (whole, whole[:-3], whole[:9], b"\0", b"")]
    threads = [threading.Thread(target=call) for call in [*calls, behave, behave, behave]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    wait_for(lambda: works(stub), seconds=5)
