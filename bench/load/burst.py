"""More clients at once than a server takes: as many as it works for and lets wait are answered, all others are refused, at
once.

All requests but their last bytes are sent first, then the last bytes, so that all arrive within about a millisecond, before
the first can be done.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from client import Answer, Connection
from generator import Plan, difference


@dataclass
class BurstFigures:
    clients: int
    limit: int  # of requests that the server takes: in work at a time, and those that may wait
    rounds: list[dict[str, int]] = field(default_factory=list)  # statuses
    problems: list[str] = field(default_factory=list)

    @property
    def wanted(self) -> Counter[str]:
        """Statuses of each round."""
        taken = min(self.clients, self.limit)
        return +Counter({"200": taken, "429": self.clients - taken})


def run_bursts(plan: Plan, limit: int, show: Callable[[int], None]) -> BurstFigures:
    """The calls of a client are as many rounds; all are made in this process. `show` gets the number of those done."""
    found = BurstFigures(plan.clients, limit)
    connections = [Connection(plan.endpoint) for _ in range(plan.clients)]
    for number in range(plan.calls):
        statuses, problems = one_round(plan, connections, number)
        if statuses != found.wanted:
            problems.insert(0, f"expected {dict(found.wanted)}, found {dict(statuses)}")
        found.rounds.append(dict(statuses))
        found.problems += [f"round {number + 1}: {problem}" for problem in problems]
        show(number + 1)
    for connection in connections:
        connection.close()
    return found


def one_round(plan: Plan, connections: list[Connection], number: int) -> tuple[Counter[str], list[str]]:
    asked = [(number * plan.clients + i) % len(plan.bodies) for i in range(plan.clients)]
    requests = [plan.endpoint.post(plan.bodies[k]) for k in asked]
    for connection, request in zip(connections, requests):
        connection.send(request[:-1])
    for connection, request in zip(connections, requests):
        connection.send(request[-1:])
    statuses: Counter[str] = Counter()
    problems = []
    for connection, k in zip(connections, asked):
        answer = connection.receive()
        statuses[str(answer.status)] += 1
        problems += what_is_wrong(answer, plan.expected[k], plan.tolerance)
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
