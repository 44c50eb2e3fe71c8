"""One model on one or several devices: what the public classes share."""

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from .. import _core
from .arguments import as_count
from .batch_size import DefaultBatchSize, batch_limit
from .batching import asubmit, make_batching, split_sparse
from .devices import Device
from .loaded import LoadedModel
from .parts import fit_at_once, text_sizes, windows
from .progress import report_to


@dataclass(frozen=True)
class EncodeOptions:
    """As the C++ EncodeOptions; 0 stands for the model's own."""

    dense: bool = True
    sparse: bool = False
    colbert: bool = False
    hidden_states: bool = False  # of the last layer
    max_length: int = 0
    batch_size: int = DefaultBatchSize(256)
    truncate_dim: int = 0
    normalize: bool | None = None
    prompt: str | None = None  # put before each text; None: the model directory's default

    def __post_init__(self) -> None:
        as_count("batch_size", self.batch_size)
        as_count("max_length", self.max_length, least=0)
        as_count("truncate_dim", self.truncate_dim, least=0)


@dataclass
class Embeddings:
    """Of B texts; kinds that were not asked for are None."""

    dense: np.ndarray | None  # float32 [B, D]
    sparse: list[tuple[np.ndarray, np.ndarray]] | None  # B pairs (ids int32 [n], weights float32 [n]), ids ascending
    colbert: list[np.ndarray] | None  # B arrays float32 [tokens - 1, C]
    token_counts: np.ndarray  # int64 [B]
    hidden_states: list[np.ndarray] | None = None  # B arrays float32 [tokens, hidden_size]


@dataclass
class _Batching:
    """Of one process."""

    lock: Any = field(default_factory=threading.Lock)
    core: "_core.BatchingEmbedder | None" = None


class Engine(LoadedModel["_core.Embedder"]):
    """A loaded model that embeds. Its methods may be called from many threads at once."""

    def __init__(self, directory: str | os.PathLike[str], devices: Sequence[str], **options: Any):
        super().__init__(_core.Embedder.load, directory, devices, **options)
        # Of each process: in a forked child, the parent's has no threads, and its lock may be held for good.
        self._batching: dict[int, _Batching] = {}

    def encode(
        self, texts: Sequence[str], options: EncodeOptions, *, device: Device | None = None, bar: tqdm | None = None
    ) -> Embeddings:
        """Embeds texts on `device`, or on all of this engine. `bar` is moved on and closed. The arrays are those of C++,
        over the memory that it has stored the results in, but for `dense` and `token_counts` of more texts than go to
        C++ at once."""
        try:
            name = self.name_of(device)
            if _fit_at_once(texts):
                return _as_they_are(_run(self.core, texts, options, name, report_to(bar, before=0)))
            return self._encode_windows(texts, options, name, bar)
        finally:
            if bar is not None:
                bar.close()

    def _encode_windows(
        self, texts: Sequence[str], options: EncodeOptions, device: str, bar: tqdm | None
    ) -> Embeddings:
        sizes = text_sizes(texts)
        found = _room(len(texts), self.core.dimension(options.truncate_dim), options)
        done = 0
        for indices in windows(sizes):
            report = report_to(bar, before=done)
            _store(_run(self.core, [texts[i] for i in indices], options, device, report), found, indices)
            done += len(indices)
        return found

    async def aencode(self, texts: Sequence[str], options: EncodeOptions, timeout: float | None = None) -> Embeddings:
        """Embeds texts in batches shared with other callers."""
        found = await asubmit(
            self._open_batching(),
            list(texts),
            dense=options.dense,
            sparse=options.sparse,
            colbert=options.colbert,
            max_length=options.max_length,
            truncate_dim=options.truncate_dim,
            normalize=options.normalize,
            prompt=options.prompt,
            timeout=timeout,
        )
        return Embeddings(**found)

    def _open_batching(self) -> "_core.BatchingEmbedder":
        own = self._batching.setdefault(os.getpid(), _Batching())
        with own.lock:
            if own.core is None:  # made at the first call: most models never need its threads
                own.core = make_batching(self.core)
            return own.core

    def encode_dense(
        self, texts: Sequence[str], options: EncodeOptions, *, device: Device | None = None, bar: tqdm | None = None
    ) -> np.ndarray:
        """The dense vectors of encode(), float32 [B, D]."""
        dense = self.encode(texts, options, device=device, bar=bar).dense
        assert dense is not None  # EncodeOptions has them on
        return dense


def _fit_at_once(texts: Sequence[str]) -> bool:
    try:
        return fit_at_once(map(len, texts), len(texts))
    except TypeError:  # one is no str: C++ says which
        return True


def _run(
    embedder: "_core.Embedder",
    texts: Sequence[str],
    options: EncodeOptions,
    device: str,
    report: Callable[[int, int], None],
) -> "_core._Encoded":
    result = embedder.encode(
        texts,
        dense=options.dense,
        sparse=options.sparse,
        colbert=options.colbert,
        hidden_states=options.hidden_states,
        max_length=options.max_length,
        batch_size=batch_limit(options.batch_size),
        truncate_dim=options.truncate_dim,
        normalize=options.normalize,
        prompt=options.prompt,
        device=device,
        progress=report,
    )
    report(len(texts), len(texts))
    return result


def _as_they_are(result: "_core._Encoded") -> Embeddings:
    return Embeddings(
        dense=result["dense"],
        sparse=None if result["sparse"] is None else split_sparse(*result["sparse"]),
        colbert=result["colbert"],
        token_counts=result["token_counts"],
        hidden_states=result["hidden_states"],
    )


_NO_WEIGHTS = (np.empty(0, np.int32), np.empty(0, np.float32))
_NO_ROWS = np.empty((0, 0), np.float32)


def _room(count: int, width: int, options: EncodeOptions) -> Embeddings:
    """For the results of all windows. No second copy of all of them is ever there."""
    return Embeddings(
        dense=np.empty((count, width), np.float32) if options.dense else None,
        sparse=[_NO_WEIGHTS] * count if options.sparse else None,
        colbert=[_NO_ROWS] * count if options.colbert else None,
        token_counts=np.empty(count, np.int64),
        hidden_states=[_NO_ROWS] * count if options.hidden_states else None,
    )


def _store(result: "_core._Encoded", found: Embeddings, indices: list[int]) -> None:
    """Result k of a window is that of text indices[k] of the call."""
    found.token_counts[indices] = result["token_counts"]
    if found.dense is not None:
        found.dense[indices] = result["dense"]
    if found.sparse is not None and result["sparse"] is not None:
        for i, pair in zip(indices, split_sparse(*result["sparse"])):
            found.sparse[i] = pair
    _store_rows(result["colbert"], found.colbert, indices)
    _store_rows(result["hidden_states"], found.hidden_states, indices)


def _store_rows(rows: list[np.ndarray] | None, found: list[np.ndarray] | None, indices: list[int]) -> None:
    if rows is not None and found is not None:
        for i, row in zip(indices, rows):
            found[i] = row
