"""Forks a process that has used a class of bgem3, once for each case, and tells how each child ended, as JSON.

    python forking.py CLASS MODEL_DIRECTORY

A child that says nothing for 20 seconds is ended, and counts as one that hangs.
"""

import asyncio
import atexit
import gc
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import bgem3
import numpy as np

TEXTS = ["in a child", "of this process"]
PAIRS = [("which process", text) for text in TEXTS]
PATIENCE = 20.0
CODE = 7

Outcome = dict[str, Any]  # "told" by the child, exit "code" or None, "expected" code
Work = Callable[[], Any]


class Subject:
    """An object of a class, and what can be asked of it: `works` should give in a child what they give here."""

    def __init__(self, made: Any, works: dict[str, Work]):
        self.made = made
        self.works = works
        self.others: dict[str, Work] = {}  # what only a child does; it tells what came of it
        self.expected = {name: work() for name, work in works.items()}  # the parent's threads are there from now on

    def check(self, name: str) -> str:
        np.testing.assert_allclose(self.works[name](), self.expected[name], rtol=1e-4, atol=1e-6)
        return "same"

    def forget(self) -> str:
        self.made = None
        self.works.clear()
        self.others.clear()
        gc.collect()
        return "forgotten"

    def close(self) -> str:
        getattr(self.made, "close", lambda: None)()
        return "closed"


def dense(found: Any) -> Any:
    return found["dense_vecs"] if "dense_vecs" in found else found["dense"]


def embedding_model(directory: str) -> Subject:
    model = bgem3.EmbeddingModel(directory, device="cpu", threads=2)
    return Subject(model, {"encode": lambda: model.encode(TEXTS), "aencode": lambda: asyncio.run(model.aencode(TEXTS))})


def m3(directory: str) -> Subject:
    model = bgem3.BGEM3FlagModel(directory, devices="cpu", threads=2, return_colbert_vecs=True)
    return Subject(
        model,
        {
            "encode": lambda: dense(model.encode(TEXTS)),
            "aencode": lambda: dense(asyncio.run(model.aencode(TEXTS))),
            "score": lambda: model.compute_score(PAIRS)["colbert"],
        },
    )


def flag_model(directory: str) -> Subject:
    model = bgem3.FlagModel(directory, devices="cpu", threads=2)
    return Subject(model, {"encode": lambda: model.encode(TEXTS), "aencode": lambda: asyncio.run(model.aencode(TEXTS))})


def reranker(directory: str) -> Subject:
    model = bgem3.FlagReranker(directory, devices="cpu", threads=2)
    return Subject(model, {"score": lambda: model.compute_score(PAIRS)})


def tokenizer(directory: str) -> Subject:
    made = bgem3.Tokenizer.from_pretrained(directory)
    return Subject(made, {"call": lambda: np.concatenate(made(TEXTS * 1000)["input_ids"])})


def batching_embedder(directory: str) -> Subject:
    made = bgem3.BatchingEmbedder(directory, device="cpu", threads=2)
    subject = Subject(
        made,
        {
            "encode": lambda: dense(made.encode(TEXTS)),
            "submit": lambda: dense(made.submit(TEXTS).result()),
            "aencode": lambda: dense(asyncio.run(made.aencode(TEXTS))),
        },
    )
    late = made.submit(["many words in a long text " * 300] * 20)  # in work at the first forks at least
    subject.others = {"answer of the parent": lambda: late.result(), "cancel": lambda: f"cancelled: {late.cancel()}"}
    return subject


def batching_reranker(directory: str) -> Subject:
    made = bgem3.BatchingReranker(directory, device="cpu", threads=2)
    return Subject(
        made,
        {
            "score": lambda: made.score(PAIRS),
            "submit": lambda: made.submit(PAIRS).result(),
            "ascore": lambda: asyncio.run(made.ascore(PAIRS)),
        },
    )


CLASSES = {
    "EmbeddingModel": embedding_model,
    "BGEM3FlagModel": m3,
    "FlagModel": flag_model,
    "FlagReranker": reranker,
    "Tokenizer": tokenizer,
    "BatchingEmbedder": batching_embedder,
    "BatchingReranker": batching_reranker,
}


# Children


def leave_by_sys_exit() -> None:
    sys.exit(CODE)


def leave_at_once() -> None:
    os._exit(CODE)


def leave_by_exception() -> None:
    raise SystemError("the end of this child")


EXITS = {"sys.exit": (leave_by_sys_exit, CODE), "os._exit": (leave_at_once, CODE), "exception": (leave_by_exception, 1)}


def tell(work: Work) -> str:
    try:
        return work()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def cases_of(subject: Subject) -> dict[str, tuple[Work, Work, int]]:
    """Name → what a child does, how it leaves, and with which code it ends then."""
    cases: dict[str, tuple[Work, Work, int]] = {}
    for name, work in subject.others.items():
        cases[name] = (work, *EXITS["sys.exit"])
    for name in subject.works:
        cases[name] = (lambda name=name: subject.check(name), *EXITS["sys.exit"])
    cases["sys.exit"] = (lambda: "nothing", *EXITS["sys.exit"])
    for name in ("os._exit", "exception"):
        cases[name] = (lambda: subject.check(next(iter(subject.works))), *EXITS[name])
    cases["close"] = (subject.close, *EXITS["sys.exit"])
    cases["del"] = (subject.forget, *EXITS["sys.exit"])
    cases["a fork of the fork"] = (lambda: fork_again(subject), *EXITS["sys.exit"])
    return cases


def fork_again(subject: Subject) -> str:
    """A child that works, and has a child that works."""
    name = next(iter(subject.works))
    here = tell(lambda: subject.check(name))
    pid = os.fork()
    if pid == 0:
        os._exit(0 if tell(lambda: subject.check(name)) == here else 1)
    return here if os.waitpid(pid, 0)[1] == 0 else "the child of the child failed"


def end_of(pid: int) -> int | None:
    """The exit code of a child; None for one that hangs."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def main() -> None:
    name, directory = sys.argv[1:]
    subject = CLASSES[name](directory)
    outcomes: dict[str, Outcome] = {}
    for case, (work, leave, code) in cases_of(subject).items():
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            sys.stderr = open(os.devnull, "w")  # of the exception that a child ends with
            atexit.register(lambda: os.write(writing, b" and atexit"))
            os.write(writing, tell(work).encode())
            return leave()
        os.close(writing)
        ended = end_of(pid)
        with os.fdopen(reading) as told:
            outcomes[case] = {"told": told.read(), "code": ended, "expected": code}
    print(json.dumps(outcomes))
    sys.stdout.flush()
    os._exit(0)  # without waiting for what is in work


if __name__ == "__main__":
    main()
