"""bgem3._core survives whatever Python gives it."""

import inspect
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import bgem3
import numpy as np
import pytest
from bgem3 import _core
from bgem3.errors import InvalidArgumentError

CLASSES = [member for member in vars(_core).values() if inspect.isclass(member)]
METHODS = [
    (kind, name)
    for kind in CLASSES
    for name, member in vars(kind).items()
    if (isinstance(member, property) or callable(member)) and not name.startswith("__")
]
NOT_NUMBERS = [float("nan"), np.float32("nan"), -float("nan")]


@pytest.fixture(scope="module")
def embedder(nano) -> _core.Embedder:
    return _core.Embedder.load(nano)


@pytest.fixture(scope="module")
def reranker(nano_reranker) -> _core.Reranker:
    return _core.Reranker.load(nano_reranker)


def generate_calls(embedder: Path, reranker: Path, seed: int, count: int, told: Path) -> str:
    program = Path(__file__).parent / "any_object.py"
    command = [sys.executable, program, embedder, reranker, str(seed), str(count), told]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=3000)
    assert ran.returncode == 0, f"{told.read_text()}\nended with {ran.returncode}: {ran.stderr}"
    return ran.stdout


def test_generated_calls(nano, nano_reranker, tmp_path):
    outcomes = generate_calls(nano, nano_reranker, seed=1, count=6000, told=tmp_path / "call")
    for kind in ("returned", "TypeError", "InvalidArgumentError"):
        assert kind in outcomes


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_many_generated_calls(nano, nano_reranker, tmp_path, seed):
    generate_calls(nano, nano_reranker, seed, count=20_000, told=tmp_path / "call")


# Objects that nothing was constructed in


@pytest.mark.parametrize("kind, name", METHODS, ids=lambda value: getattr(value, "__name__", value))
def test_new_alone_makes_no_object(kind, name):
    member = inspect.getattr_static(kind, name)
    if isinstance(member, staticmethod):
        return
    empty = kind.__new__(kind)
    with pytest.raises(TypeError, match=f"{kind.__name__} object is not initialised|incompatible function arguments"):
        getattr(empty, name)(*arguments_of(name))
    function = member.fget if isinstance(member, property) else getattr(kind, name)
    for other in (object(), None):
        with pytest.raises(TypeError, match="incompatible function arguments"):
            function(other, *arguments_of(name))


def arguments_of(name: str) -> list[Any]:
    return {
        "encode": [["a text"]],
        "tokenize": [["a text"]],
        "piece": [0],
        "score": [["a query"], ["a passage"]],
        "activate": [[0.5]],
        "submit": [["a text"], lambda *_: None],
    }.get(name, [])


@pytest.mark.parametrize("kind", CLASSES)
def test_a_subclass_that_constructs_nothing(kind):
    derived = type("Derived", (kind,), {"__init__": lambda self: None})
    with pytest.raises(TypeError, match="__init__"):
        derived()


def test_constructor_that_failed(embedder):
    batching = _core.BatchingEmbedder.__new__(_core.BatchingEmbedder)
    with pytest.raises(InvalidArgumentError, match="batch_texts and queue_texts should be positive"):
        batching.__init__(embedder, batch_texts=0)
    with pytest.raises(TypeError, match="BatchingEmbedder object is not initialised"):
        batching.close()
    batching.__init__(embedder)
    batching.close()


@pytest.mark.parametrize("kind", CLASSES)
def test_an_object_keeps_its_class(embedder, kind):
    if kind is not _core.Embedder:
        with pytest.raises(TypeError, match="layout"):
            embedder.__class__ = kind


# Numbers, texts, callbacks


@pytest.mark.parametrize("nan", NOT_NUMBERS)
def test_seconds_are_numbers(nano, nano_reranker, nan):
    for kind, directory, work in (
        (bgem3.BatchingEmbedder, nano, lambda batching: batching.submit(["a text"], timeout=nan)),
        (bgem3.BatchingReranker, nano_reranker, lambda batching: batching.submit([("a", "b")], timeout=nan)),
    ):
        with pytest.raises(ValueError, match="max_wait should be a number of seconds, found nan"):
            kind(directory, device="cpu", max_wait=nan)
        with pytest.raises(ValueError, match="max_wait should not be negative, found -500000 microseconds"):
            kind(directory, device="cpu", max_wait=-0.5)
        with kind(directory, device="cpu", max_wait=float("inf")) as batching:
            with pytest.raises(ValueError, match="timeout should be a number of seconds, found nan"):
                work(batching)


@pytest.mark.parametrize("timeout, answered", [(float("inf"), True), (1e300, True), (0, False), (-float("inf"), False)])
def test_timeouts(nano, timeout, answered):
    with bgem3.BatchingEmbedder(nano, device="cpu", max_wait=0) as batching:
        if answered:
            assert batching.encode(["a text"], timeout=timeout)["dense"] is not None
        else:
            with pytest.raises(bgem3.errors.DeadlineExceededError):
                batching.encode(["a text"], timeout=timeout)


@pytest.mark.parametrize("size", [2**31, 2**63, 2**64 - 1])
def test_dimensions_have_a_limit(embedder, size):
    with pytest.raises(ValueError, match=f"truncate_dim should be at most .*, found {size}"):
        embedder.dimension(size)


def test_a_text_is_not_a_sequence_of_texts(embedder, reranker):
    for work in (embedder.encode, embedder.tokenizer.tokenize, lambda text: reranker.score(text, text)):
        with pytest.raises(TypeError, match="texts should be a sequence of str, found a str"):
            work("a text")


@pytest.mark.parametrize("progress", [5, "later", []])
def test_progress_is_called(embedder, progress):
    with pytest.raises(TypeError, match="progress should be None or a function"):
        embedder.encode(["a text"], progress=progress)


def test_messages_hold_what_is_not_utf8(embedder):
    with pytest.raises(InvalidArgumentError, match=r"device '\\xff\\xfex' is not among those"):
        embedder.encode(["a text"], device=b"\xff\xfex")


def test_a_callback_that_would_wait_for_itself(nano):
    with bgem3.BatchingEmbedder(nano, device="cpu") as batching:
        done: Future = Future()

        def encode_again(_: Future) -> None:
            try:
                batching.encode(["another"])
            except RuntimeError as error:
                done.set_exception(error)

        batching.submit(["a text"]).add_done_callback(encode_again)
        with pytest.raises(RuntimeError, match="would wait for the thread that it runs on"):
            done.result(timeout=20)
        assert batching.encode(["a third"])["dense"] is not None
