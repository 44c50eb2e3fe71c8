"""Tells what a run found: a table, a file of JSON, a picture."""

import argparse
import dataclasses
import datetime
import json
import pathlib
import statistics
import subprocess
import sys

from chart import draw
from figures import PERCENTILES, Figures
from rich.console import Console
from rich.table import Table
from run import IN_PROCESS
from workload import Workload

PACKAGES = ("bgem3", "torch", "FlagEmbedding", "transformers")
SERVER_PACKAGES = ("azureml-inference-server-http", "gunicorn")
IN_PROCESS_SHARE = 0.9  # that a server should reach
FLAGEMBEDDING_TIMES = 3.0  # as fast that it should be


@dataclasses.dataclass(frozen=True)
class Comparison:
    target: str
    other: str
    ratio: float  # of texts per second
    wanted: float


class Report:
    """Of one run; --output is written anew after each target, so that a stop loses little."""

    def __init__(self, options: argparse.Namespace, work: Workload):
        self._options = options
        self._found: dict[str, Figures] = {}
        self._about = {**describe_machine(options), "load": describe_load(options, work)}
        self.ceiling: float | None = None  # calls per second of the generator alone

    def add(self, target: str, figures: Figures) -> None:
        self._found[target] = figures
        if self._options.output:
            result = self._result()
            self._options.output.with_suffix(".json").write_text(json.dumps(rounded(result), indent=2) + "\n")
            if any(each.texts_per_s for each in self._found.values()):
                draw(result, self._options.output.with_suffix(".png"))

    @property
    def problems(self) -> list[str]:
        return [f"{target}: {problem}" for target, figures in self._found.items() for problem in figures.problems]

    def show(self) -> None:
        console = Console(width=160)
        console.print(burst_table(self._found) if self._options.burst else load_table(self._found))
        if self.ceiling:
            console.print(f"The generator alone, against a server without a model: {self.ceiling:,.0f} calls/s")
        for each in self._comparisons():
            verdict = "met" if each.ratio >= each.wanted else "missed"
            console.print(f"{each.target}: {each.ratio:.2f} times {each.other} (wanted: {each.wanted}; {verdict})")
        notes = [f"{name}: {note}" for name, figures in self._found.items() for note in figures.notes]
        for line in [*self.problems, *notes]:
            console.print(line, style="red", markup=False)
        if not self.problems:
            console.print("Every call was answered once, with the right vectors.", style="green")

    def _comparisons(self) -> list[Comparison]:
        wanted = {IN_PROCESS: IN_PROCESS_SHARE, "flagembedding": FLAGEMBEDDING_TIMES}
        return [
            Comparison(target, other, self._found[target].texts_per_s / self._found[other].texts_per_s, wanted[other])
            for target in ("bgem3-server", "score.py")
            for other in wanted
            if target in self._found and other in self._found and self._found[other].texts_per_s
        ]

    def _result(self) -> dict:
        return {
            **self._about,
            "generator_calls_per_s": self.ceiling,
            "comparisons": [dataclasses.asdict(each) for each in self._comparisons()],
            "targets": {name: to_dict(figures) for name, figures in self._found.items()},
            "problems": self.problems,
        }


def to_dict(figures: Figures) -> dict:
    """Without what does not apply."""
    return {name: value for name, value in dataclasses.asdict(figures).items() if value not in (None, "", [], {})}


def rounded(value: object) -> object:
    """Without digits that mean nothing."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list) else value


# Tables


def load_table(found: dict[str, Figures]) -> Table:
    latencies = [*PERCENTILES, "mean"]
    table = Table(
        "target", "statuses", "wrong", *(f"{name} ms" for name in latencies), "calls/s", "texts/s", "tokens/s"
    )
    table.add_column("memory, MB")
    for target, figures in found.items():
        statuses = ", ".join(f"{count} x {status}" for status, count in figures.statuses.items())
        times = (f"{figures.latency_ms[name]:.1f}" if figures.latency_ms else "-" for name in latencies)
        speeds = (f"{speed:,.1f}" for speed in (figures.calls_per_s, figures.texts_per_s, figures.tokens_per_s))
        table.add_row(target, statuses or "-", str(figures.wrong), *times, *speeds, memory_text(figures))
    return table


def memory_text(figures: Figures) -> str:
    drift = figures.memory
    if drift is None:
        return "-"
    word = {True: ": flat", False: ": grows", None: ""}[drift.is_flat]
    return f"{drift.start_mb:.0f} to {drift.end_mb:.0f} ({drift.slope_mb_per_minute:+.1f}/min){word}"


def burst_table(found: dict[str, Figures]) -> Table:
    table = Table("target", "clients", "limit", "rounds", "with these statuses")
    for target, figures in found.items():
        if figures.burst is None:
            table.add_row(target, "-", "-", "-", figures.failed)
            continue
        seen: dict[str, int] = {}
        for statuses in figures.burst.rounds:
            text = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
            seen[text] = seen.get(text, 0) + 1
        for text, rounds in seen.items():
            table.add_row(target, str(figures.burst.clients), str(figures.burst.limit), str(rounds), text)
    return table


# What was measured, and on what


def describe_machine(options: argparse.Namespace) -> dict[str, object]:
    with open("/proc/cpuinfo") as lines:
        processor = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")
    return {
        "date": datetime.date.today().isoformat(),
        "processor": processor,
        "threads": options.threads,
        "device": options.device,
        "versions": {
            **versions(pathlib.Path(sys.executable), PACKAGES),
            **inference_server_versions(options),
        },
    }


def inference_server_versions(options: argparse.Namespace) -> dict[str, str]:
    python = options.inference_server.with_name("python")
    return versions(python, SERVER_PACKAGES) if python.is_file() else {}


def versions(python: pathlib.Path, packages: tuple[str, ...]) -> dict[str, str]:
    """Of those packages that this Python has."""
    program = """import importlib.metadata, json, sys
found = {each.metadata["name"]: each.version for each in importlib.metadata.distributions()}
print(json.dumps({name: found[name] for name in sys.argv[1:] if name in found}))"""
    done = subprocess.run([python, "-c", program, *packages], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def describe_load(options: argparse.Namespace, work: Workload) -> dict[str, object]:
    names = ["clients", "rounds"] if options.burst else ["clients", "calls", "seconds", "processes"]
    names += ["texts_per_call", "length", "batch_size", "max_requests", "queue_requests", "dtype", "tolerance"]
    tokens = {"least": min(work.tokens), "mean": statistics.fmean(work.tokens), "most": max(work.tokens)}
    about = {name: getattr(options, name) for name in names}
    return {"model": options.model.name, **about, "distinct_texts": len(work.texts), "tokens_of_a_text": tokens}
