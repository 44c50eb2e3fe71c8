"""Copies of models: in this process they share the weights, in another one they map them again."""

import copy
import gc
import multiprocessing
import os
import pickle
import subprocess
import sys
import weakref
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import bgem3
import joblib
import numpy as np
import pytest

TEXTS = ["a text", "another, which is longer"]
PAIRS = [("a query", text) for text in TEXTS]
CALLS = {
    "BGEM3FlagModel": ("encode", TEXTS),
    "FlagModel": ("encode", TEXTS),
    "EmbeddingModel": ("encode", TEXTS),
    "FlagReranker": ("compute_score", PAIRS),
    "BatchingEmbedder": ("encode", TEXTS),
    "BatchingReranker": ("score", PAIRS),
    "Tokenizer": ("__call__", TEXTS),
    "CrossEncoder": ("predict", PAIRS),
    "SparseEncoder": ("encode", TEXTS),
    "MultiVectorEncoder": ("encode", TEXTS),
}


def open_model(name: str, nano: Path, nano_reranker: Path, **options: Any) -> Any:
    directory = nano_reranker if CALLS[name][1] is PAIRS else nano
    kind = getattr(bgem3, name)
    return kind.from_pretrained(directory) if name == "Tokenizer" else kind(directory, **options)


def call(model: Any) -> Any:
    method, argument = CALLS[type(model).__name__]
    found = getattr(model, method)(argument)
    return found["dense_vecs"] if isinstance(model, bgem3.BGEM3FlagModel) else found


def plain(found: Any) -> Any:
    """As lists, which pickle and compare."""
    if isinstance(found, dict):
        return {name: plain(value) for name, value in found.items()}
    if hasattr(found, "to_dense"):
        found = found.to_dense()
    if isinstance(found, list):
        return [plain(item) for item in found]
    return found.tolist() if hasattr(found, "tolist") else found


def call_plain(model: Any) -> Any:
    return plain(call(model))


def test_every_public_class_is_here():
    classes = {name for name in bgem3.__all__ if isinstance(getattr(bgem3, name), type)}
    no_models = {name for name in classes if issubclass(getattr(bgem3, name), Exception)}
    assert classes - no_models - {"FlagAutoModel", "FlagAutoReranker"} == CALLS.keys()


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_here_computes_the_same(nano, nano_reranker, name, make):
    model = open_model(name, nano, nano_reranker)
    twin = make(model)
    assert type(twin) is type(model)
    assert call_plain(twin) == call_plain(model)
    engine = "_model" if name.startswith("Batching") else "_core" if name == "Tokenizer" else "_engine"
    assert getattr(twin, engine) is getattr(model, engine)  # and no weights are in memory twice
    if hasattr(model, "close"):
        model.close()
        assert call_plain(twin)  # on its own


@pytest.fixture(scope="module")
def spawned() -> Any:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize("name", CALLS)
def test_a_spawned_process_computes_the_same(nano, nano_reranker, name, spawned):
    model = open_model(name, nano, nano_reranker)
    pickled = pickle.dumps(model)
    assert len(pickled) < 8000  # no weights, no vocabulary
    assert spawned.submit(call_plain, model).result(60) == call_plain(model)


def settings(model: Any) -> dict[str, Any]:
    info = model.info
    return {name: info[name] for name in ("dtype", "threads", "pooling", "device")} | {"size": call(model).shape}


def test_options_and_what_was_set_later_go_along(nano, spawned):
    model = bgem3.EmbeddingModel(nano, threads=1, truncate_dim=4, prompts={"mine": "my prompt: "}, copy=True)
    model.max_seq_length = 5
    model.default_prompt_name = "mine"
    assert spawned.submit(settings, model).result(60) == settings(model)
    assert spawned.submit(call_plain, model).result(60) == call_plain(model)


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy])
def test_what_is_set_later_is_set_for_one(nano, make):
    model = bgem3.EmbeddingModel(nano)
    twin = make(model)
    before, twin.max_seq_length = model.max_seq_length, 5
    assert (model.max_seq_length, twin.tokenizer.model_max_length) == (before, 5)
    twin.prompts["query"] = "another: "
    twin.info["dense_size"] = 4
    assert model.prompts["query"] == "" and model.get_embedding_dimension() > 4


def loads_of(pickled: bytes, times: int) -> list[int]:
    """How many models each reading loads; nothing of it is kept."""
    from bgem3 import _core

    loads: list[int] = []
    for kind in (_core.Embedder, _core.Reranker):
        kind.load = staticmethod(lambda *a, load=kind.load, **o: loads.append(1) or load(*a, **o))  # type: ignore
    counts = []
    for _ in range(times):
        before = len(loads)
        pickle.loads(pickled)
        counts.append(len(loads) - before)
    return counts


def test_a_worker_loads_the_models_of_many_tasks_once(nano, nano_reranker):
    models = bgem3.FlagModel(nano), bgem3.FlagReranker(nano_reranker), bgem3.EmbeddingModel(nano)
    opened_again = bgem3.FlagModel(nano)  # by files that may be others by now
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(loads_of, pickle.dumps(models), 3).result(60) == [3, 0, 0]
        assert pool.submit(loads_of, pickle.dumps(opened_again), 2).result(60) == [1, 0]
        five = pickle.dumps([bgem3.FlagModel(nano) for _ in range(5)])
        assert pool.submit(loads_of, five, 2).result(60) == [5, 5]  # four are kept


def kept_after_close(pickled: bytes) -> bool:
    model = pickle.loads(pickled)
    engine = weakref.ref(model._engine)
    model.close()
    gc.collect()
    return engine() is not None


def test_closing_releases_what_was_unpickled(nano, spawned):
    pickled = pickle.dumps(bgem3.EmbeddingModel(nano))
    assert not spawned.submit(kept_after_close, pickled).result(60)
    model = bgem3.EmbeddingModel(nano)
    engine, twin = weakref.ref(model._engine), pickle.loads(pickle.dumps(model))
    model.close()
    assert engine() is not None and len(twin.encode("a text"))
    twin.close()
    gc.collect()
    assert engine() is None


def test_a_relative_path_is_found_from_another_directory(nano, tmp_path, monkeypatch):
    monkeypatch.chdir(nano.parent)
    (tmp_path / "model").write_bytes(pickle.dumps(bgem3.FlagModel(nano.name)))
    program = "import pickle; print(pickle.load(open('model', 'rb')).encode('a text').shape)"
    ran = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("(")


def test_a_model_that_is_gone_is_named(nano, tmp_path):
    (tmp_path / "link").symlink_to(nano)
    pickled = pickle.dumps(bgem3.FlagModel(tmp_path / "link"))
    os.unlink(tmp_path / "link")
    program = f"import pickle; pickle.loads({pickled!r})"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 1 and f"{tmp_path}/link" in ran.stderr.splitlines()[-1]


def test_joblib(nano):
    model = bgem3.FlagModel(nano)
    found = joblib.Parallel(n_jobs=2)(joblib.delayed(model.encode)([text]) for text in TEXTS * 2)
    np.testing.assert_array_equal(np.concatenate(found), model.encode(TEXTS * 2))


def test_a_closed_model_stays_closed(nano):
    model = bgem3.BGEM3FlagModel(nano)
    model.close()
    with pytest.raises(RuntimeError, match="was closed"):
        pickle.loads(pickle.dumps(model)).encode("a text")
