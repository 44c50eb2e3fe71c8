"""Allocations that fail: a request or its connection ends by that, and nothing else."""

import contextlib
import socket
from collections import Counter

import httpx
import pytest
from server import BODIES, Server, in_background, wait_for
from soak import LIMITS, Soak, at_rest, held

CLIENTS = 8
REQUESTS = 100  # of each client


def fail_one_in(server: Server, allocations: int) -> None:
    """From now on; 0: none. Asks until the server understood."""

    def told() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return server.post("/score", [f"failing allocations {allocations}"]).status_code == 200
        return False

    wait_for(told, seconds=20)


def outcomes(server: Server, expected: dict[str, object]) -> Counter:
    """Of one client, which takes each route in turn; an answer that says it went well has to be right."""
    seen: Counter = Counter()
    for i in range(REQUESTS):
        route, body = list(BODIES.items())[i % len(BODIES)]
        try:
            response = server.post(route, body, timeout=10)
        except httpx.TimeoutException:
            seen["never answered"] += 1
        except httpx.HTTPError:
            seen["closed"] += 1
        else:
            seen[response.status_code] += 1
            assert response.status_code != 200 or response.json() == expected[route]
    return seen


@pytest.mark.parametrize("one_in", [20_000, 3_000, 300])
def test_server_goes_on(start_stub, one_in):
    with start_stub("--max-requests", CLIENTS) as server:
        server.is_silent = False  # lines of the log are lost, too, which the log complains of
        expected = {route: server.post(route, body).json() for route, body in BODIES.items()}
        fail_one_in(server, one_in)
        with in_background(*[lambda: outcomes(server, expected)] * CLIENTS) as clients:
            seen = sum((client.result() for client in clients), Counter())
        fail_one_in(server, 0)
        assert seen.keys() <= {200, 503, "closed"}
        assert seen[200] > 0
        assert one_in > 3_000 or seen[503] + seen["closed"] > 0
        assert server.metric("bgem3_requests_in_work") == 0
        assert {route: server.post(route, body).json() for route, body in BODIES.items()} == expected


def test_server_goes_on_accepting(start_stub):
    """Each connection that is held takes memory when it is accepted, before any code of the server's is called."""
    with start_stub("--max-connections", 1000) as server:
        server.is_silent = False
        fail_one_in(server, 100)
        with contextlib.ExitStack() as held_open:
            for _ in range(600):
                held_open.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        fail_one_in(server, 0)
        assert httpx.get(f"{server.url}/ready", trust_env=False, timeout=20).status_code == 200


def test_server_stops_while_allocations_fail(start_stub):
    with start_stub() as server:
        server.is_silent = False
        fail_one_in(server, 100)
        assert server.stop() == 0


def test_a_short_soak(start_stub):
    """Clients of all kinds before, while and after allocations fail."""
    with start_stub(*LIMITS) as server:
        server.is_silent = False  # of lost lines of the log the log complains
        soak = Soak(server)
        before = held(server)
        soak.run(3)
        wait_for(lambda: at_rest(server, before), seconds=20)
        fail_one_in(server, 3_000)
        soak.run(3, dropping=True)
        fail_one_in(server, 0)
        soak.run(2)
        wait_for(lambda: at_rest(server, before), seconds=20)
        assert soak.outcomes[200] > soak.requests / 4
