"""Runs bgem3 as a user does, and reads what it wrote."""

import contextlib
import json
import os
import pathlib
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from waiting import wait_for

# Runs a program and prints its exit status and its peak of resident memory in KiB.
PEAK = """
import os, sys
null = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
_, status, usage = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=null), 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)
"""

# As many lines as are read before the first are encoded.
FIRST_CHUNK = b"a\n" * 12


@dataclass
class Result:
    status: int
    stdout: bytes
    stderr: str

    @property
    def lines(self) -> list[str]:
        return self.stdout.decode().splitlines()

    @property
    def records(self) -> list[dict]:
        return parse_records(self.stdout)

    @property
    def dense(self) -> np.ndarray:
        return dense_of(self.records)


class Command:
    """bgem3 with BGEM3_MODEL set to `model`."""

    def __init__(self, program: str, model: pathlib.Path):
        self.program = program
        self._environment = {**os.environ, "BGEM3_MODEL": str(model), "LC_ALL": "C.UTF-8"}

    def start(
        self,
        *arguments: object,
        environment: dict[str, str] | None = None,
        program: list[str] | None = None,
        **options,
    ) -> subprocess.Popen:
        command = [*(program or [self.program]), *map(str, arguments)]
        return subprocess.Popen(command, env={**self._environment, **(environment or {})}, **options)

    def attempt(self, *arguments: object, stdin: bytes | str = b"", **options) -> Result:
        """Runs to the end, whatever the exit status."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = self.start(*arguments, **{**pipes, **options})
        try:
            out, err = process.communicate(stdin.encode() if isinstance(stdin, str) else stdin, timeout=300)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return Result(process.returncode, out or b"", (err or b"").decode(errors="replace"))

    def __call__(self, *arguments: object, stdin: bytes | str = b"", **options) -> Result:
        """Runs to the end and expects success."""
        result = self.attempt(*arguments, stdin=stdin, **options)
        assert result.status == 0, f"exit status {result.status}: {result.stderr}"
        return result

    def peak_memory(self, *arguments: object) -> int:
        """Runs to the end, expects success; the peak of resident memory in bytes, down to 15 MB.

        The kernel counts the parent's memory until exec. So a small process is the parent, not that of the tests.
        """
        started = self.start(*arguments, program=[sys.executable, "-ISc", PEAK, self.program], stdout=subprocess.PIPE)
        with killed_at_exit(started):
            status, kilobytes = map(int, started.communicate(timeout=300)[0].split())
        assert status == 0
        return kilobytes * 1024

    def fail(self, *arguments: object, status: int = 1, **options) -> str:
        """Runs to the end, expects `status` and a message on stderr, which is returned."""
        result = self.attempt(*arguments, **options)
        assert result.status == status, f"exit status {result.status}: {result.stderr}"
        assert result.stderr.startswith("bgem3: ")
        return result.stderr


def parse_records(data: bytes) -> list[dict]:
    """JSON lines; a line that is not whole fails."""
    assert data.endswith(b"\n") or not data
    return [json.loads(line) for line in data.splitlines()]


def dense_of(records: Iterable[dict]) -> np.ndarray:
    return np.array([record["dense"] for record in records], np.float32)


def as_lines(texts: Iterable[str]) -> str:
    return "".join(text + "\n" for text in texts)


def as_jsonl(records: Iterable[dict]) -> str:
    return as_lines(json.dumps(record, ensure_ascii=False) for record in records)


def many_texts(count: int) -> list[str]:
    """Short texts of several scripts, the same ones in each run."""
    source = random.Random(7)
    words = "vector κόσμος 世界 मॉडल слово embedding café ภาษา naïve 한국어 peace 42".split()
    return [" ".join(source.choices(words, k=source.randint(3, 12))) for _ in range(count)]


def limit_file_size(size: int) -> Callable[[], None]:
    """As `ulimit -f`, for preexec_fn: the signal that comes with it keeps its default, which ends a process."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@contextlib.contextmanager
def killed_at_exit(process: subprocess.Popen) -> Iterator[subprocess.Popen]:
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def expect_handler(process: subprocess.Popen) -> None:
    """Waits until the process handles SIGINT itself, and then for the input."""
    status = pathlib.Path(f"/proc/{process.pid}/status")
    wait_for(lambda: int(re.search(r"SigCgt:\s*(\w+)", status.read_text())[1], 16) & (1 << (signal.SIGINT - 1)))
    time.sleep(0.2)
