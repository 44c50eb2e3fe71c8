"""Requests of many threads or tasks, merged into batches."""

import os
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

import numpy as np

from . import _core
from ._model.arguments import as_count
from ._model.batching import (
    BatchedEmbeddings,
    asubmit,
    asubmit_pairs,
    make_batching,
    submit,
    submit_pairs,
    wait_for,
)
from ._model.devices import Device, default_device, device_name
from ._model.dtype import Dtype, dtype_of
from ._model.engine import Engine
from ._model.pairs import TextPair, as_pairs
from ._model.rerank_engine import RerankEngine
from ._model.texts import as_list
from .hub import resolve_model

Loaded = TypeVar("Loaded", Engine, RerankEngine)
Batching = TypeVar("Batching", bound="_Batching[Any]")


class _Batching(Generic[Loaded]):
    """A loaded model and, of this object's own, a queue and threads. A copy, also one in another process, has a queue of
    its own over the same model."""

    _core: Any

    def __init__(self, model: Loaded, **limits: Any):
        self.info = model.info
        self._model: Loaded = model
        self._limits = limits
        sizes = {name: as_count(name, limits[name], least=0) for name in ("batch_texts", "batch_tokens", "queue_texts")}
        self._core = make_batching(model.core, **{**limits, **sizes})

    def __reduce__(self) -> tuple[Any, ...]:
        return _open_again, (type(self), self._model, self._limits)

    def __repr__(self) -> str:
        info = self.info
        return f"{type(self).__name__}({info['directory']!r}, dtype={info['dtype']!r}, device={info['device']!r})"

    def close(self) -> None:
        """Answers what was submitted and takes no more."""
        self._core.close()

    def __enter__(self: Batching) -> Batching:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class BatchingEmbedder(_Batching[Engine]):
    """A model whose callers share batches: sixteen threads with a text each cost as much as one with sixteen.

    Any number of threads and tasks may use it at once. Make it after a fork, not before: its threads stay with the
    parent. In a forked child its methods raise InvalidArgumentError, and close() returns at once.

    Args:
        model_name_or_path: a directory, or a name on the Hugging Face Hub
        device: "cpu", "cuda", "cuda:1" …; None: the first GPU, where there is one, else the CPU
        dtype: as of EmbeddingModel
        cuda_graphs: False launches small batches on a GPU kernel by kernel, at twice the latency and with less memory;
            no effect on the CPU
        threads, copy: as of EmbeddingModel
        batch_texts, batch_tokens: most of one batch; a longer text runs alone; 0 tokens: 4096, on a GPU 16384
        max_wait: seconds that a batch waits for company, or a twentieth of the batch before, whichever is longer; a lone
            caller does not wait, and with 0 nobody does; not negative
        queue_texts: texts that may wait; what is more is refused with OverloadedError
    """

    _core: _core.BatchingEmbedder

    def __init__(
        self,
        model_name_or_path: str | os.PathLike[str],
        *,
        device: Device | None = None,
        dtype: Dtype = "auto",
        batch_texts: int = 64,
        batch_tokens: int = 0,
        max_wait: float = 0.002,
        queue_texts: int = 4096,
        cuda_graphs: bool = True,
        threads: int = 0,
        copy: bool = False,
    ):
        super().__init__(
            _load(Engine, model_name_or_path, device, dtype, cuda_graphs=cuda_graphs, threads=threads, copy=copy),
            batch_texts=batch_texts,
            batch_tokens=batch_tokens,
            max_wait=max_wait,
            queue_texts=queue_texts,
        )

    def submit(
        self,
        texts: list[str],
        *,
        dense: bool = True,
        sparse: bool = False,
        colbert: bool = False,
        max_length: int = 0,
        truncate_dim: int = 0,
        prompt: str | None = None,
        prompt_name: str | None = None,
        timeout: float | None = None,
    ) -> "Future[BatchedEmbeddings]":
        """Embeds texts later; Future.cancel() saves what is not computed yet.

        Args:
            texts: B str
            dense, sparse, colbert: what to compute
            max_length: tokens of a text, longer ones are cut; 0: the model's own limit
            truncate_dim: leading components to keep; 0: as the model directory says
            prompt, prompt_name: put before each text, or the name of one of the model's; default: the model's own
            timeout: seconds; the request fails with DeadlineExceededError when they are over, with 0 and less at once;
                None and infinity: no limit

        Raises:
            OverloadedError: too many texts wait already, or close() was called
            InvalidArgumentError: what the model cannot do; a number that is none; a forked child
        """
        options = {"dense": dense, "sparse": sparse, "colbert": colbert}
        prompts = {"prompt": prompt, "prompt_name": prompt_name}
        return submit(
            self._core,
            as_list(texts, "texts"),
            max_length=max_length,
            truncate_dim=truncate_dim,
            timeout=timeout,
            **options,
            **prompts,
        )

    def encode(self, texts: list[str], **options: Any) -> BatchedEmbeddings:
        """submit(), and waits for the result. Not in a callback of a Future of this object's (RuntimeError)."""
        return wait_for(self._core, self.submit(texts, **options))

    async def aencode(self, texts: list[str], **options: Any) -> BatchedEmbeddings:
        """submit() for asyncio: a cancelled task cancels the request."""
        return await asubmit(self._core, as_list(texts, "texts"), **options)


class BatchingReranker(_Batching[RerankEngine]):
    """A cross-encoder whose callers share batches, as those of BatchingEmbedder do; texts are pairs here.

    Any number of threads and tasks may use it at once. Make it after a fork, not before, as BatchingEmbedder.

    Args: as of BatchingEmbedder
    """

    _core: _core.BatchingReranker

    def __init__(
        self,
        model_name_or_path: str | os.PathLike[str],
        *,
        device: Device | None = None,
        dtype: Dtype = "auto",
        batch_texts: int = 64,
        batch_tokens: int = 0,
        max_wait: float = 0.002,
        queue_texts: int = 4096,
        cuda_graphs: bool = True,
        threads: int = 0,
        copy: bool = False,
    ):
        super().__init__(
            _load(RerankEngine, model_name_or_path, device, dtype, cuda_graphs=cuda_graphs, threads=threads, copy=copy),
            batch_texts=batch_texts,
            batch_tokens=batch_tokens,
            max_wait=max_wait,
            queue_texts=queue_texts,
        )

    def submit(
        self,
        pairs: Sequence[TextPair] | TextPair,
        *,
        max_length: int = 0,
        query_max_length: int = 0,
        timeout: float | None = None,
    ) -> "Future[np.ndarray]":
        """Scores pairs later; Future.cancel() saves what is not computed yet.

        Args:
            pairs: B pairs (query, passage), two str each; a single pair counts as a list of one
            max_length: tokens of a pair with its four special tokens, beyond which the passage is cut; 0: the model's
                own limit
            query_max_length: tokens of a query; 0: three quarters of `max_length`
            timeout: seconds; the request fails with DeadlineExceededError when they are over

        Returns:
            a Future of the logits, float32 [B]

        Raises:
            OverloadedError: too many pairs wait already, or close() was called
            InvalidArgumentError: limits that the model cannot keep to; a number that is none; a forked child
        """
        options = {"max_length": max_length, "query_max_length": query_max_length, "timeout": timeout}
        return submit_pairs(self._core, as_pairs(pairs)[0], **options)

    def score(self, pairs: Sequence[TextPair] | TextPair, **options: Any) -> np.ndarray:
        """submit(), and waits for the logits, float32 [B]. Not in a callback of a Future of this object's."""
        return wait_for(self._core, self.submit(pairs, **options))

    async def ascore(self, pairs: Sequence[TextPair] | TextPair, **options: Any) -> np.ndarray:
        """submit() for asyncio: a cancelled task cancels the request."""
        return await asubmit_pairs(self._core, as_pairs(pairs)[0], **options)


def _load(
    kind: type[Loaded], model_name_or_path: str | os.PathLike[str], device: Device | None, dtype: Dtype, **options: Any
) -> Loaded:
    where = default_device(dtype) if device is None else device_name(device)
    return kind(resolve_model(model_name_or_path), [where], dtype=dtype_of(dtype), **options)


def _open_again(kind: type[Batching], model: Any, limits: dict[str, Any]) -> Batching:
    opened = kind.__new__(kind)
    _Batching.__init__(opened, model, **limits)
    return opened
