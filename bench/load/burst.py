"""More clients at once than a server takes: as many as it takes are answered, all others are refused, at once.

All requests but their last bytes are sent first, then the last bytes, so that all arrive within about a millisecond, before
the first can be done.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from client import Answer, Connection, Endpoint
from generator import difference


@dataclass(frozen=True)
class Burst:
    endpoint: Endpoint
    bodies: list[bytes]
    expected: np.ndarray  # [requests, texts, D]
    tolerance: float
    clients: int
    limit: int  # of requests at a time, that of the server

    @property
    def wanted(self) -> Counter[str]:
        """Statuses of each round."""
        taken = min(self.clients, self.limit)
        return +Counter({"200": taken, "429": self.clients - taken})


@dataclass
class BurstFigures:
    clients: int
    limit: int
    rounds: list[dict[str, int]] = field(default_factory=list)  # statuses
    problems: list[str] = field(default_factory=list)


def run_bursts(burst: Burst, rounds: int, show: Callable[[int], None]) -> BurstFigures:
    """`show` gets the number of rounds that are done."""
    found = BurstFigures(burst.clients, burst.limit)
    connections = [Connection(burst.endpoint) for _ in range(burst.clients)]
    for number in range(rounds):
        statuses, problems = one_round(burst, connections, number)
        found.rounds.append(dict(statuses))
        found.problems += [f"round {number + 1}: {problem}" for problem in problems]
        show(number + 1)
    for connection in connections:
        connection.close()
    return found


def one_round(burst: Burst, connections: list[Connection], number: int) -> tuple[Counter[str], list[str]]:
    asked = [(number * burst.clients + i) % len(burst.bodies) for i in range(burst.clients)]
    requests = [burst.endpoint.head("POST", len(burst.bodies[k])) + b"\r\n" + burst.bodies[k] for k in asked]
    for connection, request in zip(connections, requests):
        connection.send(request[:-1])
    for connection, request in zip(connections, requests):
        connection.send(request[-1:])
    statuses: Counter[str] = Counter()
    problems = []
    for connection, k in zip(connections, asked):
        answer = connection.receive()
        statuses[str(answer.status)] += 1
        problems += what_is_wrong(answer, burst.expected[k], burst.tolerance)
    if statuses != burst.wanted:
        problems.insert(0, f"expected {dict(burst.wanted)}, found {dict(statuses)}")
    return statuses, problems


def what_is_wrong(answer: Answer, expected: np.ndarray, tolerance: float) -> list[str]:
    if answer.status == 429:
        return [] if answer.headers.get(b"retry-after", b"").isdigit() else ["a refusal without Retry-After"]
    if answer.status != 200:
        return []  # the count tells
    try:
        largest = difference(answer, expected)
    except ValueError as error:
        return [f"wrong answer: {error}"]
    return [f"a vector is off by {largest:.1e}"] if largest > tolerance else []
