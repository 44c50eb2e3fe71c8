"""How the texts of one call are handed to C++: at once, or in windows, which bound the memory of long lists."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

# What C++ holds at once, as UTF-8 and as token ids: tens of megabytes, yet more than a hundred batches.
AT_ONCE_TEXTS = 1 << 15
WINDOW_TEXTS = 1 << 14  # fewer: the results of a window are there twice, until they are stored with the others
CHARACTERS = 1 << 24


def fit_at_once(sizes: Iterable[int], count: int) -> bool:
    """Whether `count` texts, with so many characters, go to C++ as they are."""
    return count <= AT_ONCE_TEXTS and sum(sizes) <= CHARACTERS


def text_sizes(texts: Sequence[str]) -> np.ndarray:
    """Characters of each text, int64 [B].

    Raises:
        TypeError: one is not a str; says which.
    """
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"text {index} should be a str, found {type(text).__name__}")
    return np.fromiter(map(len, texts), np.int64, len(texts))


def windows(sizes: np.ndarray) -> Iterator[list[int]]:
    """The indices of `sizes` [B], the largest first, in runs within both limits; a larger text has one for itself. Equal
    texts are mostly in one window, so that they are computed once."""
    order = np.argsort(-sizes, kind="stable")
    ends = np.cumsum(sizes[order])
    begin, characters = 0, 0
    while begin < len(sizes):
        fitting = int(np.searchsorted(ends, characters + CHARACTERS, side="right"))
        end = min(max(fitting, begin + 1), begin + WINDOW_TEXTS, len(sizes))
        yield order[begin:end].tolist()
        begin, characters = end, int(ends[end - 1])
