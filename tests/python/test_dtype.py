"""bfloat16 and int8: what is refused, what comes out, and how near it is to float32.

No reference computes in int8 as bgem3 does; float32, which other tests hold against FlagEmbedding, is the measure.
"""

import json
import pathlib

import bgem3
import numpy as np
import pytest
from bgem3 import _core
from prepared import model_directory

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"
DTYPES = ["bfloat16", "int8"]
COSINE_MIN = {"bfloat16": 0.9995, "int8": 0.99}


def needs(dtype: str) -> None:
    if not _core.processor_has(dtype):
        pytest.skip(f"this processor cannot compute in {dtype}")


def sentences() -> list[str]:
    by_language = json.loads((DATA / "translations.json").read_text("utf-8"))
    return [sentence for language in by_language.values() for sentence in language]


def english_lines() -> list[str]:
    golden = map(json.loads, (DATA / "tokenizer_golden.jsonl").read_text("utf-8").splitlines())
    return [each["text"] for each in golden if each["class"] == "English novel lines"]


def vectors(directory, dtype: str, texts: list[str]) -> np.ndarray:
    with bgem3.EmbeddingModel(directory, device="cpu", dtype=dtype) as model:
        model.max_seq_length = min(model.max_seq_length, 512)
        return model.encode(texts)


def nearest(dense: np.ndarray, count: int = 10) -> list[set[int]]:
    similarity = dense @ dense.T
    np.fill_diagonal(similarity, -1)
    return [set(np.argsort(-row)[:count].tolist()) for row in similarity]


@pytest.mark.parametrize(
    "model, dtype, cosine_min, overlap_min",
    [
        ("e5-small", "bfloat16", 0.9995, 0.98),
        ("e5-small", "int8", 0.99, 0.95),
        ("minilm", "bfloat16", 0.9995, 0.98),
        ("minilm", "int8", 0.985, 0.92),
    ],
)
def test_quality_on_real_weights(model, dtype, cosine_min, overlap_min, record_property):
    needs(dtype)
    directory, texts = model_directory(model), english_lines() if model == "minilm" else sentences()
    exact, found = vectors(directory, "float32", texts), vectors(directory, dtype, texts)
    cosine = float((exact * found).sum(axis=1).min())
    overlap = float(np.mean([len(a & b) / len(a) for a, b in zip(nearest(exact), nearest(found))]))
    record_property("cosine", cosine)
    record_property("overlap", overlap)
    print(f"{dtype}: lowest cosine {cosine:.6f}, overlap of the ten nearest {overlap:.4f}")
    assert cosine >= cosine_min
    assert overlap >= overlap_min


@pytest.mark.parametrize("dtype", DTYPES)
def test_quality_at_full_width(large, dtype, record_property):
    """Random weights: every direction matters as much as any other, which real weights are kinder about."""
    needs(dtype)
    exact, found = (vectors(large, each, sentences()[:36] + ["word " * 600]) for each in ("float32", dtype))
    cosine = float((exact * found).sum(axis=1).min())
    record_property("cosine", cosine)
    print(f"{dtype}: lowest cosine {cosine:.6f}")
    assert cosine >= COSINE_MIN[dtype]


@pytest.mark.parametrize("dtype", DTYPES)
def test_all_kinds_are_float32_and_near(nano, dtype):
    needs(dtype)
    texts = ["", "a", *sentences()[:20], "many words " * 300]
    kinds = {"return_dense": True, "return_sparse": True, "return_colbert_vecs": True}
    exact = bgem3.BGEM3FlagModel(str(nano), devices="cpu").encode(texts, max_length=1024, **kinds)
    model = bgem3.BGEM3FlagModel(str(nano), devices="cpu", dtype=dtype)
    found = model.encode(texts, max_length=1024, **kinds)
    assert model.info["dtype"] == dtype
    assert found["dense_vecs"].dtype == np.float32
    assert (found["dense_vecs"] * exact["dense_vecs"]).sum(axis=1).min() > COSINE_MIN[dtype] - 0.01
    for ours, theirs in zip(found["colbert_vecs"], exact["colbert_vecs"]):
        assert ours.dtype == np.float32 and ours.shape == theirs.shape
        assert (ours * theirs).sum(axis=1).min(initial=1) > COSINE_MIN[dtype] - 0.02
    for ours, theirs in zip(found["lexical_weights"], exact["lexical_weights"]):
        both = ours.keys() | theirs.keys()
        assert all(abs(ours.get(token, 0) - theirs.get(token, 0)) < 0.1 for token in both)


@pytest.mark.parametrize("dtype", DTYPES)
def test_result_does_not_depend_on_the_batch(nano, dtype):
    """A row's scale is its own, so neighbours change nothing but the order of sums."""
    needs(dtype)
    model = bgem3.BGEM3FlagModel(str(nano), devices="cpu", dtype=dtype)
    texts = [f"{sentence} " * (1 + i % 9) for i, sentence in enumerate(sentences()[:30])]
    alone = np.stack([model.encode(text)["dense_vecs"] for text in texts])
    assert (alone * model.encode(texts, batch_size=30)["dense_vecs"]).sum(axis=1).min() > 0.9999


@pytest.mark.parametrize("dtype", DTYPES)
def test_reranker(nano_reranker, dtype):
    needs(dtype)
    pairs = [("a query", sentence) for sentence in sentences()[:10]]
    exact = bgem3.FlagReranker(str(nano_reranker), devices="cpu").compute_score(pairs)
    found = bgem3.FlagReranker(str(nano_reranker), devices="cpu", dtype=dtype).compute_score(pairs)
    assert np.corrcoef(found, exact)[0, 1] > 0.98  # of logits of random weights, which lie close together


def test_flags_are_wishes(nano):
    wanted = "bfloat16" if _core.processor_has("bfloat16") else "float32"
    assert bgem3.BGEM3FlagModel(str(nano), devices="cpu", use_bf16=True).info["dtype"] == wanted
    assert bgem3.BGEM3FlagModel(str(nano), devices="cpu", use_fp16=True).info["dtype"] == "float32"
    assert bgem3.BGEM3FlagModel(str(nano), devices="cpu", use_bf16=True, dtype="float32").info["dtype"] == "float32"


@pytest.mark.parametrize(
    "dtype, message",
    [
        ("float16", "dtype float16 is for CUDA; on the CPU use float32"),
        ("float8", "dtype float8 is for CUDA; on the CPU use float32"),
        ("int3", "dtype should be one of auto, float32, float16, bfloat16, int8, float8, float8_fast, found 'int3'"),
    ],
)
def test_refused(nano, dtype, message):
    for load in (bgem3.BGEM3FlagModel, bgem3.EmbeddingModel):
        with pytest.raises(ValueError, match=message):
            load(str(nano), dtype=dtype)
