"""What encode() gives of single tokens, under sentence-transformers' names."""

from typing import TYPE_CHECKING, Any

import numpy as np

from .._model.engine import Embeddings
from ..errors import InvalidArgumentError, listed

if TYPE_CHECKING:
    import torch

SENTENCE = "sentence_embedding"
TOKENS = "token_embeddings"


def check_output_value(output_value: Any, precision: str | None, normalize: bool, truncate_dim: int | None) -> None:
    """
    Raises:
        InvalidArgumentError: neither one of sentence-transformers' nor None; or of tokens, beside an option that is for
            sentence embeddings
    """
    if output_value == SENTENCE:
        return
    if output_value not in (TOKENS, None):
        known = f"{SENTENCE!r}, {TOKENS!r} or None"
        raise InvalidArgumentError(f"output_value should be {known}, found {listed([output_value])}")
    of_sentences = {
        "precision": precision not in (None, "float32"),
        "normalize_embeddings": normalize,
        "truncate_dim": truncate_dim is not None and output_value == TOKENS,
    }
    for name, is_asked_for in of_sentences.items():
        if is_asked_for:
            raise InvalidArgumentError(
                f"{name} is for sentence embeddings, found it beside output_value={output_value!r}: leave one of them out"
            )


def as_tensors(found: Embeddings) -> "list[torch.Tensor]":
    """The hidden states of each text, over the same memory."""
    import torch

    return [torch.from_numpy(states) for states in found.hidden_states or []]


def as_features(
    ids: list[list[int]], found: Embeddings, vectors: np.ndarray, prompt_length: int | None
) -> list[dict[str, Any]]:
    """For each text what a sentence-transformers model has of it, with `vectors` [B, D] and without padding."""
    import torch

    of_all: dict[str, Any] = {"modality": "text"}
    if prompt_length is not None:
        of_all["prompt_length"] = prompt_length
    return [
        {
            "input_ids": torch.tensor(row),
            "attention_mask": torch.ones(len(row), dtype=torch.int64),
            **of_all,
            TOKENS: states,
            SENTENCE: torch.from_numpy(vector),
        }
        for row, states, vector in zip(ids, as_tensors(found), vectors, strict=True)
    ]
