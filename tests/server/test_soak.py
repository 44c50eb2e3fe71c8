"""Clients of all kinds at once, well and ill behaved: no answer is wrong, and the server holds no more afterwards.

BGEM3_SOAK_SECONDS says for how long each test goes on; `scripts/soak` sets it. A short one is in test_memory.py.
"""

import os

from server import MEGABYTE, Server, resident, wait_for
from soak import LIMITS, Soak, at_rest, held
from test_memory import fail_one_in

SECONDS = float(os.environ.get("BGEM3_SOAK_SECONDS") or 1200)


def growth(samples: list[tuple[int, int]]) -> float:
    """Bytes for 10,000 requests: the slope of memory over requests, by least squares."""
    requests, memory = zip(*samples, strict=True)
    mean_x, mean_y = sum(requests) / len(samples), sum(memory) / len(samples)
    above = sum((x - mean_x) * (y - mean_y) for x, y in samples)
    return 10_000 * above / sum((x - mean_x) ** 2 for x in requests)


def soak_and_measure(server: Server, soak: Soak, seconds: float) -> None:
    before = held(server)
    soak.run(seconds / 4)  # caches and allocators fill
    samples = []
    for _ in range(20):
        soak.run(seconds * 3 / 4 / 20)
        samples.append((soak.requests, resident(server)))
    wait_for(lambda: at_rest(server, before), seconds=20)
    slope = growth(samples)
    print(f"{soak.outcomes}; {slope / MEGABYTE:.3f} MB for 10,000 requests, from {samples[0]} to {samples[-1]}")
    assert slope < MEGABYTE


def test_soak_with_failing_allocations(start_stub):
    with start_stub(*LIMITS) as server:
        server.is_silent = False
        soak = Soak(server)
        for one_in in (20_000, 3_000, 300):
            fail_one_in(server, one_in)
            soak.run(SECONDS / 10, dropping=True)
        fail_one_in(server, 0)
        soak_and_measure(server, soak, SECONDS * 7 / 10)


def test_soak_of_models(start_server, tiny_reranker):
    with start_server("--reranker", tiny_reranker, *LIMITS) as server:
        soak_and_measure(server, Soak(server), SECONDS)
