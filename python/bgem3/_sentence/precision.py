"""Vectors of fewer bits, as sentence-transformers makes them."""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InvalidArgumentError, listed

PRECISIONS = ("float32", "int8", "uint8", "binary", "ubinary")
_FEW = 100  # vectors from which ranges are doubtful


def check_precision(precision: str | None) -> None:
    if precision is not None and precision not in PRECISIONS:
        raise InvalidArgumentError(f"precision should be one of {listed(PRECISIONS)}, found {listed([precision])}")


def quantize(vectors: npt.NDArray[np.float32], precision: str | None) -> npt.NDArray[Any]:
    """Vectors [B, D] in another precision.

    Returns:
        "float32" and None: the vectors; "int8", "uint8": [B, D], each component on a scale from its least to its
        greatest value among these vectors; "binary" int8, "ubinary" uint8 [B, D / 8]: a bit for each component, 1 where
        it is positive

    Raises:
        InvalidArgumentError: the ranges of a single vector are asked for
    """
    if precision in (None, "float32"):
        return vectors
    if precision in ("binary", "ubinary"):
        packed = np.packbits(vectors > 0, axis=-1)
        return packed if precision == "ubinary" else _less_128(packed)
    levels = _levels(vectors, str(precision))
    return levels if precision == "uint8" else _less_128(levels)


def _levels(vectors: npt.NDArray[np.float32], precision: str) -> npt.NDArray[np.uint8]:
    """0 to 255."""
    if len(vectors) == 0:
        return np.empty(vectors.shape, np.uint8)
    if len(vectors) == 1:
        raise InvalidArgumentError(
            f"precision={precision!r} takes the range of each component from the vectors of the call, and there is one; "
            "encode all texts in one call, or quantise float32 vectors by "
            "sentence_transformers.util.quantize_embeddings(ranges=…)"
        )
    if len(vectors) < _FEW:
        warnings.warn(
            f"precision={precision!r} takes the range of each component from the {len(vectors)} vectors of this call; "
            f"with fewer than {_FEW}, and in another call, the same text may get another vector",
            RuntimeWarning,
            stacklevel=4,
        )
    least = vectors.min(axis=0)
    steps = (vectors.max(axis=0) - least) / np.float32(255)
    steps[steps == 0] = 1
    return np.clip(np.floor((vectors - least) / steps), 0, 255).astype(np.uint8)


def _less_128(values: npt.NDArray[np.uint8]) -> npt.NDArray[np.int8]:
    return (values ^ 128).view(np.int8)
