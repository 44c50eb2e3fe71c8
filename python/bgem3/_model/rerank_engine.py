"""A cross-encoder on one or several devices."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from .. import _core
from .arguments import as_count
from .batch_size import DefaultBatchSize, batch_limit
from .devices import Device
from .loaded import LoadedModel
from .pairs import TextPair
from .parts import fit_at_once, windows
from .progress import report_to


@dataclass(frozen=True)
class RerankOptions:
    """As the C++ RerankOptions; 0 stands for the model's own."""

    max_length: int = 0
    query_max_length: int = 0
    batch_size: int = DefaultBatchSize(128)
    cut_longest: bool = False  # PairTruncation::longest

    def __post_init__(self) -> None:
        as_count("batch_size", self.batch_size)
        as_count("max_length", self.max_length, least=0)
        as_count("query_max_length", self.query_max_length, least=0)


class RerankEngine(LoadedModel["_core.Reranker"]):
    """A loaded cross-encoder. Its methods may be called from many threads at once."""

    def __init__(self, directory: str | os.PathLike[str], devices: Sequence[str], **options: Any):
        super().__init__(_core.Reranker.load, directory, devices, **options)

    def activate(self, logits: np.ndarray) -> np.ndarray:
        """Scores float32 [B], by the activation that the model directory states, or the logistic function."""
        return self.core.activate(logits)

    def score(
        self,
        pairs: Sequence[TextPair],
        options: RerankOptions,
        *,
        device: Device | None = None,
        bar: tqdm | None = None,
    ) -> np.ndarray:
        """Logits, float32 [B], on `device`, or on all. `bar` is moved on and closed."""
        name = self.name_of(device)
        sizes = [len(query) + len(passage) for query, passage in pairs]
        try:
            if fit_at_once(sizes, len(sizes)):
                return _score(self.core, pairs, options, name, report_to(bar, before=0))
            return self._score_windows(pairs, sizes, options, name, bar)
        finally:
            if bar is not None:
                bar.close()

    def _score_windows(
        self, pairs: Sequence[TextPair], sizes: list[int], options: RerankOptions, device: str, bar: tqdm | None
    ) -> np.ndarray:
        result = np.empty(len(pairs), np.float32)
        done = 0
        for indices in windows(np.array(sizes, np.int64)):
            report = report_to(bar, before=done)
            result[indices] = _score(self.core, [pairs[i] for i in indices], options, device, report)
            done += len(indices)
        return result


def _score(
    reranker: _core.Reranker,
    pairs: Sequence[TextPair],
    options: RerankOptions,
    device: str,
    report: Callable[[int, int], None],
) -> np.ndarray:
    scores = reranker.score(
        [query for query, _ in pairs],
        [passage for _, passage in pairs],
        max_length=options.max_length,
        query_max_length=options.query_max_length,
        batch_size=batch_limit(options.batch_size),
        device=device,
        progress=report,
        cut_longest=options.cut_longest,
    )
    report(len(pairs), len(pairs))
    return scores
