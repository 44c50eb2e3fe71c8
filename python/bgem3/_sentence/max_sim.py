"""Scores of late interaction: the best match of each query vector among a document's, summed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .._model.texts import as_list
from ..errors import InvalidArgumentError, listed

if TYPE_CHECKING:
    import torch

NAMES = ("maxsim", "meanmaxsim")

_CELLS_MAX = 1 << 25  # of the products that are in memory at once, 128 MB
_OF_EMPTY_DOCUMENT = -1e9


def max_sim(queries: Any, documents: Any, mean: bool, device: Any, cells: int | None) -> "torch.Tensor":
    """Of each of n queries and each of m documents.

    Args:
        queries, documents: lists of [tokens, C], tensors or arrays; or a padded [n, tokens, C], whose rows of zeros count
            as padding; or a single [tokens, C]
        mean: divide by the number of query vectors
        device: where to compute; None: where the documents are
        cells: products, at most, that are in memory at once; None: 32 million

    Returns:
        float32 [n, m], where the documents are; 0 for a query without vectors, -1e9 for a document without.
    """
    import torch

    first, second = _items(queries, "embeddings1"), _items(documents, "embeddings2")
    home = second[0].device if second else first[0].device if first else None
    scores = torch.zeros(len(first), len(second), device=home)
    there = scores.device if device is None else torch.device(device)
    longest = max((len(query) for query in first), default=0)
    for begin, end in _parts([len(document) for document in second], max(1, _limit(cells) // max(1, longest))):
        part = torch.cat(second[begin:end]).to(there)
        lengths = torch.tensor([len(document) for document in second[begin:end]], device=there)
        for i, query in enumerate(first):
            scores[i, begin:end] = _best(part, query.to(there), lengths).to(scores.device)
    return _averaged(scores, first) if mean else scores


def max_sim_pairwise(queries: Any, documents: Any, mean: bool, device: Any, cells: int | None) -> "torch.Tensor":
    """Of query i and document i: float32 [n]. Arguments as of max_sim()."""
    import torch

    first, second = _items(queries, "embeddings1"), _items(documents, "embeddings2")
    if len(first) != len(second):
        raise InvalidArgumentError(f"expected as many queries as documents, found {len(first)} and {len(second)}")
    scores = [max_sim([a], [b], mean, device, cells)[0] for a, b in zip(first, second)]
    return torch.cat(scores) if scores else torch.zeros(0)


def max_sim_name(name: Any) -> str:
    """Of a str, or of sentence-transformers' SimilarityFunction."""
    found = getattr(name, "value", name)
    if found not in NAMES:
        raise InvalidArgumentError(
            f"similarity_fn_name should be one of {listed(NAMES)}, found {listed([found])}; others are of single vectors"
        )
    return str(found)


def _items(given: Any, name: str) -> "list[torch.Tensor]":
    """Of floats; in float32, unless they are float64."""
    import torch

    if isinstance(given, (np.ndarray, torch.Tensor)):
        rows = torch.as_tensor(given)
        if rows.ndim == 2:
            return [_as_floats(rows, name)]
        if rows.ndim == 3:
            return [_as_floats(item[item.any(dim=-1)], name) for item in rows]
        raise InvalidArgumentError(f"{name} should be [tokens, C] or [n, tokens, C], found {list(rows.shape)}")
    items = as_list(given, name, "a list of tensors or arrays [tokens, C]")
    return [_as_floats(torch.as_tensor(item), name) for item in items]


def _as_floats(item: "torch.Tensor", name: str) -> "torch.Tensor":
    if item.ndim != 2:
        raise InvalidArgumentError(f"{name} should hold [tokens, C], found {list(item.shape)}")
    return item.float()


def _parts(lengths: list[int], most: int) -> Iterator[tuple[int, int]]:
    """Neighbours that together have `most` vectors, or one."""
    begin = total = 0
    for i, length in enumerate(lengths):
        if total + length > most and i > begin:
            yield begin, i
            begin, total = i, 0
        total += length
    if lengths:
        yield begin, len(lengths)


def _best(documents: "torch.Tensor", query: "torch.Tensor", lengths: "torch.Tensor") -> "torch.Tensor":
    """Scores of one query: [m] for documents that lie one after the other."""
    import torch

    best = torch.segment_reduce(documents @ query.T, "max", lengths=lengths, axis=0)
    return best.sum(dim=1).masked_fill(lengths == 0, _OF_EMPTY_DOCUMENT)


def _averaged(scores: "torch.Tensor", queries: "list[torch.Tensor]") -> "torch.Tensor":
    return scores / scores.new_tensor([max(len(query), 1) for query in queries]).unsqueeze(1)


def _limit(cells: int | None) -> int:
    if cells is not None and cells < 1:
        raise InvalidArgumentError(f"chunk_elements should be positive, found {cells}")
    return _CELLS_MAX if cells is None else cells
