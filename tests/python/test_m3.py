"""BGEM3FlagModel against FlagEmbedding's, call by call."""

import itertools
import random

import bgem3
import FlagEmbedding
import numpy as np
import pytest
import torch
from bgem3._model import devices as _devices
from pair import DENSE_TOLERANCE, Pair, same_array, same_vectors
from texts import golden_texts

TEXTS = [
    "What is BGE M3?",
    "BGE M3 ist ein Modell für Einbettungen, das viele Sprachen kennt und lange Texte liest.",
    "東京は日本の首都です。",
    "",
    "مرحبا بالعالم",
    "a " * 300,
    "the the the <mask> the",
]
ALL = {"return_dense": True, "return_sparse": True, "return_colbert_vecs": True}


@pytest.fixture(scope="module")
def pair(tiny) -> Pair:
    return Pair.load(tiny)


# Inputs


@pytest.mark.parametrize("text", [*TEXTS, " ", "\n\n", "\0", "<s></s><pad>", "e\u0301 ﾊﾟ 👩‍👩‍👧 \u200b", "x" * 5000])
@pytest.mark.parametrize("form", ["str", "list"])
def test_one_text(pair, text, form):
    pair.compare("encode", text if form == "str" else [text], **ALL)


@pytest.mark.parametrize(
    "tokens", [1, 2, 3, 4, 5, 8, 16, 31, 64, 127, 128, 129, 255, 256, 257, 511, 512, 513, 1000, 2048, 8192]
)
def test_length(pair, tokens):
    text = "word " * (tokens - 2)
    found = pair.compare("encode", text, max_length=8192, return_dense=True)
    assert found["dense_vecs"].shape == (64,)


def test_text_beyond_the_limit(pair):
    pair.compare("encode", ["word " * 9000], max_length=8192)


@pytest.mark.parametrize("seed", range(10))
def test_many_texts(pair, seed):
    texts = random.Random(seed).sample(golden_texts(), 40)
    pair.compare("encode", texts, batch_size=12, **ALL)


@pytest.mark.parametrize("form", [tuple, np.array], ids=["tuple", "array"])
def test_other_sequences(pair, form):
    texts = [text for text in TEXTS if text]
    same_vectors(pair.ours.encode(form(texts), **ALL), pair.theirs.encode(texts, **ALL))


def test_order_is_kept(pair):
    texts = [f"{'word ' * (i * 7 % 40)}{i}" for i in range(60)]
    pair.compare("encode", texts, batch_size=7, **ALL)


def test_equal_texts_have_equal_vectors(pair):
    dense = pair.compare("encode", ["same", "other and longer", "same"])["dense_vecs"]
    assert np.abs(dense[0] - dense[2]).max() <= 1e-6


# Options


@pytest.mark.parametrize("flags", [f for f in itertools.product([True, False], repeat=3) if any(f)])
@pytest.mark.parametrize("texts", [TEXTS, TEXTS[0]], ids=["list", "str"])
def test_kinds(pair, flags, texts):
    found = pair.compare("encode", texts, **dict(zip(ALL, flags)))
    assert [found[kind] is not None for kind in ("dense_vecs", "lexical_weights", "colbert_vecs")] == list(flags)


def test_no_kind_is_an_error(pair):
    nothing = dict.fromkeys(ALL, False)
    with pytest.raises(AssertionError):
        pair.theirs.encode("a", **nothing)
    with pytest.raises(ValueError, match="nothing to compute"):
        pair.ours.encode("a", **nothing)


@pytest.mark.parametrize("max_length", [2, 3, 4, 7, 16, 100, 512])
@pytest.mark.parametrize("batch_size", [1, 2, 5, 100])
def test_max_length_and_batch_size(pair, max_length, batch_size):
    pair.compare("encode", TEXTS, max_length=max_length, batch_size=batch_size, **ALL)


@pytest.mark.parametrize("method", ["encode", "encode_queries", "encode_corpus", "encode_single_device"])
@pytest.mark.parametrize("texts", [TEXTS, TEXTS[1]], ids=["list", "str"])
def test_methods(pair, method, texts):
    pair.compare(method, texts, **ALL)
    pair.compare(method, texts, batch_size=3, max_length=9)


CONSTRUCTORS = {
    "sparse by default": {"return_dense": False, "return_sparse": True},
    "all by default": ALL,
    "not normalised": {"normalize_embeddings": False, **ALL},
    "mean pooling": {"pooling_method": "mean", **ALL},
    "truncated": {"truncate_dim": 16, **ALL},
    "truncated, not normalised": {"truncate_dim": 16, "normalize_embeddings": False, **ALL},
    "lengths": {"query_max_length": 5, "passage_max_length": 9, "batch_size": 2, **ALL},
    "query instruction": {"query_instruction_for_retrieval": "Represent this: "},
    "formats": {"query_instruction_for_retrieval": "Find.", "query_instruction_format": "<{}>\\nQuery: {}"},
    "passage instruction": {
        "passage_instruction_for_retrieval": "Passage",
        "passage_instruction_format": "{}: {}",
        **ALL,
    },
    "devices": {"devices": ["cpu"]},
    "bfloat16 asked for": {"use_fp16": False, "use_bf16": False},
}


@pytest.mark.parametrize("arguments", CONSTRUCTORS.values(), ids=CONSTRUCTORS.keys())
def test_constructor(tiny, arguments):
    pair = Pair.load(tiny, **arguments)
    for method in ("encode", "encode_queries", "encode_corpus", "encode_single_device"):
        pair.compare(method, TEXTS)
        pair.compare(method, TEXTS[0])


def test_calls_override_the_constructor(tiny):
    pair = Pair.load(tiny, return_dense=False, return_sparse=True, passage_max_length=4)
    pair.compare("encode", TEXTS, return_dense=True, return_sparse=False, max_length=20)


@pytest.mark.parametrize("instruction", ["Represent this sentence:", ""])
def test_instruction_of_a_call(pair, instruction):
    pair.compare("encode", TEXTS, instruction=instruction, instruction_format="{} {}")


def test_half_precision_on_the_cpu_is_exact(tiny):
    """FlagEmbedding rounds the weights to fp16 before it computes in fp32; here they stay as they are."""
    ours = bgem3.BGEM3FlagModel(str(tiny), use_fp16=True, devices="cpu")
    exact = FlagEmbedding.BGEM3FlagModel(str(tiny), use_fp16=False, devices="cpu")
    same_vectors(ours.encode(TEXTS, **ALL), exact.encode(TEXTS, **ALL))


def test_several_devices_in_one_process(pair, tiny):
    several = bgem3.BGEM3FlagModel(str(tiny), devices=["cpu", "cpu"])
    assert several.target_devices == ["cpu", "cpu"]
    texts = golden_texts()[:50]
    same_vectors(several.encode(texts, **ALL), pair.theirs.encode(texts, **ALL))
    same_vectors(several.encode(texts[:1], **ALL), pair.theirs.encode(texts[:1], **ALL))


@pytest.mark.parametrize("devices", ["cpu", ["cpu"], None, 0, [0, 1], ["cuda:1"], "cuda:0"])
def test_names_of_devices(devices):
    ours, theirs = (m.BGEM3FlagModel.get_target_devices(devices) for m in (bgem3, FlagEmbedding))
    assert ours == theirs


def test_all_gpus_are_used(monkeypatch):
    monkeypatch.setattr(_devices, "gpus_of_driver", lambda: 2)
    monkeypatch.setattr(_devices._core, "cuda_devices", lambda: [("L4", 89), ("T4", 75)])
    assert bgem3.BGEM3FlagModel.get_target_devices(None) == ["cuda:0", "cuda:1"]
    assert _devices.default_device() == "cuda:0"
    assert _devices.target_devices(None, "int8") == ["cpu"]


def test_gpus_that_are_too_old_are_not_used(monkeypatch):
    monkeypatch.setattr(_devices, "gpus_of_driver", lambda: 2)
    monkeypatch.setattr(_devices._core, "cuda_devices", lambda: [("P100", 60), ("T4", 75)])
    with pytest.warns(RuntimeWarning, match="P100 is not used"):
        assert _devices.usable_gpus() == ["cuda:1"]


def test_a_gpu_that_cannot_be_used_is_told(monkeypatch, tiny):
    monkeypatch.setattr(_devices, "gpus_of_driver", lambda: 1)
    with pytest.warns(RuntimeWarning, match="yet the CPU computes: CUDA cannot be used: "):
        model = bgem3.BGEM3FlagModel(str(tiny))
    assert model.target_devices == ["cpu"]


@pytest.mark.parametrize("devices", [3.5, {}, [None]])
def test_bad_devices(devices):
    for package in (bgem3, FlagEmbedding):
        with pytest.raises(ValueError, match="devices? should be"):
            package.BGEM3FlagModel.get_target_devices(devices)


# Differences on purpose


def test_empty_list(pair):
    with pytest.raises(Exception):  # noqa: B017 - what it raises depends on the versions below it
        pair.theirs.encode([])
    found = pair.ours.encode([], **ALL)
    assert found["dense_vecs"].shape == (0, 64) and found["lexical_weights"] == [] and found["colbert_vecs"] == []


def test_tensors_share_the_memory(pair):
    expected = pair.theirs.encode(TEXTS, **ALL)
    found = pair.ours.encode(TEXTS, convert_to_numpy=False, **ALL)
    assert isinstance(found["dense_vecs"], torch.Tensor)
    same_array(found["dense_vecs"].numpy(), expected["dense_vecs"])
    for ours, theirs in zip(found["colbert_vecs"], expected["colbert_vecs"]):
        same_array(ours.numpy(), theirs)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda model, _: model.encode("a", max_lenght=5), "max_lenght"),
        (lambda model, _: model.compute_score(("a", "b"), weights=[1, 1, 1]), "weights"),
        (lambda _, directory: bgem3.BGEM3FlagModel(str(directory), retrun_dense=True), "retrun_dense"),
    ],
)
def test_misspelt_arguments_are_errors(pair, tiny, call, name):
    with pytest.raises(TypeError, match=name):
        call(pair.ours, tiny)


@pytest.mark.parametrize("sentences", [7, None, b"bytes", [7], ["a", None], {"a": 1}])
def test_what_is_no_text_is_a_type_error(pair, sentences):
    with pytest.raises(TypeError, match="str"):
        pair.ours.encode(sentences)


@pytest.mark.parametrize("option", [{"batch_size": 0}, {"max_length": 0}, {"max_length": 1}, {"max_length": 9000}])
def test_sizes_out_of_range(pair, option):
    with pytest.raises(ValueError, match=next(iter(option))):
        pair.ours.encode("a", **option)


def test_lone_surrogates_count_as_replacement_characters(pair):
    expected = pair.ours.encode("a\ufffd\ufffd\ufffdb")["dense_vecs"]
    assert np.abs(pair.ours.encode("a\ud800b")["dense_vecs"] - expected).max() <= DENSE_TOLERANCE


def test_model_without_heads(e5_small):
    model = bgem3.BGEM3FlagModel(str(e5_small))
    with pytest.raises(ValueError, match="sparse_linear.pt"):
        model.encode("a", return_sparse=True)
    assert model.encode("a")["dense_vecs"].shape == (384,)


@pytest.mark.parametrize("pooling", ["last_token", "max", ""])
def test_unknown_pooling(tiny, pooling):
    with pytest.raises(ValueError, match="pooling_method"):
        bgem3.BGEM3FlagModel(str(tiny), pooling_method=pooling)


def test_colbert_dim(tiny):
    assert bgem3.BGEM3FlagModel(str(tiny), colbert_dim=64).info["colbert_dim"] == 64
    with pytest.raises(ValueError, match="colbert_dim should be 64"):
        bgem3.BGEM3FlagModel(str(tiny), colbert_dim=32)


def test_release_memory(tiny):
    model = bgem3.BGEM3FlagModel(str(tiny))
    before = model.encode("a")["dense_vecs"]
    model.release_memory()
    assert (model.encode("a")["dense_vecs"] == before).all()
    assert model.info["workspace_bytes_per_token"] > 0
    model.close()
    with pytest.raises(RuntimeError, match="closed"):
        model.release_memory()


def test_context_manager(tiny):
    with bgem3.BGEM3FlagModel(str(tiny)) as model:
        vectors = model.encode("a")["dense_vecs"]
        model.stop_self_pool()
        assert (model.encode("a")["dense_vecs"] == vectors).all()
    with pytest.raises(RuntimeError, match="closed"):
        model.encode("a")
    assert np.isfinite(vectors).all()
