"""How the texts of one call are handed to C++: in windows, which bound the memory."""

from collections.abc import Iterator, Sequence

import numpy as np

# What C++ holds at once, as UTF-8 and as token ids: tens of megabytes, yet more than a hundred batches.
WINDOW_TEXTS = 1 << 14
WINDOW_CHARACTERS = 1 << 24


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
    """The indices of `sizes` [B], the largest first, in runs within both limits; a larger text has one for itself. One
    that is empty for no texts."""
    order = np.argsort(-sizes, kind="stable")
    ends = np.cumsum(sizes[order])
    begin, characters = 0, 0
    while True:
        fitting = int(np.searchsorted(ends, characters + WINDOW_CHARACTERS, side="right"))
        end = min(max(fitting, begin + 1), begin + WINDOW_TEXTS, len(sizes))
        yield order[begin:end].tolist()
        if end == len(sizes):
            return
        begin, characters = end, int(ends[end - 1])
