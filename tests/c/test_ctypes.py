"""The C interface through ctypes: what a language gets from it that calls C, against what the command writes."""

import contextlib
import ctypes
import os
import pathlib
import re
import shutil
from ctypes import byref, c_char_p, c_float, c_int32, c_size_t, c_void_p

import interface
import numpy as np
import pytest
from command import as_jsonl
from header import declared_functions
from interface import EncodeOptions, LoadOptions, ProgressCallback, RerankOptions, TokenWeight
from prepared import ROOT
from sample_texts import TEXTS


def succeed(c, status):
    assert status == interface.OK, f"{c.bgem3_status_name(status)}: {c.bgem3_last_error()}"


def as_c(texts):
    """The arrays of texts and lengths."""
    data = [text.encode() for text in texts]
    return (c_char_p * len(data))(*data), (c_size_t * len(data))(*map(len, data))


def load_options(c, **changes):
    options = LoadOptions()
    succeed(c, c.bgem3_load_options_init(byref(options), ctypes.sizeof(options)))
    for name, value in changes.items():
        setattr(options, name, value)
    return options


def encode_options(c, **changes):
    options = EncodeOptions()
    succeed(c, c.bgem3_encode_options_init(byref(options), ctypes.sizeof(options)))
    for name, value in changes.items():
        setattr(options, name, value)
    return options


@contextlib.contextmanager
def loaded(c, directory, options=None):
    embedder = c_void_p()
    succeed(c, c.bgem3_embedder_load(str(directory).encode(), options, byref(embedder)))
    yield embedder
    c.bgem3_embedder_free(embedder)


@contextlib.contextmanager
def encoded(c, embedder, texts, **changes):
    embeddings = c_void_p()
    options = encode_options(c, **changes)
    succeed(c, c.bgem3_embedder_encode(embedder, *as_c(texts), len(texts), byref(options), byref(embeddings)))
    yield embeddings
    c.bgem3_embeddings_free(embeddings)


@pytest.fixture(scope="module")
def embedder(c, nano):
    with loaded(c, nano) as handle:
        yield handle


@pytest.fixture(scope="module")
def embeddings(c, embedder):
    """Of TEXTS, all three kinds."""
    with encoded(c, embedder, TEXTS, sparse=1, colbert=1) as handle:
        yield handle


@pytest.fixture(scope="module")
def records(bgem3):
    """What the command writes for the same."""
    stdin = as_jsonl({"text": text} for text in TEXTS)
    return bgem3("encode", "--input-format", "jsonl", "--dense", "--sparse", "--colbert", stdin=stdin).records


def dense_of(c, embeddings):
    values, dimension = ctypes.POINTER(c_float)(), c_size_t()
    succeed(c, c.bgem3_embeddings_dense(embeddings, byref(values), byref(dimension)))
    return np.ctypeslib.as_array(values, (c.bgem3_embeddings_count(embeddings), dimension.value)).copy()


def test_dense(c, embeddings, records):
    expected = np.array([record["dense"] for record in records], np.float32)
    found = dense_of(c, embeddings)
    assert found.shape == expected.shape
    assert np.allclose(found, expected, rtol=0, atol=1e-6)


def test_sparse(c, embeddings, records):
    assert any(record["sparse"] for record in records)
    for i, record in enumerate(records):
        weights, count = ctypes.POINTER(TokenWeight)(), c_size_t()
        succeed(c, c.bgem3_embeddings_sparse(embeddings, i, byref(weights), byref(count)))
        found = {str(weights[k].id): weights[k].weight for k in range(count.value)}
        assert found == pytest.approx(record["sparse"], rel=1e-5)


def test_colbert(c, embeddings, records):
    for i, record in enumerate(records):
        values, rows, dimension = ctypes.POINTER(c_float)(), c_size_t(), c_size_t()
        succeed(c, c.bgem3_embeddings_colbert(embeddings, i, byref(values), byref(rows), byref(dimension)))
        expected = np.array(record["colbert"], np.float32)
        assert (rows.value, dimension.value) == expected.shape
        assert np.allclose(np.ctypeslib.as_array(values, expected.shape), expected, rtol=0, atol=1e-6)


def test_encode_into(c, embedder, embeddings):
    expected = dense_of(c, embeddings)
    out = np.empty_like(expected)
    buffer = out.ctypes.data_as(ctypes.POINTER(c_float))
    succeed(c, c.bgem3_embedder_encode_into(embedder, *as_c(TEXTS), len(TEXTS), None, buffer, out.size))
    assert np.allclose(out, expected, rtol=0, atol=1e-6)
    too_few = c.bgem3_embedder_encode_into(embedder, *as_c(TEXTS), len(TEXTS), None, buffer, out.size - 1)
    assert too_few == interface.INVALID_ARGUMENT
    assert f"{len(TEXTS)} x {out.shape[1]} floats, found {out.size - 1}" in c.bgem3_last_error().decode()


def test_tokenize(c, embedder, embeddings, bgem3):
    stdin = as_jsonl({"text": text} for text in TEXTS)
    lines = bgem3("tokenize", "--input-format", "jsonl", stdin=stdin).lines
    for i, (text, line) in enumerate(zip(TEXTS, lines, strict=True)):
        data, ids, count = text.encode(), (c_int32 * 1024)(), c_size_t()
        succeed(c, c.bgem3_embedder_tokenize(embedder, data, len(data), 0, ids, len(ids), byref(count)))
        assert ids[: count.value] == list(map(int, line.split()))
        assert c.bgem3_embeddings_token_count(embeddings, i) == count.value


def test_info(c, embedder, records):
    assert c.bgem3_embedder_dimension(embedder) == len(records[0]["dense"])
    assert c.bgem3_embedder_colbert_dimension(embedder) == len(records[0]["colbert"][0])
    assert c.bgem3_embedder_has_sparse(embedder) and c.bgem3_embedder_has_colbert(embedder)
    assert c.bgem3_embedder_max_length(embedder) > 100
    assert (c.bgem3_embedder_dtype(embedder), c.bgem3_embedder_device(embedder)) == (b"float32", b"cpu")
    assert re.search(rf'VERSION_STRING "{c.bgem3_version().decode()}"', (ROOT / "include/bgem3/version.h").read_text())


def test_a_model_without_heads(c, nano, tmp_path):
    for file in nano.iterdir():
        if file.name not in ("sparse_linear.pt", "colbert_linear.pt"):
            (tmp_path / file.name).symlink_to(file)
    with loaded(c, tmp_path, load_options(c, prepack=0)) as embedder:
        assert not c.bgem3_embedder_has_sparse(embedder) and not c.bgem3_embedder_has_colbert(embedder)
        assert c.bgem3_embedder_colbert_dimension(embedder) == 0
        out, options = c_void_p(), encode_options(c, sparse=1)
        status = c.bgem3_embedder_encode(embedder, *as_c(["a"]), 1, byref(options), byref(out))
        assert (status, out.value) == (interface.INVALID_ARGUMENT, None)
        assert b"sparse_linear.pt" in c.bgem3_last_error()


def test_load_tells_what_is_wrong(c, tmp_path):
    embedder = c_void_p(1)
    status = c.bgem3_embedder_load(str(tmp_path).encode(), None, byref(embedder))
    assert (c.bgem3_status_name(status), embedder.value) == (b"bad_model", None)
    assert str(tmp_path) in c.bgem3_last_error().decode()


def test_progress_can_stop(c, embedder):
    seen = []

    @ProgressCallback
    def on_progress(progress, user_data):
        seen.append((progress.contents.texts_done, progress.contents.texts_total, user_data))
        return len(seen) < 2

    out = c_void_p()
    options = encode_options(c, on_progress=on_progress, user_data=1234)
    status = c.bgem3_embedder_encode(embedder, *as_c(TEXTS), len(TEXTS), byref(options), byref(out))
    assert (status, out.value) == (interface.CANCELLED, None)
    assert seen == [(0, len(TEXTS), 1234)] * 2


def test_reranker(c, nano_reranker):
    queries, passages = ["how to bake bread", "how to bake bread"], ["Knead the dough.", "Raise the rates."]
    reranker, options, scores = c_void_p(), RerankOptions(), (c_float * 2)()
    succeed(c, c.bgem3_reranker_load(str(nano_reranker).encode(), None, byref(reranker)))
    succeed(c, c.bgem3_rerank_options_init(byref(options), ctypes.sizeof(options)))
    succeed(c, c.bgem3_reranker_score(reranker, *as_c(queries), *as_c(passages), 2, byref(options), scores))
    for i in range(2):
        alone, pair = (c_float * 1)(), (*as_c(queries[i : i + 1]), *as_c(passages[i : i + 1]))
        succeed(c, c.bgem3_reranker_score(reranker, *pair, 1, None, alone))
        assert alone[0] == pytest.approx(scores[i], abs=1e-5)
    assert abs(scores[0] - scores[1]) > 1e-4
    c.bgem3_reranker_free(reranker)


def test_every_function_is_called_here():
    called = re.findall(r"\bc\.(bgem3_\w+)\(", pathlib.Path(__file__).read_text())
    assert declared_functions() == set(called) == set(interface.FUNCTIONS)


@pytest.mark.parametrize("copy", [0, 1])
def test_weights_that_are_cut_have_a_status_of_their_own_and_a_copy_goes_on(c, nano, tmp_path, copy):
    own = pathlib.Path(shutil.copytree(nano, tmp_path / "model", copy_function=shutil.copyfile))
    levels = []
    on_log = interface.LogCallback(lambda level, *_: levels.append(level))
    with loaded(c, own, byref(load_options(c, copy=copy, on_log=on_log))) as embedder:
        os.truncate(own / "model.safetensors", 1000)
        out = c_void_p()
        status = c.bgem3_embedder_encode(embedder, *as_c(["a"]), 1, None, byref(out))
        if copy:
            assert (status, levels) == (interface.OK, [0])
            c.bgem3_embeddings_free(out)
        else:
            assert (c.bgem3_status_name(status), status, out.value) == (b"model_changed", interface.MODEL_CHANGED, None)
            assert b"model.safetensors" in c.bgem3_last_error()
            assert levels == [0, 2]
