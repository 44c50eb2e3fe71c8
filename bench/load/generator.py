"""Many clients that each ask one thing after another, and check every answer. Several processes, threads in each."""

import contextlib
import multiprocessing
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from client import Answer, Connection, Endpoint
from protocol import vectors_in

LOST = "lost"  # a call that got no answer
FAILURES_IN_A_ROW = 5  # after which a client gives up: the server is gone
NOTES = 3  # examples that are kept of what went wrong, for each client
CLIENT_ID = b"x-ms-client-request-id"
AZURE_STATUS = b"ms-azureml-model-error-statuscode"

_context = multiprocessing.get_context("spawn")  # a fork would copy threads and models


@dataclass(frozen=True)
class Plan:
    """What all clients do together."""

    endpoint: Endpoint
    bodies: list[bytes]
    expected: np.ndarray  # [requests, texts, D]
    tolerance: float
    clients: int
    calls: int  # of each client
    processes: int
    seconds: float | None = None  # after which no client begins another call


@dataclass
class Record:
    """What became of the calls of one client, or of several."""

    begins: list[float] = field(default_factory=list)  # on the clock of time.perf_counter(), of calls answered rightly
    seconds: list[float] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)  # which each was
    statuses: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    largest_difference: float = 0.0
    connections: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def calls(self) -> int:
        return self.statuses.total()

    @staticmethod
    def merged(records: "list[Record]") -> "Record":
        found = Record()
        for record in records:
            for name in ("begins", "seconds", "requests", "statuses", "wrong", "connections", "notes"):
                setattr(found, name, getattr(found, name) + getattr(record, name))
            found.largest_difference = max(found.largest_difference, record.largest_difference)
        return found


# Checking


def status_of(answer: Answer) -> str:
    """As it is counted: Azure's 424 with the status of what is behind it."""
    inner = answer.headers.get(AZURE_STATUS)
    return f"{answer.status} ({inner.decode(errors='replace')})" if inner else str(answer.status)


def difference(answer: Answer, expected: np.ndarray) -> float:
    """The largest between an element found and the one expected, [texts, D]; ValueError for what is not even comparable."""
    found = vectors_in(answer.body)
    if found.shape != expected.shape:
        raise ValueError(f"expected vectors of shape {list(expected.shape)}, found {list(found.shape)}")
    return float(np.abs(found - expected).max())


# One client


class Client:
    def __init__(self, plan: Plan, number: int):
        self._plan, self._number = plan, number
        self._connection = Connection(plan.endpoint)
        self._heads = [plan.endpoint.head("POST", len(body)) for body in plan.bodies]
        self._order = list(range(len(plan.bodies)))
        random.Random(number).shuffle(self._order)  # so that clients do not ask for the same at the same time
        self.record = Record()

    def run(self, on_call: Callable[[], bool]) -> None:
        """`on_call` is told of each call and answers whether to go on."""
        lost_in_a_row = 0
        for call in range(self._plan.calls):
            request = self._order[call % len(self._order)]
            begin = time.perf_counter()
            answer = self._ask(call, request)
            seconds = time.perf_counter() - begin
            lost_in_a_row = 0 if answer else lost_in_a_row + 1
            if answer and self._is_right(answer, request, call):
                self.record.begins.append(begin)
                self.record.seconds.append(seconds)
                self.record.requests.append(request)
            if not on_call() or lost_in_a_row == FAILURES_IN_A_ROW:
                break
        self.record.connections = self._connection.opened
        self._connection.close()

    def _ask(self, call: int, request: int) -> Answer | None:
        name = b"%s: %d-%d\r\n\r\n" % (CLIENT_ID, self._number, call)
        try:
            answer = self._connection.ask(self._heads[request] + name + self._plan.bodies[request])
        except OSError as error:
            self._connection.close()
            self._count(LOST, f"{type(error).__name__}: {error}")
            return None
        text = answer.body[:200].decode(errors="replace") if answer.status != 200 else ""
        self._count(status_of(answer), text)
        return answer

    def _is_right(self, answer: Answer, request: int, call: int) -> bool:
        if answer.status != 200:
            return False
        try:
            if answer.headers.get(CLIENT_ID, wanted := b"%d-%d" % (self._number, call)) != wanted:
                raise ValueError(f"the answer to request {answer.headers[CLIENT_ID]!r} came to request {wanted!r}")
            largest = difference(answer, self._plan.expected[request])
            self.record.largest_difference = max(self.record.largest_difference, largest)
            if largest > self._plan.tolerance:
                raise ValueError(f"a vector is off by {largest:.1e}")
        except ValueError as error:  # also for what is not JSON
            self.record.wrong += 1
            self._note(f"wrong answer: {error}")
            return False
        return True

    def _count(self, status: str, note: str) -> None:
        self.record.statuses[status] += 1
        if note:
            self._note(f"{status}: {note}")

    def _note(self, note: str) -> None:
        if len(self.record.notes) < NOTES:
            self.record.notes.append(note)


# All clients


class Load:
    """A plan in execution."""

    def __init__(self, plan: Plan):
        self._plan = plan
        self._done = _context.RawArray("q", plan.clients)  # calls of each client
        self._stop = _context.RawValue("b", 0)

    @property
    def done(self) -> int:
        return sum(self._done)

    def stop(self) -> None:
        """Ends every client after the call that it is in."""
        self._stop.value = 1

    def run(self, every: Callable[[], None], interval: float = 0.1) -> Record:
        """Runs to the end, calling `every` now and then."""
        numbers = np.array_split(np.arange(self._plan.clients), min(self._plan.processes, self._plan.clients))
        barrier = _context.Barrier(len(numbers))
        with contextlib.ExitStack() as stack:
            pipes = [
                stack.enter_context(_process(self._plan, part.tolist(), self._done, self._stop, barrier))
                for part in numbers
            ]
            stack.callback(self.stop)  # first of all, whatever ends this
            while not all(pipe.poll() for pipe in pipes):
                every()
                time.sleep(interval)
            return Record.merged([pipe.recv() for pipe in pipes])


@contextlib.contextmanager
def _process(plan: Plan, numbers: list[int], *shared) -> Iterator:
    """The end of a pipe out of which its Record comes."""
    here, there = _context.Pipe(duplex=False)
    process = _context.Process(target=_run_clients, args=(there, plan, numbers, *shared))
    process.start()
    there.close()  # so that a process that dies is an end of file here
    try:
        yield here
    finally:
        process.join(timeout=plan.endpoint.timeout + 10)
        if process.is_alive():
            process.kill()


def _run_clients(pipe, plan: Plan, numbers: list[int], done, stop, barrier) -> None:
    clients = [Client(plan, number) for number in numbers]

    def run(client: Client, number: int) -> None:
        def on_call() -> bool:
            done[number] += 1
            return not stop.value

        client.run(on_call)

    threads = [threading.Thread(target=run, args=pair) for pair in zip(clients, numbers)]
    barrier.wait()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pipe.send(Record.merged([client.record for client in clients]))
