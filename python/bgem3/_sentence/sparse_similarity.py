"""Similarities of sparse vectors: torch tensors, large where vectors are alike."""

from typing import TYPE_CHECKING, Any

from .similarity import similarity as dense_similarity
from .similarity import similarity_pairwise as dense_similarity_pairwise
from .sparse_tensors import as_sparse, as_tensor, coalesced

if TYPE_CHECKING:
    import torch

_CELLS_MAX = 1 << 25  # of a dense part, 128 MB


def similarity(name: str, first: Any, second: Any) -> "torch.Tensor":
    """Of each of [n, V] and each of [m, V]: [n, m], dense. A vector [V] is as [1, V]."""
    import torch

    a, b = as_tensor(first), as_tensor(second)
    if not a.is_sparse and not b.is_sparse:
        return dense_similarity(name, a, b)
    a, b = (as_sparse(each.unsqueeze(0) if each.ndim == 1 else each) for each in (a, b))
    if name == "manhattan":
        return _manhattan(a, b)
    if name == "cosine":
        a, b = _normalized(a), _normalized(b)
    products = torch.sparse.mm(a, b.t()).to_dense()
    if name != "euclidean":
        return products
    squares = (torch.sparse.sum(each * each, dim=1).to_dense() for each in (a, b))
    return -(next(squares).unsqueeze(1) - 2 * products + next(squares)).clamp(min=0).sqrt()


def similarity_pairwise(name: str, first: Any, second: Any) -> "torch.Tensor":
    """Of vector i of [n, V] and vector i of [n, V]: [n]. Of two vectors [V]: a tensor of no dimension."""
    a, b = as_tensor(first), as_tensor(second)
    if not a.is_sparse and not b.is_sparse:
        return dense_similarity_pairwise(name, a, b)
    single = a.ndim == 1
    a, b = (as_sparse(each.unsqueeze(0) if single else each) for each in (a, b))
    found = _pairwise(name, a, b)
    return found[0] if single else found


def _pairwise(name: str, a: "torch.Tensor", b: "torch.Tensor") -> "torch.Tensor":
    if name == "cosine":
        a, b = _normalized(a), _normalized(b)
    if name in ("cosine", "dot"):
        return _sums(a * b)
    difference = (a - b).coalesce()
    return -_sums(difference.abs()) if name == "manhattan" else -_sums(difference * difference).sqrt()


def _sums(rows: "torch.Tensor") -> "torch.Tensor":
    import torch

    return torch.sparse.sum(rows, dim=1).to_dense()


def _normalized(rows: "torch.Tensor") -> "torch.Tensor":
    """Each of length 1."""
    lengths = _sums(rows * rows).sqrt().clamp(min=1e-12)
    return coalesced(rows.indices(), rows.values() / lengths[rows.indices()[0]], rows.shape)


def _manhattan(a: "torch.Tensor", b: "torch.Tensor") -> "torch.Tensor":
    """By dense columns, of those that either has, a part of them at a time."""
    import torch

    columns = torch.unique(torch.cat([a.indices()[1], b.indices()[1]]))
    distances = torch.zeros(len(a), len(b), device=a.device)
    step = max(1, _CELLS_MAX // max(1, len(a) + len(b)))
    for part in columns.split(step):
        dense = (rows.index_select(1, part).to_dense() for rows in (a, b))
        distances += torch.cdist(next(dense), next(dense), p=1.0)
    return -distances
