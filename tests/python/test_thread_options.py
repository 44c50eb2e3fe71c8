"""`threads` and `parallel_calls`: followed, or refused; and how many threads of a process are busy."""

import os
import pathlib
import statistics
import subprocess
import sys
import time

import bgem3
import numpy as np
import pytest
from bgem3._model.columns import ColumnEmbedder

TEXTS = ["a text", "another one", "a third " * 50]
MODELS = [bgem3.BGEM3FlagModel, bgem3.FlagModel, bgem3.FlagAutoModel.from_finetuned, bgem3.EmbeddingModel]


def load(kind, directory, **options):
    return kind(str(directory), **{"device" if kind is bgem3.EmbeddingModel else "devices": "cpu"}, **options)


@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.__qualname__)
def test_threads_are_followed(nano, kind):
    info = load(kind, nano, threads=3, parallel_calls=2).info
    assert (info["threads"], info["parallel_calls"]) == (3, 2)


def test_threads_of_a_reranker(nano_reranker):
    info = load(bgem3.FlagReranker, nano_reranker, threads=3, parallel_calls=2).info
    assert (info["threads"], info["parallel_calls"]) == (3, 2)


def test_threads_of_batches_and_columns(nano, nano_reranker):
    with bgem3.BatchingEmbedder(str(nano), device="cpu", threads=3) as batching:
        assert batching.info["threads"] == 3
    with bgem3.BatchingReranker(str(nano_reranker), device="cpu", threads=3) as batching:
        assert batching.info["threads"] == 3
    assert ColumnEmbedder(nano, threads=3)._engine.info["threads"] == 3


@pytest.mark.parametrize("name", ["threads", "parallel_calls"])
@pytest.mark.parametrize("value", [-1, 1.5, "2", True, None, 2**32], ids=repr)
def test_what_is_no_count_is_refused(nano, nano_reranker, name, value):
    for kind, directory in [*[(kind, nano) for kind in MODELS], (bgem3.FlagReranker, nano_reranker)]:
        with pytest.raises(bgem3.InvalidArgumentError, match=f"{name} should be an int from 0 to .*, found {value!r}"):
            load(kind, directory, **{name: value})


def test_more_threads_than_openmp_should_start_are_refused(nano):
    with pytest.raises(bgem3.InvalidArgumentError, match="found 1025"):
        load(bgem3.EmbeddingModel, nano, threads=1025)
    with pytest.raises(bgem3.InvalidArgumentError, match="found 1025"):
        bgem3.BatchingEmbedder(str(nano), device="cpu", threads=1025)


def test_vectors_do_not_depend_on_threads(nano):
    one, three = (load(bgem3.FlagModel, nano, threads=threads).encode(TEXTS) for threads in (1, 3))
    np.testing.assert_allclose(one, three, atol=1e-6)


DEFAULT = "import sys, bgem3; print(bgem3.EmbeddingModel(sys.argv[1], device='cpu').info['threads'])"


def default_threads(model: pathlib.Path, before: str = "", **environment: str) -> int:
    """Of a process with these variables instead of OMP_NUM_THREADS."""
    inherited = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    return int(
        subprocess.run(
            [sys.executable, "-c", before + DEFAULT, str(model)],
            env={**inherited, **environment},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )


def test_default_is_the_processors_that_may_be_used_or_omp_num_threads(nano):
    assert 1 <= default_threads(nano) <= len(os.sched_getaffinity(0))
    assert default_threads(nano, OMP_NUM_THREADS="3") == 3
    assert default_threads(nano, "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n") == 1


# Sixteen threads that encode without an end.
BUSY = """
import sys, threading, bgem3
model = bgem3.EmbeddingModel(sys.argv[1], device="cpu", threads=int(sys.argv[2]), parallel_calls=int(sys.argv[3]))
texts = [f"{i} " + "seventeen words of a text " * 40 for i in range(2)]
def encode():
    while True:
        model.encode(texts)
for _ in range(16):
    threading.Thread(target=encode, daemon=True).start()
print("begun", flush=True)
sys.stdin.read()
"""


def tasks(pid: int) -> list[list[str]]:
    """Fields of /proc/PID/task/*/stat from the state on. Source: proc_pid_stat(5)."""
    found = []
    for file in pathlib.Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            found.append(file.read_text().rpartition(") ")[2].split())
        except OSError:  # it has ended
            continue
    return found


def processor_seconds(pid: int) -> float:
    return sum(int(task[11]) + int(task[12]) for task in tasks(pid)) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize(
    ("threads", "parallel_calls"),
    [(1, 1), (2, 1), pytest.param(1, 2, marks=pytest.mark.slow), pytest.param(2, 2, marks=pytest.mark.slow)],
)
def test_sixteen_callers_keep_no_more_threads_busy_than_they_should(e5_small, threads, parallel_calls):
    """By the time that all threads take, and by their states. A thread that waits for a processor counts as running: on a
    busy machine also a few of the callers, who look for signals 20 times a second. Without a bound it would be sixteen
    teams."""
    bound = threads * parallel_calls
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    command = [sys.executable, "-c", BUSY, str(e5_small), str(threads), str(parallel_calls)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        try:
            assert process.stdout.readline() == b"begun\n"
            time.sleep(1.0)
            began, used, running = time.monotonic(), processor_seconds(process.pid), []
            while time.monotonic() < began + 2.5:
                running.append(sum(task[0] == "R" for task in tasks(process.pid)))
                time.sleep(0.004)
            used, seconds = processor_seconds(process.pid) - used, time.monotonic() - began
        finally:
            process.kill()
    ordered = sorted(running)
    assert len(running) > 50
    assert statistics.median(running) <= bound + 1, ordered
    assert ordered[len(ordered) * 9 // 10] <= bound + 6, ordered
    assert 0 < used <= (bound + 0.25) * seconds
