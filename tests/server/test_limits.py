"""Time, connections and memory that clients can take: each has a limit, and others do not notice."""

import contextlib
import json
import os
import select
import socket
import threading
import time

import psutil
import pytest
from server import (
    MEGABYTE,
    answer_on,
    answers,
    connected,
    exchange,
    head,
    in_background,
    post_bytes,
    refused,
    resident,
    wait_for,
)

BODY = b'["a"]'

# Time


# What a request begins with, and what then comes for as long as the sender likes. `/score` is refused by nobody before
# its body has come; `/nothing` is, and its body is of no interest to anybody.
ENDLESS = {
    "head": (b"POST /score HTTP/1.1\r\nHost: test\r\nX: ", b"x"),
    "body": (head("POST", "/score", "Content-Length: 1000000"), b" "),
    "chunks": (head("POST", "/score", "Transfer-Encoding: chunked"), b"1\r\n \r\n"),
    "unwanted body": (head("POST", "/nothing", "Content-Length: 60000"), b" "),
    "refused": (b"nonsense\r\n\r\n", b"x"),
}


def send_for_ever(connection: socket.socket, part: bytes, pause: float, end: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while not end.is_set():
            connection.sendall(part)
            if pause:
                time.sleep(pause)


def seconds_until_closed(connection: socket.socket, begin: float) -> float:
    with contextlib.suppress(OSError):
        while connection.recv(1 << 16):
            pass
    return time.monotonic() - begin


@pytest.mark.parametrize("pause", [0, 0.0001, 0.01, 0.2])
@pytest.mark.parametrize("part", ENDLESS)
def test_sender_that_never_ends(impatient, part, pause):
    """However quickly or slowly bytes keep coming, the connection is closed in time."""
    at_once, then = ENDLESS[part]
    with connected(impatient) as connection:
        connection.sendall(at_once)
        end = threading.Event()
        begin = time.monotonic()
        with in_background(lambda: send_for_ever(connection, then, pause, end)):
            try:
                assert seconds_until_closed(connection, begin) < 9  # one and a half, and then five to read the answer
            finally:
                end.set()


def test_two_hundred_senders_that_stop_after_a_chunk(impatient):
    """Each pauses right when what it sent is on its way to the parser."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(connected(impatient)) for _ in range(200)]
        for connection in connections:
            connection.sendall(head("POST", "/score", "Transfer-Encoding: chunked"))
        begin = time.monotonic()
        while time.monotonic() - begin < 0.6:
            for connection in connections:
                with contextlib.suppress(OSError):
                    connection.sendall(b"1\r\n \r\n")
        assert all(seconds_until_closed(connection, begin) < 9 for connection in connections)
    assert impatient.get("/health").status_code == 200


def test_end_is_not_delayed_by_senders(start_stub):
    with start_stub("--read-timeout-ms", 1000) as server, contextlib.ExitStack() as stack:
        end = threading.Event()
        stack.callback(end.set)
        connections = [stack.enter_context(connected(server)) for _ in range(24)]
        for connection in connections:
            connection.sendall(head("POST", "/score", "Transfer-Encoding: chunked"))
            threading.Thread(target=send_for_ever, args=(connection, b"1\r\n \r\n", 0.001, end), daemon=True).start()
        time.sleep(0.3)
        begin = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begin < 10


def test_deadline_holds_while_bodies_are_parsed(start_stub):
    """Twelve of 30 MB, more than are parsed until then."""
    body = b'["' + b"a " * 15_000_000 + b'"]'
    request = post_bytes("/score", body, "x-request-timeout-ms: 500")
    with start_stub("--max-body-mb", 32) as server, contextlib.ExitStack() as stack:
        connections = [stack.enter_context(connected(server, 60)) for _ in range(12)]
        for connection in connections:
            connection.sendall(request[:-1])
        begin = time.monotonic()
        for connection in connections:
            connection.sendall(request[-1:])
        assert server.get("/info").status_code == 200
        assert time.monotonic() - begin < 2
        statuses = [answer_on(connection).status_code for connection in connections]
        assert time.monotonic() - begin < 5
        assert set(statuses) <= {200, 408} and 408 in statuses
        assert server.post("/score", ["a"]).status_code == 200
        wait_for(lambda: server.metric("bgem3_requests_in_work") == 0, seconds=10)


def test_texts_of_a_late_request_are_not_tokenised_to_their_end(start_stub):
    """Where all of a text counts, as for /tokenize; against a request whose tokens are counted, and too many."""
    body = post_bytes("/tokenize", b'{"inputs": "' + b"a " * 15_000_000 + b'"}')
    late = body.replace(b"Host: test", b"Host: test\r\nx-request-timeout-ms: 1")

    def cost(request: bytes, status: int) -> float:
        process = psutil.Process(server.process.pid)
        before = sum(process.cpu_times()[:2])
        assert exchange(server, request).status_code == status
        wait_for(lambda: server.metric("bgem3_requests_in_work") == 0, seconds=20)
        return sum(process.cpu_times()[:2]) - before

    with start_stub("--max-body-mb", 32) as server:
        assert cost(late, 408) < cost(body, 413) / 2


def test_connection_that_asks_for_nothing(start_stub):
    """It has as long for its first request as a request has; between requests it may wait for longer."""
    with start_stub("--read-timeout-ms", 500, "--idle-timeout-ms", 60000) as server:
        with connected(server) as silent, connected(server) as idle:
            begin = time.monotonic()
            idle.sendall(head("GET", "/health"))
            assert answer_on(idle).status_code == 200
            assert silent.recv(1) == b""
            assert 0.3 < time.monotonic() - begin < 5
            idle.sendall(head("GET", "/health"))
            assert answer_on(idle).status_code == 200


# Numbers of connections


def test_connections_have_a_limit_and_probes_a_reserve(start_stub):
    with start_stub("--max-connections", 20) as server, contextlib.ExitStack() as stack:
        server.client.close()
        taken = [stack.enter_context(connected(server)) for _ in range(20)]
        refused(exchange(server, post_bytes("/score", BODY)), 503, "too_many_connections")
        for route in ("/health", "/ready", "/metrics"):
            assert exchange(server, head("GET", route)).status_code == 200
        more = [stack.enter_context(connected(server)) for _ in range(60)]
        assert len(closed(more)) > 20
        taken[0].sendall(post_bytes("/score", BODY))  # who was first is served on
        assert answer_on(taken[0]).status_code == 200
        for connection in [*taken, *more]:
            connection.close()
        wait_for(lambda: answers(server, post_bytes("/score", BODY, "Connection: close")) == [200], seconds=5)


def closed(connections: list[socket.socket]) -> list[socket.socket]:
    """Those that the server has closed, after a moment."""
    time.sleep(0.5)
    return select.select(connections, [], [], 0)[0]


# Memory


def test_answers_that_nobody_reads_have_a_limit(start_stub):
    """Each is within its own limit; together they are not. Small answers go on."""
    body = json.dumps({"inputs": ["a text " * 500] * 100}).encode()
    with (
        start_stub("--max-answers-mb", 40, "--max-answer-mb", 40, "--max-requests", 4) as server,
        contextlib.ExitStack() as stack,
    ):
        size = len(exchange(server, post_bytes("/embed_all", body)).content)
        assert 2 * MEGABYTE < size < 20 * MEGABYTE
        before = resident(server)
        unread = []
        for _ in range(20):
            connection = stack.enter_context(connected(server))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(post_bytes("/embed_all", body))
            unread.append(connection)
            wait_for(lambda: server.metric("bgem3_requests_in_work") == 0, seconds=20)
        assert resident(server) - before < 200 * MEGABYTE
        refused(exchange(server, post_bytes("/embed_all", body)), 429, "overloaded")
        assert server.post("/score", ["a"]).status_code == 200
        for connection in unread:
            connection.close()
        wait_for(lambda: exchange(server, post_bytes("/embed_all", body)).status_code == 200, seconds=10)


@pytest.mark.parametrize(
    "line",
    [b"5;" + b"x" * MEGABYTE, b"5;x=" + b"y;x=" * (MEGABYTE // 4), b"0\r\n" + b"x: y\r\n" * (MEGABYTE // 6)],
    ids=["an extension", "extensions", "a trailer"],
)
def test_what_stands_between_chunks_has_a_limit(stub, line):
    """It is kept until it is complete, and would take all memory."""
    before = resident(stub)
    with connected(stub) as connection:
        connection.sendall(head("POST", "/score", "Transfer-Encoding: chunked"))
        with contextlib.suppress(OSError):
            for _ in range(64):
                connection.sendall(line)
        refused(answer_on(connection), 400, "invalid_request")
    assert resident(stub) - before < 16 * MEGABYTE


def test_a_length_that_is_only_announced_takes_no_memory(start_stub):
    with start_stub("--max-body-mb", 1024, "--max-bodies-mb", 1024) as server:
        before = resident(server)
        with contextlib.ExitStack() as stack:
            for _ in range(16):
                connection = stack.enter_context(connected(server))
                connection.sendall(head("POST", "/score", f"Content-Length: {1 << 29}") + b"[")
            time.sleep(0.5)
            assert resident(server) - before < 64 * MEGABYTE


@pytest.mark.parametrize("element", ["{}", "[]", "0", '"a"', '{"a":[]}'])
def test_millions_of_values(stub, element):
    """Refused, and soon: nobody else waits for it."""
    body = ("[" + ",".join([element] * 1_000_000) + "]").encode()
    processor = psutil.Process(stub.process.pid)
    before = processor.cpu_times().user
    refused(exchange(stub, post_bytes("/score", body)), 413, "too_many_texts")
    assert processor.cpu_times().user - before < 2
    wait_for(lambda: stub.get("/health").status_code == 200, seconds=1)


def test_descriptors_that_run_out_and_come_back(start_stub):
    """So many descriptors that connections cannot be taken, then some again."""
    with start_stub() as server:
        pid = server.process.pid
        resource_limit = psutil.RLIMIT_NOFILE
        soft, hard = psutil.Process(pid).rlimit(resource_limit)
        used = len(os.listdir(f"/proc/{pid}/fd"))
        psutil.Process(pid).rlimit(resource_limit, (used + 3, hard))
        with contextlib.ExitStack() as stack:
            for _ in range(20):
                stack.enter_context(connected(server))
            time.sleep(0.3)
        psutil.Process(pid).rlimit(resource_limit, (soft, hard))
        wait_for(lambda: server.get("/health").status_code == 200, seconds=5)
