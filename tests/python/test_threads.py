"""The GIL, many threads on one model, Ctrl-C."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import bgem3
import numpy as np
import pytest
from interruption import interrupt

LONG = ["many words in a long text " * 300 + str(i) for i in range(40)]
SHORT = [f"text number {i}" + " and more of it" * (i % 7) for i in range(64)]
ALL = {"return_dense": True, "return_sparse": True, "return_colbert_vecs": True}


@pytest.fixture(scope="module")
def model(tiny) -> bgem3.BGEM3FlagModel:
    return bgem3.BGEM3FlagModel(str(tiny), devices="cpu")


# The GIL


def longest_pause(until: threading.Event) -> float:
    """The longest time that this thread did not get to run, in seconds."""
    longest, last = 0.0, time.perf_counter()
    while not until.is_set():
        time.sleep(0.001)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return longest


def test_other_threads_run_while_one_encodes(model):
    done = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pause = pool.submit(longest_pause, done)
        started = time.perf_counter()
        model.encode(LONG, max_length=2048)
        duration = time.perf_counter() - started
        done.set()
    assert pause.result() < duration / 3


@pytest.mark.parametrize("threads", [2, 16])
def test_threads_share_a_model(model, threads):
    expected = model.encode(SHORT, **ALL)

    def encode_part(k: int) -> None:
        for begin in range(k % 4, len(SHORT), 4):
            part = slice(begin, begin + 4)
            found = model.encode(SHORT[part], **ALL)
            assert np.abs(found["dense_vecs"] - expected["dense_vecs"][part]).max() < 1e-5
            assert [w.keys() for w in found["lexical_weights"]] == [w.keys() for w in expected["lexical_weights"][part]]
            for ours, theirs in zip(found["colbert_vecs"], expected["colbert_vecs"][part]):
                assert np.abs(ours - theirs).max() < 1e-5

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(encode_part, range(threads)))


def test_threads_load_at_once(tiny):
    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(lambda _: bgem3.BGEM3FlagModel(str(tiny), devices="cpu"), range(4)))
    vectors = [m.encode("text")["dense_vecs"] for m in models]
    assert all((vector == vectors[0]).all() for vector in vectors)


def test_devices_of_one_process(model, tiny):
    twice = bgem3.BGEM3FlagModel(str(tiny), devices=["cpu", "cpu"])
    assert np.abs(twice.encode(SHORT)["dense_vecs"] - model.encode(SHORT)["dense_vecs"]).max() < 1e-5


# Ctrl-C


def seconds_to_interrupt(directory, call: str, devices="cpu", after: float = 0.7) -> float:
    model = f"bgem3.BGEM3FlagModel({str(directory)!r}, devices={devices!r})"
    return interrupt(model, call, "model.encode('after')['dense_vecs']", after)[0]


@pytest.mark.parametrize("devices", ["cpu", ["cpu", "cpu"]])
@pytest.mark.parametrize(
    "call",
    [
        "model.encode(['word ' * 8000 + str(i) for i in range(200)], max_length=8192)",
        "model.encode([str(i) for i in range(1_000_000)])",
        "model.compute_score([('a query', 'word ' * 500 + str(i)) for i in range(20_000)])",
    ],
    ids=["long texts", "many texts", "scores"],
)
def test_ctrl_c(tiny, devices, call):
    assert seconds_to_interrupt(tiny, call, devices) < 1


def test_ctrl_c_within_a_long_text_of_a_large_model(large):
    call = "model.encode(['word ' * 8000 + str(i) for i in range(4)], max_length=8192)"
    assert seconds_to_interrupt(large, call, after=3) < 1


def test_ctrl_c_while_reranking(tiny_reranker):
    model = f"bgem3.FlagReranker({str(tiny_reranker)!r}, devices='cpu')"
    call = "model.compute_score([('word ' * 100, 'word ' * 300 + str(i)) for i in range(20000)])"
    assert interrupt(model, call, "model.compute_score(('a', 'b'))", after=0.7)[0] < 1
