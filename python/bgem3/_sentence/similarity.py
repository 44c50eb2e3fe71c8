"""Similarities of dense vectors: torch tensors, large where vectors are alike."""

from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..errors import InvalidArgumentError, listed

if TYPE_CHECKING:
    import torch

    Vectors: TypeAlias = npt.NDArray[Any] | torch.Tensor | list[npt.NDArray[Any]] | list[torch.Tensor]

NAMES = ("cosine", "dot", "euclidean", "manhattan")


def similarity_name(name: Any) -> str:
    """Of a str, or of sentence-transformers' SimilarityFunction."""
    found = name.value if isinstance(name, Enum) else name
    if found not in NAMES:
        raise InvalidArgumentError(f"similarity_fn_name should be one of {listed(NAMES)}, found {listed([found])}")
    return str(found)


def similarity(name: str, first: "Vectors", second: "Vectors") -> "torch.Tensor":
    """Of each of [n, D] and each of [m, D]: [n, m]. A vector [D] is as [1, D]."""
    import torch

    a, b = (vectors if vectors.ndim > 1 else vectors.reshape(1, -1) for vectors in map(_as_floats, (first, second)))
    if name == "cosine":
        return torch.nn.functional.normalize(a) @ torch.nn.functional.normalize(b).T
    if name == "dot":
        return a @ b.T
    return -torch.cdist(a, b, p=1.0 if name == "manhattan" else 2.0)


def similarity_pairwise(name: str, first: "Vectors", second: "Vectors") -> "torch.Tensor":
    """Of vector i of [n, D] and vector i of [n, D]: [n]. Of two vectors [D]: a tensor of no dimension."""
    import torch

    a, b = _as_floats(first), _as_floats(second)
    if name == "cosine":
        a, b = (torch.nn.functional.normalize(vectors, dim=-1) for vectors in (a, b))
    if name in ("cosine", "dot"):
        return (a * b).sum(dim=-1)
    return -(a - b).abs().sum(dim=-1) if name == "manhattan" else -torch.linalg.vector_norm(a - b, dim=-1)


def _as_floats(vectors: Any) -> "torch.Tensor":
    """A tensor of float32 or float64; over the same memory, where there is such."""
    import torch

    tensor = _as_tensor(vectors)
    if not tensor.is_floating_point():
        raise TypeError(
            f"vectors should be floats, found {str(tensor.dtype).removeprefix('torch.')}: products of quantised vectors "
            "overflow. Encode with precision='float32', or search by a function that is made for quantised vectors"
        )
    return tensor.to(torch.float32) if tensor.element_size() < 4 else tensor


def _as_tensor(vectors: Any) -> "torch.Tensor":
    import torch

    if isinstance(vectors, torch.Tensor):
        return vectors
    first = vectors[0] if isinstance(vectors, (list, tuple)) and vectors else None
    if isinstance(first, torch.Tensor):
        return torch.stack(list(vectors))
    if isinstance(first, np.ndarray):
        return torch.from_numpy(np.stack(vectors))
    if not isinstance(vectors, np.ndarray):
        return torch.tensor(vectors)
    # What cannot be written to, torch would warn of; what runs backwards, it refuses.
    array = np.ascontiguousarray(vectors)
    return torch.from_numpy(array if array.flags.writeable else array.copy())
