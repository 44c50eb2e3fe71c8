"""Types of what BGEM3FlagModel gives, for annotations.

from bgem3.types import TextVectors, Vectors
"""

from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict, Union

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

Floats: TypeAlias = npt.NDArray[np.float32]
Weights: TypeAlias = dict[str, float]  # token id, in decimal, to weight
Vector: TypeAlias = Union[Floats, "torch.Tensor"]


class Vectors(TypedDict):
    """Of B texts. A kind that was not asked for is None, which type checkers are not told, so that the others need no
    check. With `convert_to_numpy=False` arrays are torch tensors."""

    dense_vecs: Floats  # [B, D]
    lexical_weights: list[Weights]
    colbert_vecs: list[Floats]  # B of [tokens - 1, C]


class TextVectors(TypedDict):
    """Of a single text; as Vectors without the first axis."""

    dense_vecs: Floats  # [D]
    lexical_weights: Weights
    colbert_vecs: Floats  # [tokens - 1, C]


ScoreKind: TypeAlias = Literal["colbert", "sparse", "dense", "sparse+dense", "colbert+sparse+dense"]
PairScores: TypeAlias = dict[ScoreKind, list[float]]
PairScore: TypeAlias = dict[ScoreKind, float]
