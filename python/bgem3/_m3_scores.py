"""The five scores of query-passage pairs."""

from collections.abc import Callable, Sequence

import numpy as np

from ._engine import Embeddings
from ._flag import progress_bar

_PAIRS_AT_ONCE = 256  # whose ColBERT vectors are in memory at once


def lexical_matching_score(weights_1: dict[str, float], weights_2: dict[str, float]) -> float:
    return sum(weight * weights_2[token] for token, weight in weights_1.items() if token in weights_2)


def pair_scores(
    pairs: Sequence[tuple[str, str]],
    encode_queries: Callable[[list[str]], Embeddings],
    encode_passages: Callable[[list[str]], Embeddings],
    weights: Sequence[float] | None,
    batch_size: int,
    show: bool | None,
) -> dict[str, list[float]]:
    """Five lists, one number for each pair. A text that occurs in several pairs of a batch is encoded once."""
    shares = _checked(weights)
    scores: dict[str, list[float]] = {
        kind: [] for kind in ("colbert", "sparse", "dense", "sparse+dense", "colbert+sparse+dense")
    }
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
    if len(weights) != 3:
        raise ValueError(f"weights_for_different_modes should be 3 numbers (dense, sparse, colbert), found {weights}")
    dense, sparse, colbert = map(float, weights)
    return dense, sparse, colbert


def _encode_once(encode: Callable[[list[str]], Embeddings], texts: list[str]) -> list[tuple]:
    """(dense, sparse, colbert) of each text."""
    distinct = list(dict.fromkeys(texts))
    found = encode(distinct)
    assert found.dense is not None and found.sparse is not None and found.colbert is not None  # they were asked for
    index = {text: i for i, text in enumerate(distinct)}
    return [(found.dense[i], found.sparse[i], found.colbert[i]) for i in map(index.__getitem__, texts)]


def _append(scores: dict[str, list[float]], query, passage, weights: tuple[float, float, float]) -> None:
    dense = float(query[0] @ passage[0])
    sparse = _sparse_score(query[1], passage[1])
    colbert = float((query[2] @ passage[2].T).max(axis=1).mean())
    two = dense * weights[0] + sparse * weights[1]
    scores["dense"].append(dense)
    scores["sparse"].append(sparse)
    scores["colbert"].append(colbert)
    scores["sparse+dense"].append(two / (weights[0] + weights[1]))
    scores["colbert+sparse+dense"].append((two + colbert * weights[2]) / sum(weights))


def _sparse_score(query, passage) -> float:
    _, at_query, at_passage = np.intersect1d(query[0], passage[0], assume_unique=True, return_indices=True)
    return float(query[1][at_query] @ passage[1][at_passage])
