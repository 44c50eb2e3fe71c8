"""A run that is killed at any moment, again and again, makes with --resume the bytes that it would have made."""

import pathlib
import random
import signal
import time

import pytest
from command import Command, as_lines, killed_at_exit, many_texts
from waiting import wait_for

KINDS = {
    "dense.npy": ["--dense"],
    "dense.jsonl": ["--dense"],
    "sparse.jsonl": ["--dense", "--sparse"],
    "all.jsonl": ["--dense", "--sparse", "--colbert"],
}


class Interrupted:
    """A run that is begun anew, with --resume, whenever it was killed."""

    def __init__(self, bgem3: Command, source: pathlib.Path, output: pathlib.Path, options: list[str], seed: int):
        self._bgem3, self._output = bgem3, output
        self._notes = output.with_name(output.name + ".resume")
        self._arguments = ["encode", "--input", source, "--output", output, *options, "--resume"]
        self._random = random.Random(seed)

    def kill(self, seconds: float) -> bool:
        """At a moment of the first `seconds`, half of the time counted from where it writes; False when it was done."""
        with killed_at_exit(self._bgem3.start(*self._arguments)) as process:
            if self._random.random() < 0.5:
                before = self._state()
                wait_for(lambda: process.poll() is not None or self._state() != before)
            time.sleep(self._random.uniform(0, seconds))
            process.kill()
            status = process.wait(timeout=60)
            assert status in (0, -signal.SIGKILL)
            return status != 0

    def finish(self) -> bytes:
        self._bgem3(*self._arguments)
        return self._output.read_bytes()

    def _state(self) -> list[tuple[int, int]]:
        return [(path.stat().st_ino, path.stat().st_size) for path in (self._output, self._notes) if path.exists()]


def interrupt(bgem3: Command, folder: pathlib.Path, name: str, texts: int, kills: int, seed: int) -> int:
    """How many of `kills` came before a run over `texts` was done. When it is done too early, another one begins."""
    source, whole = folder / "in.txt", folder / f"whole.{name}"
    source.write_text(as_lines(many_texts(texts)))
    started = time.monotonic()
    bgem3("encode", "--input", source, "--output", whole, *KINDS[name])
    seconds = time.monotonic() - started
    expected = whole.read_bytes()
    count = run_number = 0
    while count < kills:
        assert run_number < 10 * kills, f"{count} kills came before the end of {run_number} runs"
        output = folder / f"{run_number}.{name}"
        run = Interrupted(bgem3, source, output, KINDS[name], seed + run_number)
        while count < kills and run.kill(seconds):
            count += 1
        if count < kills:
            seconds *= 0.9  # the first run may have been slowed down by others
        assert run.finish() == expected
        run_number += 1
        output.unlink()
    return count


@pytest.mark.parametrize("name", ["dense.npy", "all.jsonl"])
def test_a_few_kills(bgem3, tmp_path, name):
    assert interrupt(bgem3, tmp_path, name, texts=500, kills=3, seed=1) == 3


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_many_kills(bgem3, tmp_path, name):
    assert interrupt(bgem3, tmp_path, name, texts=1500, kills=50, seed=2) == 50
