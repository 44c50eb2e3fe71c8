"""The resident memory of a server over the time of a run, and whether it grows."""

import threading
import time
from dataclasses import dataclass

import numpy as np
import psutil

Samples = list[tuple[float, float]]  # seconds from the start, MB

MEGABYTE = 1e6
WARM_UP = 0.25  # of the run: caches fill up meanwhile
LAST = 0.1  # of the run: its median is the end, the median of as long a time after the warm-up is the start
LIMIT_SHARE = 0.02  # growth from start to end that still counts as flat; what is smaller than LIMIT_MB is always flat
LIMIT_MB = 8
ENOUGH_TEXTS = 20_000  # before, caches of kernels for each shape of a batch are still filling up


@dataclass(frozen=True)
class Drift:
    start_mb: float
    end_mb: float
    peak_mb: float
    slope_mb_per_minute: float
    is_flat: bool | None  # None: too few texts to tell


class MemorySampler:
    """Samples a process and its children on a thread, from `with` to its end, into `samples`."""

    def __init__(self, pid: int, samples: Samples, interval: float = 0.25):
        self._process, self._samples, self._interval = psutil.Process(pid), samples, interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        begin = time.perf_counter()
        while not self._stop.wait(self._interval):
            try:
                self._samples.append((time.perf_counter() - begin, resident_mb(self._process)))
            except psutil.NoSuchProcess:
                return


def resident_mb(process: psutil.Process) -> float:
    total = process.memory_info().rss
    for child in process.children(recursive=True):
        try:
            total += child.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / MEGABYTE


def drift_of(samples: Samples, texts: int) -> Drift | None:
    """Of a run that embedded so many texts. None for one of a few seconds."""
    if len(samples) < 20:
        return None
    times, megabytes = np.array(samples).T
    first, last = int(WARM_UP * len(times)), max(2, int(LAST * len(times)))
    slope = np.polyfit(times[first:] / 60, megabytes[first:], 1)[0]
    start, end = (float(np.median(part)) for part in (megabytes[first : first + last], megabytes[-last:]))
    is_flat = end - start <= max(LIMIT_MB, LIMIT_SHARE * start)
    return Drift(start, end, float(megabytes.max()), float(slope), is_flat if texts >= ENOUGH_TEXTS else None)
