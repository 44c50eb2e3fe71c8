"""The C++ BatchingEmbedder and BatchingReranker, whose answers come by callback, as something that gives Futures."""

import asyncio
import atexit
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from concurrent.futures._base import FINISHED, PENDING, RUNNING
from typing import Any, TypedDict, TypeVar, overload

import numpy as np

from .. import _core
from ..errors import InvalidArgumentError
from .arguments import as_count
from .pairs import TextPair

Found = TypeVar("Found")
Result = TypeVar("Result")


class BatchedEmbeddings(TypedDict):
    """Of B texts; None for kinds that were not asked for."""

    dense: np.ndarray | None  # float32 [B, D]
    sparse: list[tuple[np.ndarray, np.ndarray]] | None  # B pairs (ids int32 [n], weights float32 [n]), ids ascending
    colbert: list[np.ndarray] | None  # B arrays float32 [tokens - 1, C]
    token_counts: np.ndarray  # int64 [B]


class _Answer(Future[Any]):
    """What a request will be answered with."""

    def __init__(self) -> None:
        super().__init__()
        _answers.add(self)

    def end_in_child(self) -> None:
        """After a fork: the answer of a request of the parent comes there, so the child must not wait for it."""
        self._condition = threading.Condition()  # another thread may have held the old one at the fork
        if self._state in (PENDING, RUNNING):
            self._exception = InvalidArgumentError(
                "this request was submitted before fork(), and its answer comes in the parent; submit it in the child"
            )
            self._state = FINISHED


_answers: "weakref.WeakSet[_Answer]" = weakref.WeakSet()


def _end_answers() -> None:
    for answer in list(_answers):
        answer.end_in_child()


os.register_at_fork(after_in_child=_end_answers)


def submit(core: "_core.BatchingEmbedder", texts: list[str], **options: Any) -> "Future[BatchedEmbeddings]":
    """The request as a Future."""
    options = _checked(options)
    return _submit(lambda on_done: core.submit(texts, on_done, **options), _to_batched)


def submit_pairs(core: "_core.BatchingReranker", pairs: Sequence[TextPair], **options: Any) -> "Future[np.ndarray]":
    """The request as a Future of logits, float32 [B]."""
    queries = [query for query, _ in pairs]
    passages = [passage for _, passage in pairs]
    options = _checked(options)
    return _submit(lambda on_done: core.submit(queries, passages, on_done, **options), lambda scores: scores)


def _checked(options: dict[str, Any]) -> dict[str, Any]:
    """With counts as int; 0 stands for the model's own."""
    counts = options.keys() & {"max_length", "query_max_length", "truncate_dim"}
    return {**options, **{name: as_count(name, options[name], least=0) for name in counts}}


def _submit(
    start: "Callable[[Callable[[Found | None, Exception | None], None]], _core.Ticket]",
    to_result: Callable[[Found], Result],
) -> "Future[Result]":
    """What start(on_done) begins, as a Future."""
    future = _Answer()

    def on_done(found: Found | None, error: Exception | None) -> None:
        if not future.set_running_or_notify_cancel():
            return
        if found is None:
            future.set_exception(error)
            return
        try:
            result = to_result(found)
        except BaseException as failure:
            future.set_exception(failure.with_traceback(None))  # which would keep the future, and all that it holds
        else:
            future.set_result(result)

    ticket = start(on_done)
    future.add_done_callback(lambda done: ticket.cancel() if done.cancelled() else None)
    return future


def _to_batched(found: "_core._Embeddings") -> BatchedEmbeddings:
    sparse = None if found["sparse"] is None else split_sparse(*found["sparse"])
    return {**found, "sparse": sparse}


def wait_for(core: "_core.BatchingEmbedder | _core.BatchingReranker", future: "Future[Result]") -> Result:
    """The result of a request to `core`; who stops waiting, by Ctrl-C, say, cancels the request."""
    try:
        if core.is_answering() and not future.done():
            raise RuntimeError("a callback of a Future would wait for the thread that it runs on; use submit() in it")
        return future.result()
    except BaseException:
        future.cancel()
        raise


# So many characters are tokenised within about a millisecond.
_LOOP_CHARACTERS = 16_384


async def asubmit(core: "_core.BatchingEmbedder", texts: list[str], **options: Any) -> BatchedEmbeddings:
    """submit() for asyncio, whose loop goes on while long texts are tokenised. A cancelled task cancels the request."""
    return await _asubmit(lambda: submit(core, texts, **options), texts)


async def asubmit_pairs(core: "_core.BatchingReranker", pairs: Sequence[TextPair], **options: Any) -> np.ndarray:
    """submit_pairs() for asyncio, as asubmit()."""
    return await _asubmit(lambda: submit_pairs(core, pairs, **options), (text for pair in pairs for text in pair))


async def _asubmit(start: "Callable[[], Future[Result]]", texts: Iterable[Any]) -> Result:
    """start() for asyncio; it tokenises the texts."""
    if sum(len(text) for text in texts if isinstance(text, str)) <= _LOOP_CHARACTERS:
        return await asyncio.wrap_future(start())
    pending = asyncio.get_running_loop().run_in_executor(None, start)
    try:
        future = await asyncio.shield(pending)
    except asyncio.CancelledError:
        pending.add_done_callback(lambda done: done.exception() or done.result().cancel())
        raise
    return await asyncio.wrap_future(future)


# Threads that are about to answer must not meet an interpreter that has ended.
_open: "weakref.WeakSet[_core.BatchingEmbedder | _core.BatchingReranker]" = weakref.WeakSet()


@overload
def make_batching(model: "_core.Embedder", **options: Any) -> "_core.BatchingEmbedder": ...
@overload
def make_batching(model: "_core.Reranker", **options: Any) -> "_core.BatchingReranker": ...
def make_batching(model: Any, **options: Any) -> Any:
    """Batching over `model`; it is closed before the interpreter ends."""
    kind: Any = _core.BatchingEmbedder if isinstance(model, _core.Embedder) else _core.BatchingReranker
    core = kind(model, **options)
    _open.add(core)
    return core


@atexit.register
def _close_all() -> None:
    for core in list(_open):
        core.close()


def split_sparse(ids: np.ndarray, weights: np.ndarray, offsets: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Those of all texts, laid end to end → a pair for each text."""
    return [(ids[a:b], weights[a:b]) for a, b in zip(offsets[:-1], offsets[1:])]
