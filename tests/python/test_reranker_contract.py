"""The names and signatures of FlagEmbedding's FlagReranker, and what is refused."""

import inspect

import bgem3
import FlagEmbedding
import pytest
from pair import parameters

PAIR = ("what is a panda?", "hi")


@pytest.fixture(scope="module")
def ours(tiny_reranker) -> bgem3.FlagReranker:
    return bgem3.FlagReranker(str(tiny_reranker), devices="cpu")


# Names and signatures

LEFT_OUT = {"start_multi_process_pool", "stop_multi_process_pool", "encode_multi_process"}  # devices share one process


def public_methods(kind: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(kind, callable) if not name.startswith("_")}


def test_methods():
    assert public_methods(FlagEmbedding.FlagReranker) - public_methods(bgem3.FlagReranker) == LEFT_OUT


@pytest.mark.parametrize("name", ["__init__", *sorted(public_methods(FlagEmbedding.FlagReranker) - LEFT_OUT)])
def test_signature(name):
    ours, theirs = (getattr(package.FlagReranker, name) for package in (bgem3, FlagEmbedding))
    assert parameters(ours) == parameters(theirs)
    assert name == "__init__" or inspect.getdoc(ours)


# Refusals


@pytest.mark.parametrize(
    "pairs", ["ab", b"ab", ["a"], ("a", None), [("a", "b"), ("a",)], [("a", 1)], [["a", ["b"]]], [None], {"a": "b"}, 3]
)
def test_not_pairs(ours, pairs):
    with pytest.raises(TypeError):
        ours.compute_score(pairs)


def test_bad_pair_is_named(ours):
    with pytest.raises(TypeError, match=r"pair 1 should be \(query, passage\), two str, found \('b', None\)"):
        ours.compute_score([("a", "a"), ("b", None)])


@pytest.mark.parametrize(
    "options, message",
    [
        ({"batch_size": 0}, "batch_size .* found 0"),
        ({"query_max_length": 0}, "query_max_length .* found 0"),
        ({"max_length": 3}, "at least 4"),
        ({"max_length": 8193}, "4 to 8192 tokens, found 8193"),
    ],
)
def test_bad_options(ours, options, message):
    with pytest.raises(ValueError, match=message):
        ours.compute_score([PAIR], **options)


def test_unknown_arguments(ours, tiny_reranker):
    with pytest.raises(TypeError, match="'batchsize'"):
        ours.compute_score([PAIR], batchsize=3)
    with pytest.raises(TypeError, match="'use_fp8'"):
        bgem3.FlagReranker(str(tiny_reranker), use_fp8=True)


def test_embedding_model_is_refused(tiny):
    with pytest.raises(bgem3.BadModelError, match="opened by Embedder, EmbeddingModel"):
        bgem3.FlagReranker(str(tiny))
