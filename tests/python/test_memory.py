"""Memory: what a call takes, what stays, and who owns results."""

import gc
import os
import pathlib
import subprocess
import sys

import bgem3
import numpy as np
import pytest
import torch
from bgem3._model.outputs import to_output

ALL = {"return_dense": True, "return_sparse": True, "return_colbert_vecs": True}
MEGABYTE = 1 << 20


def resident() -> int:
    """Bytes of this process in memory that belong to it alone."""
    fields = dict(line.split(":") for line in pathlib.Path("/proc/self/status").read_text().splitlines())
    return int(fields["RssAnon"].split()[0]) * 1024


def run(program: str, **settings: str) -> str:
    """In a process of its own, which may import this file."""
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=pathlib.Path(__file__).parent,
        env={**os.environ, **settings},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def model(tiny) -> bgem3.BGEM3FlagModel:
    return bgem3.BGEM3FlagModel(str(tiny), devices="cpu")


def test_results_outlive_the_model(tiny):
    model = bgem3.BGEM3FlagModel(str(tiny), devices="cpu")
    found = model.encode(["one", "another"], **ALL)
    copies = [found["dense_vecs"].copy(), *(rows.copy() for rows in found["colbert_vecs"])]
    del model
    gc.collect()
    bgem3.BGEM3FlagModel(str(tiny), devices="cpu").encode(["something else"] * 50, **ALL)
    for array, copy in zip([found["dense_vecs"], *found["colbert_vecs"]], copies):
        assert (array == copy).all()


def test_arrays_are_the_callers(model):
    first, second = (model.encode(["one", "another"], **ALL) for _ in range(2))
    for array in [first["dense_vecs"], *first["colbert_vecs"]]:
        assert array.flags.writeable and array.flags.c_contiguous
        array[:] = 7
    assert np.abs(second["dense_vecs"]).max() <= 1
    assert all(np.abs(rows).max() <= 1 for rows in second["colbert_vecs"])


def test_tensors_share_the_memory(model):
    array = np.zeros((3, 4), np.float32)
    assert to_output(array, as_numpy=False).data_ptr() == array.ctypes.data
    found = model.encode(["one", "another"], convert_to_numpy=False, **ALL)
    for tensor in [found["dense_vecs"], *found["colbert_vecs"]]:
        assert isinstance(tensor, torch.Tensor) and tensor.dtype == torch.float32
    assert np.abs(found["dense_vecs"].numpy() - model.encode(["one", "another"], **ALL)["dense_vecs"]).max() < 1e-6


def test_closed_model_gives_its_memory_back(large):
    """Three times, as the allocator may keep some of the first."""
    from waiting import wait_for  # not there for the processes that import this file

    before = resident()
    for _ in range(3):
        with bgem3.BGEM3FlagModel(str(large), devices="cpu") as model:
            model.encode("text")
            packed = resident() - before  # the layers' matrices; the embedding tables stay in the mapped file
            assert packed > (500 if large.name == "full" else 100) * MEGABYTE
        gc.collect()
    wait_for(lambda: resident() - before < packed / 4, seconds=5)  # the last call's thread may have it yet


CALLS = """
import random, bgem3
from test_memory import ALL, resident
model = bgem3.BGEM3FlagModel({!r}, devices="cpu", show_progress_bar=False)
rng = random.Random(3)
words = [f"word{{i}}" for i in range(500)]
def texts_of(count): return [" ".join(rng.choices(words, k=rng.randrange(1, 40))) for _ in range(count)]
calls = [texts_of(1 + k % 5) for k in range(100)]
for _ in range({}): model.encode(rng.choice(calls), **ALL)
before = resident()
for _ in range({}): model.encode(rng.choice(calls), **ALL)
print(resident() - before)
"""


@pytest.mark.parametrize("warm_up, calls", [(500, 2000), pytest.param(3000, 10_000, marks=pytest.mark.slow)])
def test_thousands_of_calls(tiny, warm_up, calls):
    # Of 100 shapes: oneDNN keeps the kernels of the last 1024, some 40 MB, which would go on to fill up with more.
    assert int(run(CALLS.format(str(tiny), warm_up, calls))) < 8 * MEGABYTE


MANY = """
import threading, time, bgem3
from test_memory import resident
model = bgem3.BGEM3FlagModel({!r}, devices="cpu", show_progress_bar=False)
texts = [f"text number {{i}}" for i in range({})]
model.encode(texts[:20_000])
before, peak, done = resident(), 0, threading.Event()
def watch():
    global peak
    while not done.wait(0.05): peak = max(peak, resident())
thread = threading.Thread(target=watch)
thread.start()
vectors = model.encode(texts)["dense_vecs"]
done.set()
thread.join()
assert vectors.shape == (len(texts), 64)
print(peak - before - vectors.nbytes)
"""


@pytest.mark.parametrize("count", [100_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_many_texts(tiny, count):
    assert int(run(MANY.format(str(tiny), count))) < count * MEGABYTE / 5_000
