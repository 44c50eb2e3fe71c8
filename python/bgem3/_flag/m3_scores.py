"""The five scores of query-passage pairs."""

from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .._model.engine import Embeddings
from .._model.progress import progress_bar
from .._model.texts import as_list
from ..types import Floats, PairScores

_PAIRS_AT_ONCE = 256  # whose ColBERT vectors are in memory at once


class _Text(NamedTuple):
    """What one text is compared by."""

    dense: Floats  # [D]
    sparse: tuple[npt.NDArray[np.int32], Floats]  # ids [n] ascending, weights [n]
    colbert: Floats  # [tokens - 1, C]


def lexical_matching_score(weights_1: Mapping[str, float], weights_2: Mapping[str, float]) -> float:
    return sum(weight * weights_2[token] for token, weight in weights_1.items() if token in weights_2)


def pair_scores(
    pairs: Sequence[tuple[str, str]],
    encode_queries: Callable[[list[str]], Embeddings],
    encode_passages: Callable[[list[str]], Embeddings],
    weights: Sequence[float] | None,
    batch_size: int,
    show: bool | None,
) -> PairScores:
    """Five lists, one number for each pair. A text that occurs in several pairs of a batch is encoded once."""
    shares = _checked(weights)
    scores: PairScores = {"colbert": [], "sparse": [], "dense": [], "sparse+dense": [], "colbert+sparse+dense": []}
    bar = progress_bar(len(pairs), batch_size, "Compute Scores", show)
    step = min(_PAIRS_AT_ONCE, batch_size)
    for begin in range(0, len(pairs), step):
        part = pairs[begin : begin + step]
        queries = _encode_once(encode_queries, [pair[0] for pair in part])
        passages = _encode_once(encode_passages, [pair[1] for pair in part])
        for query, passage in zip(queries, passages):
            _append(scores, query, passage, shares)
        if bar is not None:
            bar.update(len(part))
    if bar is not None:
        bar.close()
    return scores


def _checked(weights: Sequence[float] | None) -> tuple[float, float, float]:
    if weights is None:
        return (1.0, 1.0, 1.0)
    expected = "3 numbers (dense, sparse, colbert)"
    given = as_list(weights, "weights_for_different_modes", expected)
    if len(given) != 3 or not all(isinstance(weight, Real) for weight in given):
        raise ValueError(f"weights_for_different_modes should be {expected}, found {given!r:.200}")
    dense, sparse, colbert = map(float, given)
    if not dense + sparse or not dense + sparse + colbert:
        raise ValueError(f"weights_for_different_modes are divided by their sum, which is 0 in {given!r:.200}")
    return dense, sparse, colbert


def _encode_once(encode: Callable[[list[str]], Embeddings], texts: list[str]) -> list[_Text]:
    distinct = list(dict.fromkeys(texts))
    found = encode(distinct)
    assert found.dense is not None and found.sparse is not None and found.colbert is not None  # they were asked for
    index = {text: i for i, text in enumerate(distinct)}
    return [_Text(found.dense[i], found.sparse[i], found.colbert[i]) for i in map(index.__getitem__, texts)]


def _append(scores: PairScores, query: _Text, passage: _Text, weights: tuple[float, float, float]) -> None:
    dense = float(query.dense @ passage.dense)
    sparse = _sparse_score(query, passage)
    colbert = float((query.colbert @ passage.colbert.T).max(axis=1).mean())
    two = dense * weights[0] + sparse * weights[1]
    scores["dense"].append(dense)
    scores["sparse"].append(sparse)
    scores["colbert"].append(colbert)
    scores["sparse+dense"].append(two / (weights[0] + weights[1]))
    scores["colbert+sparse+dense"].append((two + colbert * weights[2]) / sum(weights))


def _sparse_score(query: _Text, passage: _Text) -> float:
    (ids, weights), (other_ids, other_weights) = query.sparse, passage.sparse
    _, here, there = np.intersect1d(ids, other_ids, assume_unique=True, return_indices=True)
    return float(weights[here] @ other_weights[there])
