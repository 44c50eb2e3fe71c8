"""MultiVectorEncoder: vectors against FlagEmbedding's, and shapes and scores against a MultiVectorEncoder of
sentence-transformers, which puts a head of its own on the same encoder."""

import copy
import inspect
import pickle
from typing import Any

import bgem3
import FlagEmbedding
import numpy as np
import pytest
import torch
from sentence_transformers import MultiVectorEncoder
from sentence_transformers.multi_vector_encoder.evaluation import MultiVectorInformationRetrievalEvaluator
from sentence_transformers.util import SimilarityFunction
from texts import golden_texts

TEXTS = ["how to bake bread", "bread is baked in an oven", "東京は日本の首都です。", "", "word " * 50]
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def ours(nano) -> bgem3.MultiVectorEncoder:
    return bgem3.MultiVectorEncoder(nano, device="cpu")


@pytest.fixture(scope="module")
def theirs(nano) -> MultiVectorEncoder:
    return MultiVectorEncoder(str(nano), device="cpu")


@pytest.fixture(scope="module")
def flag(nano) -> FlagEmbedding.BGEM3FlagModel:
    return FlagEmbedding.BGEM3FlagModel(str(nano), use_fp16=False, devices="cpu")


def expect_vectors(flag: Any, found: list[Any], texts: list[str], **options: Any) -> None:
    expected = flag.encode(texts, return_dense=False, return_colbert_vecs=True, **options)["colbert_vecs"]
    assert len(found) == len(expected)
    for mine, other in zip(found, expected):
        assert mine.shape == other.shape
        assert np.abs(np.asarray(mine) - other).max() <= TOLERANCE


# encode


def test_vectors(ours, flag):
    texts = [*TEXTS, *golden_texts()[::100]]
    expect_vectors(flag, ours.encode(texts), texts)
    expect_vectors(flag, ours.encode(texts, batch_size=3, convert_to_numpy=True, normalize_embeddings=True), texts)
    assert all(torch.allclose(each.norm(dim=1), torch.ones(len(each)), atol=1e-5) for each in ours.encode(TEXTS))


def test_max_seq_length(nano, flag):
    model = bgem3.MultiVectorEncoder(nano, device="cpu", processor_kwargs={"model_max_length": 16})
    expect_vectors(flag, model.encode(TEXTS), TEXTS, max_length=16)
    model.max_seq_length = 7
    expect_vectors(flag, model.encode(TEXTS), TEXTS, max_length=7)


def test_prompts(nano, flag):
    given = {"query": "Q: ", "corpus": "P: "}
    model = bgem3.MultiVectorEncoder(nano, device="cpu", prompts=given, default_prompt_name="corpus")
    del model.prompts["document"]
    for found, prompt in (
        (model.encode(TEXTS), "P: "),
        (model.encode_query(TEXTS), "Q: "),
        (model.encode_document(TEXTS), "P: "),
        (model.encode(TEXTS, "query"), "Q: "),
        (model.encode_query(TEXTS, None, "X: "), "X: "),
    ):
        expect_vectors(flag, found, [prompt + text for text in TEXTS])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"convert_to_numpy": True},
        {"task": "query", "chunk_size": 2, "show_progress_bar": False, "token_pooling": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("inputs", [TEXTS, TEXTS[:1], TEXTS[0], tuple(TEXTS), np.array(TEXTS), []], ids=type)
def test_types(ours, theirs, inputs, options):
    mine, other = (model.encode(inputs, **options) for model in (ours, theirs))
    assert type(mine) is type(other)
    for a, b in zip(mine, other, strict=True) if isinstance(other, list) else [(mine, other)]:
        assert type(a) is type(b) and a.dtype == b.dtype
        assert len(a) == len(b) - 1  # theirs has <s> as well
    if isinstance(other, torch.Tensor):
        assert not mine.requires_grad and mine.device == other.device


# Scores


def forms(vectors: list[torch.Tensor]) -> dict[str, Any]:
    padded = torch.nn.utils.rnn.pad_sequence(vectors, batch_first=True)
    arrays = [each.numpy() for each in vectors]
    return {"tensors": vectors, "arrays": arrays, "padded": padded, "padded array": padded.numpy(), "one": vectors[0]}


@pytest.mark.parametrize("name", ["maxsim", "meanmaxsim"])
@pytest.mark.parametrize("options", [{}, {"length_normalize": True}, {"chunk_elements": 1}, {"device": "cpu"}], ids=str)
def test_similarity(ours, theirs, name, options, monkeypatch):
    for model in (ours, theirs):
        monkeypatch.setattr(model, "similarity_fn_name", name)
    vectors = ours.encode(TEXTS)
    for first in forms(vectors).values():
        for second in forms(vectors).values():
            methods = ["similarity"]
            if (getattr(first, "ndim", 3) == 2) == (getattr(second, "ndim", 3) == 2):
                methods.append("similarity_pairwise")
            for method in methods:
                mine, other = (getattr(model, method)(first, second, **options) for model in (ours, theirs))
                assert (mine.dtype, mine.shape) == (other.dtype, other.shape)
                assert torch.allclose(mine, other, atol=TOLERANCE)


def test_similarity_of_flagembedding(nano, flag):
    model = bgem3.MultiVectorEncoder(nano, device="cpu", similarity_fn_name="meanmaxsim")
    found = model.similarity(model.encode_query(TEXTS[:2]), model.encode_document(TEXTS))
    vectors = flag.encode(TEXTS, return_dense=False, return_colbert_vecs=True)["colbert_vecs"]
    expected = [[float(flag.colbert_score(query, document)) for document in vectors] for query in vectors[:2]]
    assert np.abs(found.numpy() - np.array(expected)).max() <= TOLERANCE


def test_nothing_to_score(ours, theirs):
    vectors = ours.encode(TEXTS)
    none, width = torch.zeros(0, 64), vectors[0].shape[1]
    assert width == 64
    for first, second in (([], vectors), (vectors, []), ([none], vectors), (vectors, [none, vectors[0]]), ([], [])):
        mine, other = (model.similarity(first, second) for model in (ours, theirs))
        assert mine.shape == other.shape and torch.allclose(mine, other, atol=TOLERANCE)
    mine, other = (model.similarity_pairwise([none, vectors[0]], [vectors[0], none]) for model in (ours, theirs))
    assert torch.allclose(mine, other)


def test_half_is_scored(ours, theirs):
    halves = [each.half() for each in ours.encode(TEXTS[:2])]
    assert torch.allclose(ours.similarity(halves, halves), theirs.similarity(halves, halves), atol=2e-2)


def test_similarity_fn_name(ours, theirs):
    for value in ("meanmaxsim", SimilarityFunction.MAXSIM, None):
        ours.similarity_fn_name = theirs.similarity_fn_name = value
        assert ours.similarity_fn_name == theirs.similarity_fn_name


# What it is


def test_signatures():
    for name in ("encode", "similarity", "similarity_pairwise"):
        mine, other = (
            [each for each in inspect.signature(getattr(kind, name)).parameters if each not in ("kwargs", "task")]
            for kind in (bgem3.MultiVectorEncoder, MultiVectorEncoder)
        )
        assert mine[: len(other)] == other


def test_attributes(ours, theirs):
    assert ours.get_embedding_dimension() == 64
    for name in ("prompts", "max_seq_length", "device", "dtype"):
        assert getattr(ours, name) == getattr(theirs, name), name


def test_calls_that_programs_make(nano, ours):
    expected = ours.encode(TEXTS)
    with bgem3.MultiVectorEncoder(nano, device="cpu") as model:
        pool = model.start_multi_process_pool(["cpu", "cpu"])
        for found in (
            model.eval().to("cpu").encode(TEXTS, pool=pool),
            model.encode(TEXTS, device=["cpu", "cpu"]),
            pickle.loads(pickle.dumps(model)).encode(TEXTS),
            copy.deepcopy(model).encode(TEXTS),
        ):
            assert all(torch.allclose(a, b, atol=TOLERANCE) for a, b in zip(found, expected, strict=True))
    with pytest.raises(RuntimeError, match="closed"):
        model.encode(TEXTS)


def test_evaluator(ours):
    evaluator = MultiVectorInformationRetrievalEvaluator(
        {"q": "bread is baked in an oven"},
        {str(i): text for i, text in enumerate(TEXTS)},
        {"q": {"1"}},
        accuracy_at_k=[1],
        precision_recall_at_k=[1],
        mrr_at_k=[1],
        ndcg_at_k=[1],
        map_at_k=[1],
        write_csv=False,
    )
    assert ours.evaluate(evaluator)["maxsim_accuracy@1"] == 1.0


# What is refused


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda m: m.encode(5), TypeError, "inputs should be a str or a list of str"),
        (lambda m: m.encode(TEXTS, convert_to_tensor=True), ValueError, "convert_to_tensor .*convert_to_numpy"),
        (lambda m: m.encode(TEXTS, output_value=None), ValueError, "output_value .*None"),
        (lambda m: m.encode(TEXTS, output_value="sentence_embedding"), ValueError, "output_value"),
        (lambda m: m.encode(TEXTS, token_pooling=3), ValueError, "token_pooling"),
        (lambda m: m.encode(TEXTS, truncate_dim=3), TypeError, "'truncate_dim'"),
        (lambda m: m.encode(TEXTS, prompt_name="nope"), ValueError, "'nope'"),
        (lambda m: m.similarity("ab", "cd"), TypeError, "embeddings1"),
        (lambda m: m.similarity([torch.zeros(3)], [torch.zeros(2, 3)]), ValueError, r"embeddings1 .*\[3\]"),
        (lambda m: m.similarity(torch.zeros(3), torch.zeros(2, 3)), ValueError, r"\[3\]"),
        (lambda m: m.similarity(torch.zeros(2, 3), torch.zeros(2, 3), chunk_elements=0), ValueError, "chunk_elements"),
        (lambda m: m.similarity(torch.zeros(2, 3), torch.zeros(2, 3), a_mask=None), TypeError, "a_mask"),
        (lambda m: m.similarity_pairwise([], [torch.zeros(2, 3)]), ValueError, "0 and 1"),
        (lambda m: setattr(m, "similarity_fn_name", "cosine"), ValueError, "'cosine'"),
    ],
)
def test_refused_calls(ours, call, error, message):
    with pytest.raises(error, match=message):
        call(ours)


def test_refused_arguments(nano, e5_small):
    with pytest.raises(bgem3.BadModelError, match=r"no colbert head .*MultiVectorEncoder .*EmbeddingModel"):
        bgem3.MultiVectorEncoder(e5_small, device="cpu")
    with pytest.raises(ValueError, match="'cosine'"):
        bgem3.MultiVectorEncoder(nano, similarity_fn_name="cosine")
