"""One run: the texts, the vectors that are right, and each target in turn."""

import argparse
import contextlib
import functools
import math
import os
import time
from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
from burst import run_bursts
from client import Connection, Endpoint
from figures import Figures, of_library, of_record
from generator import Load, Plan, Record
from library import Library, run_library
from memory import MemorySampler, Samples
from progress import progress_bar
from protocol import vectors_in
from servers import (
    Program,
    Running,
    ServerError,
    ServerSettings,
    bgem3_server,
    score_bgem3,
    score_flagembedding,
    score_flagembedding_threads,
    serving,
    stub_server,
)
from workload import Workload, expect_distinct, make_workload

PROGRAMS: dict[str, Callable[[ServerSettings], Program]] = {
    "bgem3-server": bgem3_server,
    "score.py": score_bgem3,
    "flagembedding": score_flagembedding,
    "flagembedding-threads": score_flagembedding_threads,
    "stub": stub_server,
}
IN_PROCESS, STUB, URL = "in-process", "stub", "url"
TARGETS = (*PROGRAMS, IN_PROCESS)
CEILING_CALLS = 300  # of each client


class Run:
    """`options`: those of load.py."""

    def __init__(self, options: argparse.Namespace):
        self._options = options
        count = options.clients * (options.rounds if options.burst else options.calls) * options.texts_per_call
        distinct = min(count, options.distinct)
        self.work = make_workload(options.model, options.length, distinct, options.texts_per_call)
        self._settings = ServerSettings(**{each.name: getattr(options, each.name) for each in fields(ServerSettings)})

    def measure(self, target: str) -> Figures:
        if target == IN_PROCESS:
            return of_library(self._library, self.work)
        with contextlib.ExitStack() as stack:
            try:
                endpoint, running = self._reach(target, stack)
                return self._ask(target, endpoint, running)
            except (ServerError, OSError, ValueError) as error:
                return Figures(failed=str(error))

    def ceiling(self) -> float:
        """Calls per second of the same clients against a server that computes nothing: no server shows more."""
        settings = replace(self._settings, max_requests=self._options.clients)
        with serving(stub_server(settings), self._options.logs / "ceiling.log") as running:
            endpoint = self._local(running)
            plan = self._plan(endpoint, self._expected(STUB, endpoint), CEILING_CALLS)
            record, failed = run_plan("generator alone", plan, running)
            return of_record(record, self.work, plan, [], failed).calls_per_s

    def _reach(self, target: str, stack: contextlib.ExitStack) -> tuple[Endpoint, Running | None]:
        if target == URL:
            key = os.environ.get("LOAD_KEY", "")
            return Endpoint.of_url(self._options.url, key=key, timeout=self._options.timeout), None
        if self._has_library_vectors(target):
            _ = self._library  # its process has to be gone before a server takes memory
        running = stack.enter_context(serving(PROGRAMS[target](self._settings), self._options.logs / f"{target}.log"))
        return self._local(running), running

    def _local(self, running: Running) -> Endpoint:
        return Endpoint("127.0.0.1", running.port, self._options.route, timeout=self._options.timeout)

    def _ask(self, target: str, endpoint: Endpoint, running: Running | None) -> Figures:
        expected = self._expected(target, endpoint)
        if self._options.burst:
            plan = self._plan(endpoint, expected, self._options.rounds)
            with progress_bar(f"{target}: bursts", plan.calls) as show:
                limit = self._options.max_requests + self._options.queue_requests
                return Figures(burst=run_bursts(plan, limit, show))
        run_plan(f"{target}: warm-up", self._plan(endpoint, expected, self._options.warm_up), running)
        if running:
            running.check()
        plan = self._plan(endpoint, expected, self._options.calls, self._options.seconds)
        samples: Samples = []
        with MemorySampler(running.process.pid, samples) if running else contextlib.nullcontext():
            record, failed = run_plan(target, plan, running)
        return of_record(record, self.work, plan, samples, failed)

    def _plan(self, endpoint: Endpoint, expected: np.ndarray, calls: int, seconds: float | None = None) -> Plan:
        options = self._options
        return Plan(
            endpoint,
            self.work.bodies(endpoint.route),
            expected,
            options.tolerance,
            options.clients,
            calls,
            options.processes,
            seconds,
        )

    # The vectors that are right, [requests, texts, D]

    def _expected(self, target: str, endpoint: Endpoint) -> np.ndarray:
        if self._has_library_vectors(target):
            return self.work.by_request(self._library.vectors)
        vectors = reference_pass(endpoint, self.work)
        expect_distinct(vectors, self._options.tolerance)
        return self.work.by_request(vectors)

    def _has_library_vectors(self, target: str) -> bool:
        if target == STUB:
            return False
        return (self._options.reference or ("server" if target == URL else "library")) == "library"

    @functools.cached_property
    def _library(self) -> Library:
        options, texts = self._options, self.work.texts
        wanted = options.clients * options.calls * options.texts_per_call if IN_PROCESS in options.targets else 0
        rounds = math.ceil(wanted / len(texts))
        with progress_bar("in-process: encode()", rounds) as show:
            library = run_library(self._settings, texts, rounds, show)
        expect_distinct(library.vectors, options.tolerance)
        return library


def run_plan(title: str, plan: Plan, running: Running | None) -> tuple[Record, str]:
    """The calls, and why they ended early, if they did."""
    load, failed, end = Load(plan), "", math.inf

    def every() -> None:
        nonlocal failed, end
        show(load.done)
        if plan.seconds and load.done:
            end = min(end, time.monotonic() + plan.seconds)
        if time.monotonic() > end:
            load.stop()
        try:
            if running and not failed:
                running.check()
        except ServerError as error:
            failed = str(error)
            load.stop()

    with progress_bar(title, plan.clients * plan.calls) as show:
        record = load.run(every)
        every()  # what happened since the last time
        return record, failed


def reference_pass(endpoint: Endpoint, work: Workload) -> np.ndarray:
    """What a server answers to one client that asks for everything once, [B, D]."""
    connection, found = Connection(endpoint), []
    with progress_bar("vectors to expect", len(work)) as show:
        for number, body in enumerate(work.bodies(endpoint.route)):
            answer = connection.ask(endpoint.post(body))
            if answer.status != 200:
                raise ServerError(f"expected vectors, found status {answer.status}: {answer.body[:300]!r}")
            found.append(vectors_in(answer.body))
            show(number + 1)
    connection.close()
    vectors = np.concatenate(found).astype(np.float32)
    if len(vectors) != len(work.texts) or not np.isfinite(vectors).all():
        raise ServerError(f"expected {len(work.texts)} vectors, found an array of shape {list(vectors.shape)}")
    return vectors
