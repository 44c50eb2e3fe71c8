"""The C++ BatchingEmbedder, whose answers come by callback, as something that gives Futures."""

import asyncio
import atexit
import weakref
from concurrent.futures import Future
from typing import Any, TypedDict

import numpy as np

from . import _core


class BatchedEmbeddings(TypedDict):
    """Of B texts; None for kinds that were not asked for."""

    dense: np.ndarray | None  # float32 [B, D]
    sparse: list[tuple[np.ndarray, np.ndarray]] | None  # B pairs (ids int32 [n], weights float32 [n]), ids ascending
    colbert: list[np.ndarray] | None  # B arrays float32 [tokens - 1, C]
    token_counts: np.ndarray  # int64 [B]


def submit(core: "_core.BatchingEmbedder", texts: list[str], **options: Any) -> "Future[BatchedEmbeddings]":
    """The request as a Future."""
    future: Future[BatchedEmbeddings] = Future()

    def on_done(found: "_core._Embeddings | None", error: Exception | None) -> None:
        if not future.set_running_or_notify_cancel():
            return
        if found is None:
            future.set_exception(error)
        else:
            sparse = None if found["sparse"] is None else split_sparse(*found["sparse"])
            future.set_result({**found, "sparse": sparse})  # type: ignore[typeddict-item]

    ticket = core.submit(texts, on_done, **options)
    future.add_done_callback(lambda done: ticket.cancel() if done.cancelled() else None)
    return future


# So many characters are tokenised within about a millisecond.
_LOOP_CHARACTERS = 16_384


async def asubmit(core: "_core.BatchingEmbedder", texts: list[str], **options: Any) -> BatchedEmbeddings:
    """submit() for asyncio, whose loop goes on while long texts are tokenised. A cancelled task cancels the request."""
    if sum(len(text) for text in texts if isinstance(text, str)) <= _LOOP_CHARACTERS:
        return await asyncio.wrap_future(submit(core, texts, **options))
    pending = asyncio.get_running_loop().run_in_executor(None, lambda: submit(core, texts, **options))
    try:
        future = await asyncio.shield(pending)
    except asyncio.CancelledError:
        pending.add_done_callback(lambda done: done.exception() or done.result().cancel())
        raise
    return await asyncio.wrap_future(future)


# Threads that are about to answer must not meet an interpreter that has ended.
_open: "weakref.WeakSet[_core.BatchingEmbedder]" = weakref.WeakSet()


def make_batching(embedder: "_core.Embedder", **options: Any) -> "_core.BatchingEmbedder":
    core = _core.BatchingEmbedder(embedder, **options)
    _open.add(core)
    return core


@atexit.register
def _close_all() -> None:
    for core in list(_open):
        core.close()


def split_sparse(ids: np.ndarray, weights: np.ndarray, offsets: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Those of all texts, laid end to end → a pair for each text."""
    return [(ids[a:b], weights[a:b]) for a, b in zip(offsets[:-1], offsets[1:])]
