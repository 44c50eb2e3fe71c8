"""What the adapters of cross-encoders have in common."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..reranker import FlagReranker
from ._models import refuse_options


def load(model: str | os.PathLike[str] | FlagReranker, options: dict[str, Any], **defaults: Any) -> FlagReranker:
    """`model` itself if it is loaded, else FlagReranker(model, **options), with defaults for what `options` leaves out."""
    if isinstance(model, FlagReranker):
        refuse_options(options)
        return model
    if not isinstance(model, (str, os.PathLike)):
        raise TypeError(f"model should be a directory, a name or a FlagReranker, found {type(model).__name__}")
    return FlagReranker(os.fspath(model), **{**defaults, **options})


def scores(reranker: FlagReranker, query: str, texts: Sequence[str], normalize: bool | None = None) -> list[float]:
    """Relevance of each text to the query; `normalize` as of FlagReranker, None: what that says."""
    pairs = [(query, text) for text in texts]
    found: Any = reranker.compute_score(pairs, normalize=normalize, show_progress_bar=False)
    return np.asarray(found, np.float64).tolist()


def best_first(scores: Sequence[float], count: int | None) -> list[int]:
    """Indices of the `count` highest scores; None: of all."""
    return sorted(range(len(scores)), key=scores.__getitem__, reverse=True)[:count]
