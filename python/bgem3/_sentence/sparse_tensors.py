"""Token weights as torch tensors, one column for each token of the vocabulary."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .._model.arguments import as_count_or_none
from ..errors import InvalidArgumentError

if TYPE_CHECKING:
    import torch

Weights = tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]
"""Ids, ascending, and their weights."""


def strongest(weights: Weights, count: int | None) -> Weights:
    """The `count` largest weights; None: all."""
    ids, values = weights
    if count is None or len(ids) <= count:
        return weights
    kept = np.sort(np.argsort(-values, kind="stable")[:count])
    return ids[kept], values[kept]


def to_tensor(rows: Sequence[Weights], width: int, sparse: bool) -> "torch.Tensor":
    """float32 [B, width], in the layout sparse_coo, coalesced, or dense."""
    counts = [len(ids) for ids, _ in rows]
    columns = np.concatenate([np.empty(0, np.int32), *(ids for ids, _ in rows)])
    values = np.concatenate([np.empty(0, np.float32), *(values for _, values in rows)])
    places = np.stack([np.repeat(np.arange(len(rows)), counts), columns])
    return _made(places, values, (len(rows), width), sparse)


def to_tensors(rows: Sequence[Weights], width: int, sparse: bool) -> "list[torch.Tensor]":
    """B of [width], as to_tensor() makes them."""
    return [_made(ids[None], values, (width,), sparse) for ids, values in rows]


def _made(places: npt.NDArray[Any], values: npt.NDArray[np.float32], size: tuple[int, ...], sparse: bool) -> Any:
    import torch

    indices, weights = torch.from_numpy(places.astype(np.int64)), torch.from_numpy(values)
    return coalesced(indices, weights, size) if sparse else torch.zeros(size).index_put_(tuple(indices), weights)


def coalesced(indices: "torch.Tensor", values: "torch.Tensor", size: Sequence[int]) -> "torch.Tensor":
    """A sparse tensor of indices in their order, each of them once."""
    import torch

    # torch.sparse_coo_tensor() calls this as well, and warns once that it does not check the indices.
    make = torch.ops.aten._sparse_coo_tensor_with_dims_and_tensors
    options = {"dtype": values.dtype, "layout": torch.sparse_coo, "device": values.device, "is_coalesced": True}
    tensor: torch.Tensor = make(len(size), 0, list(size), indices, values, **options)
    return tensor


def as_tensor(vectors: Any) -> "torch.Tensor":
    """Of a tensor, an array, or a list of either: a tensor of the same layout."""
    import torch

    if isinstance(vectors, (list, tuple)) and vectors:
        vectors = torch.stack([as_tensor(vector) for vector in vectors])
    tensor = vectors if isinstance(vectors, torch.Tensor) else torch.as_tensor(np.asarray(vectors))
    return tensor if tensor.is_floating_point() else tensor.float()


def as_sparse(vectors: Any) -> "torch.Tensor":
    """as_tensor(), in the layout sparse_coo, coalesced."""
    tensor = as_tensor(vectors)
    return (tensor if tensor.is_sparse else tensor.to_sparse()).coalesce()


def sparsity(embeddings: Any) -> dict[str, float]:
    """Means over the vectors: "active_dims", columns other than 0, and "sparsity_ratio", the share of the others."""
    rows = _rows(embeddings)
    count, width = rows.shape
    if not count or not width:
        return {"active_dims": 0.0, "sparsity_ratio": 1.0}
    active = len(rows.values()) / count
    return {"active_dims": active, "sparsity_ratio": 1.0 - active / width}


def intersection(first: "torch.Tensor", second: "torch.Tensor") -> "torch.Tensor":
    """Products with `first` [V] of a vector [V], or of each of [B, V]: sparse, of the columns that both have."""
    import torch

    a, b = as_sparse(first), as_sparse(second)
    if a.ndim != 1 or b.ndim not in (1, 2) or a.shape[-1] != b.shape[-1]:
        raise InvalidArgumentError(
            f"expected vectors [V], and [V] or [B, V], found {list(a.shape)} and {list(b.shape)}; the first is one vector"
        )
    weights = torch.zeros(a.shape[0], dtype=a.dtype, device=a.device).index_put((a.indices()[0],), a.values())
    products = b.values() * weights[b.indices()[-1]]
    shared = products > 0
    return coalesced(b.indices()[:, shared], products[shared], b.shape)


def decoded(embeddings: "torch.Tensor", tokens_of: Any, top_k: int | None) -> Any:
    """(token, weight) in order of weight, the largest first, of a vector [V]; a list of that for [B, V]."""
    top_k = as_count_or_none("top_k", top_k)
    rows = _rows(embeddings)
    indices, values = rows.indices().cpu().numpy(), rows.values().detach().cpu().numpy()
    bounds = np.searchsorted(indices[0], np.arange(len(rows) + 1))
    found = []
    for begin, end in zip(bounds, bounds[1:]):
        order = begin + np.argsort(-values[begin:end], kind="stable")[:top_k]
        found.append(list(zip(tokens_of(indices[1][order].tolist()), values[order].tolist())))
    return found[0] if embeddings.ndim == 1 else found


def _rows(embeddings: Any) -> "torch.Tensor":
    """As sparse [B, V]."""
    import torch

    if not isinstance(embeddings, torch.Tensor):
        raise TypeError(f"embeddings should be a torch tensor, found {type(embeddings).__name__}")
    if embeddings.ndim not in (1, 2):
        raise InvalidArgumentError(f"embeddings should be [V] or [B, V], found {list(embeddings.shape)}")
    return as_sparse(embeddings.unsqueeze(0) if embeddings.ndim == 1 else embeddings)
