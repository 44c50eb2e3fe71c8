"""Runs in_process.py: the model in a process of its own, which is gone before a server starts."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from memory import MemorySampler, Samples
from servers import ServerSettings, threads_environment

PROGRAM = pathlib.Path(__file__).with_name("in_process.py")
SECONDS = 60  # that the timed rounds take, about; at least one is made


@dataclass(frozen=True)
class Library:
    """What the library found for all texts at once."""

    vectors: np.ndarray  # float32 [B, D]
    rounds: list[tuple[float, float]]  # begin and seconds of each timed encode()
    samples: Samples


def run_library(settings: ServerSettings, texts: list[str], rounds: int, show: Callable[[int], None]) -> Library:
    """`show` gets the number of rounds that are done."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        given: dict[str, object] = {key: str(getattr(settings, key)) for key in ("model", "device", "dtype")}
        given |= {"batch_size": settings.batch_size, "texts": texts, "rounds": rounds, "seconds": SECONDS}
        (folder / "settings.json").write_text(json.dumps(given | {"vectors": str(folder / "vectors.npy")}))
        process = subprocess.Popen(
            [sys.executable, PROGRAM, folder / "settings.json"],
            env={**os.environ, **threads_environment(settings)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            found, samples = follow(process, show)
        finally:
            process.kill()
            process.wait()
        return Library(np.load(folder / "vectors.npy"), found, samples)


def follow(process: subprocess.Popen, show: Callable[[int], None]) -> tuple[list[tuple[float, float]], Samples]:
    assert process.stdout is not None
    found: list[tuple[float, float]] = []
    samples: Samples = []
    process.stdout.readline()  # the model is loaded and warm, the vectors are written
    with MemorySampler(process.pid, samples):
        for line in process.stdout:
            found.append(tuple(json.loads(line)))
            show(len(found))
    if process.wait() != 0:
        raise SystemExit(f"error: {PROGRAM.name}, which runs the model, ended with status {process.returncode}")
    return found, samples
