"""How the texts of one call are dealt out: over devices, and on each device in windows that bound the memory."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from tqdm.auto import tqdm

Result = TypeVar("Result")

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


def deal_out(sizes: np.ndarray, count: int) -> list[np.ndarray]:
    """The indices of `sizes` [B] in at most `count` parts of about the same work, each with the largest first."""
    order = np.argsort(-sizes, kind="stable")
    return [order[k::count] for k in range(max(1, min(count, len(sizes))))]


def windows(sizes: np.ndarray) -> Iterator[slice]:
    """Cuts a part into runs within both limits; a larger text has one for itself. One that is empty for no texts."""
    ends = np.cumsum(sizes)
    begin, characters = 0, 0
    while True:
        fitting = int(np.searchsorted(ends, characters + WINDOW_CHARACTERS, side="right"))
        end = min(max(fitting, begin + 1), begin + WINDOW_TEXTS, len(sizes))
        yield slice(begin, end)
        if end == len(sizes):
            return
        begin, characters = end, int(ends[end - 1])


class BarProgress:
    """Adds up what the parts report, and tells them to stop."""

    def __init__(self, bar: tqdm | None, parts: int):
        self._bar = bar
        self._lock = threading.Lock()
        self._done = [0] * parts
        self.stop = False

    def of_part(self, part: int, before: int = 0) -> Callable[[int, int], bool]:
        """For a window of a part, `before` texts of which are done."""

        def report(done: int, _total: int) -> bool:
            with self._lock:
                self._done[part] = before + done
                self._show(sum(self._done))
            return not self.stop

        return report

    def _show(self, done: int) -> None:
        if self._bar is not None:
            self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def side_by_side(work: Callable[[int], Result], count: int, progress: BarProgress) -> list[Result]:
    """work(0) … work(count - 1), each in a thread of its own. When one fails, the others are told to stop."""
    if count == 1:
        return [work(0)]
    pool = ThreadPoolExecutor(count)
    try:
        futures = [pool.submit(work, k) for k in range(count)]
        return [future.result() for future in futures]
    except BaseException:  # Ctrl-C, too, which may come before all parts are on their way
        progress.stop = True
        raise
    finally:
        pool.shutdown(cancel_futures=True)
