"""Clients of every kind at once, for as long as one likes; what they find wrong is an AssertionError of theirs."""

import contextlib
import http.client
import json
import math
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import psutil
from sample_texts import TEXTS
from server import BODIES, Server, answer_on, connected, post_bytes

LIMITS = [
    "--max-requests",
    12,
    "--queue-requests",
    4,
    "--max-connections",
    60,
    "--read-timeout-ms",
    3000,
]  # of a server that is soaked

Question = tuple[str, Any]
DROPPED = "dropped"  # what counts as an answer where the connection ended instead


def questions(count: int, rng: random.Random) -> list[Question]:
    """Requests to every route, of one to twelve texts."""

    def texts() -> list[str]:
        return rng.choices(TEXTS, k=rng.choice([1, 1, 2, 4, 12]))

    found: list[Question] = []
    for i in range(count):
        route, body = list(BODIES.items())[i % len(BODIES)]
        found.append((route, {name: texts() if isinstance(value, list) else value for name, value in body.items()}))
    return found


def same(found: Any, expected: Any) -> bool:
    """But for the last digits of numbers, which depend on who shared a batch."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(same(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, float):
        return math.isclose(found, expected, rel_tol=1e-3, abs_tol=1e-3)
    return found == expected


class Soak:
    """Keeps a server busy; the server is not to be asked by others meanwhile."""

    def __init__(self, server: Server, seed: int = 1):
        self._server = server
        self._questions = questions(64, random.Random(seed))
        self._answers = [self._ask_alone(question) for question in self._questions]
        self._dropping = False
        self.outcomes: Counter = Counter()

    def run(self, seconds: float, *, dropping: bool = False) -> None:
        """For so long. `dropping`: requests may end with 503 or their connection, as where allocations fail."""
        self._dropping = dropping
        clients = [self._asker] * 4 + [self._leaver, self._slow_sender, self._slow_reader, self._hasty, self._breaker]
        end = time.monotonic() + seconds
        failures: list[BaseException] = []

        def repeat(client: Callable[[random.Random], None], number: int) -> None:
            rng = random.Random(number)
            try:
                while time.monotonic() < end and not failures:
                    client(rng)
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=repeat, args=(client, i)) for i, client in enumerate(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    @property
    def requests(self) -> int:
        return self.outcomes.total()

    def _ask_alone(self, question: Question) -> Any:
        response = self._server.post(*question)
        assert response.status_code == 200, response.text
        return response.json()

    def _request(self, rng: random.Random, *lines: str) -> tuple[bytes, Any]:
        """One of the questions as it is sent, and the right answer."""
        i = rng.randrange(len(self._questions))
        route, body = self._questions[i]
        return post_bytes(route, json.dumps(body).encode(), *lines), self._answers[i]

    def _count(self, status: object, others: Sequence[object]) -> None:
        allowed = {200, 429, *others, *([503, DROPPED] if self._dropping else [])}
        assert status in allowed, f"{status}, expected one of {allowed}"
        self.outcomes[status] += 1

    def _check(self, connection: socket.socket, expected: Any, others: Sequence[object] = ()) -> None:
        """The answer that comes, or what comes in its place."""
        try:
            response = answer_on(connection)
        except (http.client.HTTPException, ConnectionError):
            return self._count(DROPPED, others)
        if response.status_code == 200:
            assert same(response.json(), expected)
        self._count(response.status_code, others)

    @contextlib.contextmanager
    def _visit(self) -> Iterator[socket.socket]:
        """A connection that the server may not break."""
        with connected(self._server) as connection:
            try:
                yield connection
            except ConnectionError:
                self._count(DROPPED, [])

    # Kinds of clients: each call is one visit.

    def _asker(self, rng: random.Random) -> None:
        """Asks time and again on one connection."""
        with self._visit() as connection:
            for _ in range(rng.randrange(1, 50)):
                request, expected = self._request(rng)
                connection.sendall(request)
                self._check(connection, expected)

    def _leaver(self, rng: random.Random) -> None:
        """Goes away in the middle, politely or not."""
        request, _ = self._request(rng)
        with connected(self._server) as connection, contextlib.suppress(ConnectionError):
            connection.sendall(request[: rng.randrange(len(request) + 1)])
            time.sleep(rng.random() / 100)
            if rng.random() < 0.5:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _slow_sender(self, rng: random.Random) -> None:
        request, expected = self._request(rng)
        size = 1 + len(request) // 50  # of each of fifty pieces, so that it arrives in time
        with connected(self._server) as connection, contextlib.suppress(ConnectionError):
            for begin in range(0, len(request), size):
                connection.sendall(request[begin : begin + size])
                time.sleep(rng.random() / 50)
            self._check(connection, expected, [408])

    def _slow_reader(self, rng: random.Random) -> None:
        request, expected = self._request(rng, "Connection: close")
        received = b""
        with connected(self._server) as connection, contextlib.suppress(ConnectionError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
            connection.sendall(request)
            while part := connection.recv(16 * 1024):
                received += part
                time.sleep(rng.random() / 500)
        head, _, body = received.partition(b"\r\n\r\n")
        status: object = int(head.split()[1]) if head else DROPPED
        if status == 200:
            is_whole = f"content-length: {len(body)}\r\n".encode() in head.lower() + b"\r\n"
            assert is_whole or self._dropping
            assert not is_whole or same(json.loads(body), expected)
        self._count(status, [])

    def _hasty(self, rng: random.Random) -> None:
        """Wants its answer soon."""
        request, expected = self._request(rng, f"x-request-timeout-ms: {rng.randrange(1, 20)}")
        with self._visit() as connection:
            connection.sendall(request)
            self._check(connection, expected, [408])

    def _breaker(self, rng: random.Random) -> None:
        """Sends what nobody should."""
        wrong = [
            post_bytes("/score", b'["'),
            post_bytes("/score", b'{"input": 7}'),
            post_bytes("/score", json.dumps(["a"] * 3000).encode()),
            post_bytes("/nowhere", b"{}"),
            b"GET / HTTP/1.1\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rng.randbytes(100) + b"\r\n\r\n",
            post_bytes("/score", b"", "Transfer-Encoding: xchunked"),
        ]
        with connected(self._server) as connection, contextlib.suppress(ConnectionError):
            connection.sendall(rng.choice(wrong))
            self._check(connection, None, [400, 404, 413, 422, 501])


def held(server: Server) -> tuple[int, int]:
    """Descriptors and threads."""
    process = psutil.Process(server.process.pid)
    return process.num_fds(), process.num_threads()


def at_rest(server: Server, before: tuple[int, int]) -> bool:
    """Once those that left are noticed: no more descriptors and threads than before."""
    return server.metric("bgem3_requests_in_work") == 0 and all(map(int.__le__, held(server), before))
