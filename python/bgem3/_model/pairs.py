"""Pairs of a query and a passage, as callers give them."""

from typing import Any

import numpy as np

from ..errors import InvalidArgumentError
from .texts import as_list

TextPair = tuple[str, str]


def check_pair_length(max_length: int, special_tokens: int) -> int:
    """`max_length`, which has room for the special tokens of a pair: 4 of XLM-RoBERTa, 3 of BERT.

    Raises:
        InvalidArgumentError: it has not
    """
    if max_length < special_tokens:
        raise InvalidArgumentError(
            f"max_length should be at least {special_tokens}, for a pair has {special_tokens} special tokens; "
            f"found {max_length}"
        )
    return max_length


def as_pairs(given: Any) -> tuple[list[TextPair], bool]:
    """The pairs as a list, and whether a single pair was given."""
    items = as_list(given, "pairs", "a pair (query, passage) or a list of pairs")
    single = bool(items) and isinstance(items[0], str)
    pairs = [items] if single else items
    for i, pair in enumerate(pairs):
        if not _is_pair(pair):
            raise TypeError(f"pair {i} should be (query, passage), two str, found {pair!r:.200}")
    return [(pair[0], pair[1]) for pair in pairs], single


def _is_pair(value: Any) -> bool:
    # More than two items: FlagEmbedding looks at the first two, so data with labels works.
    well_formed = isinstance(value, (list, tuple, np.ndarray)) and len(value) >= 2
    return well_formed and isinstance(value[0], str) and isinstance(value[1], str)
