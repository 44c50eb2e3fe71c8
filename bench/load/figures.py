"""What a run comes to, in numbers that fit into JSON."""

import dataclasses
from collections import Counter

import numpy as np
from burst import BurstFigures
from generator import Plan, Record
from library import Library
from memory import Drift, Samples, drift_of
from workload import Workload

PERCENTILES = {"p50": 50, "p90": 90, "p95": 95, "p99": 99}
BINS = 60
POINTS = 150  # a chart shows no more


@dataclasses.dataclass
class Figures:
    """Of one target. Latencies are those of right answers, from the request's first byte to the answer's last."""

    failed: str = ""  # why the run ended early, or did not begin
    seconds: float = 0.0
    calls: int = 0
    calls_wanted: int = 0
    statuses: dict[str, int] = dataclasses.field(default_factory=dict)
    wrong: int = 0
    largest_difference: float = 0.0
    connections: int = 0
    notes: list[str] = dataclasses.field(default_factory=list)  # examples of what went wrong
    calls_per_s: float = 0.0
    texts_per_s: float = 0.0
    tokens_per_s: float = 0.0
    latency_ms: dict[str, float] = dataclasses.field(default_factory=dict)
    latency_histogram: dict[str, list[float]] = dataclasses.field(default_factory=dict)  # edges_ms, counts
    throughput: dict[str, list[float]] = dataclasses.field(default_factory=dict)  # seconds, texts_per_s
    memory: Drift | None = None
    memory_mb: dict[str, list[float]] = dataclasses.field(default_factory=dict)  # seconds, mb
    burst: BurstFigures | None = None

    @property
    def problems(self) -> list[str]:
        """Empty when every call was answered once, with the right vectors, in memory that did not grow."""
        found = [self.failed] if self.failed else []
        found += [f"{count} x {status}" for status, count in self.statuses.items() if status != "200"]
        if self.wrong:
            found.append(f"{self.wrong} wrong answers")
        if self.calls != self.calls_wanted:
            found.append(f"{self.calls} calls instead of {self.calls_wanted}")
        if self.memory and self.memory.is_flat is False:
            found.append(f"memory grew from {self.memory.start_mb:.0f} to {self.memory.end_mb:.0f} MB")
        return found + (self.burst.problems if self.burst else [])


def of_record(record: Record, work: Workload, plan: Plan, samples: Samples, failed: str) -> Figures:
    figures = Figures(
        failed=failed,
        calls=record.calls,
        calls_wanted=record.calls if plan.seconds and not failed else plan.clients * plan.calls,
        statuses=dict(record.statuses.most_common()),
        wrong=record.wrong,
        largest_difference=record.largest_difference,
        connections=record.connections,
        notes=[note for note, _ in Counter(record.notes).most_common(5)],
    )
    add_memory(figures, samples, record.calls * work.size)
    if record.begins:
        begins, seconds = np.array(record.begins), np.array(record.seconds)
        tokens = np.reshape(work.tokens, (len(work), work.size)).sum(axis=1)[record.requests]
        add_speed(figures, begins, seconds, work.size, tokens)
        add_latency(figures, seconds * 1000)
    return figures


def of_library(library: Library, work: Workload) -> Figures:
    """A call is one encode() of all texts."""
    figures = Figures(calls=len(library.rounds), calls_wanted=len(library.rounds))
    begins, seconds = np.array(library.rounds).T
    add_memory(figures, library.samples, len(begins) * len(work.texts))
    add_speed(figures, begins, seconds, len(work.texts), np.full(len(begins), sum(work.tokens)))
    return figures


def add_speed(figures: Figures, begins: np.ndarray, seconds: np.ndarray, texts: int, tokens: np.ndarray) -> None:
    """Of calls with `texts` texts each, and `tokens` of each call."""
    ends = begins + seconds - begins.min()
    figures.seconds = float(ends.max())
    figures.calls_per_s = len(begins) / figures.seconds
    figures.texts_per_s = texts * figures.calls_per_s
    figures.tokens_per_s = float(tokens.sum()) / figures.seconds
    counts, edges = np.histogram(ends, min(BINS, 1 + len(begins) // 40), (0, figures.seconds))
    figures.throughput = {
        "seconds": np.round((edges[:-1] + edges[1:]) / 2, 3).tolist(),
        "texts_per_s": np.round(texts * counts / np.diff(edges), 1).tolist(),
    }


def add_latency(figures: Figures, milliseconds: np.ndarray) -> None:
    found = {name: float(np.percentile(milliseconds, p)) for name, p in PERCENTILES.items()}
    figures.latency_ms = {**found, "mean": float(milliseconds.mean()), "max": float(milliseconds.max())}
    edges = np.geomspace(milliseconds.min(), max(milliseconds.max(), milliseconds.min() * 1.01), BINS + 1)
    counts, _ = np.histogram(milliseconds, edges)
    figures.latency_histogram = {"edges_ms": np.round(edges, 4).tolist(), "counts": counts.tolist()}


def add_memory(figures: Figures, samples: Samples, texts: int) -> None:
    figures.memory = drift_of(samples, texts)
    thinned = samples[:: 1 + len(samples) // POINTS]
    figures.memory_mb = {"seconds": [round(at, 2) for at, _ in thinned], "mb": [round(mb, 1) for _, mb in thinned]}
